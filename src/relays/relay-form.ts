// pure
import { z } from 'zod';

import type { FormState } from '../lib/form.js';
import { parseDomain, parseHost } from '../lib/host.js';
import { demandedLetters, joinRate, rateFields, toRate, typeRate } from '../lib/rate.js';
import { singleLine } from '../lib/text.js';
import type { DomainLimit, Relay, RelayValues } from './relay.js';

/* What administrators type about mail servers, and back. */

const CONTROL = /[\u0000-\u001f\u007f]/;
/** Microsoft's tokens have some thousand characters. */
const MAX_SECRET = 10_000;

const chosen = (text: string | undefined) => text === 'on';

export const relayForm = z
  .object({
    name: filledLine(100),
    host: filledLine(255)
      .refine((text) => parseHost(text) !== undefined, { error: 'host' })
      .transform((text) => parseHost(text) ?? ''),
    port: wholeNumber(1, 65_535, 'port'),
    tls: z.enum(['required', 'implicit', 'opportunistic', 'none'], { error: 'choice' }),
    verify: z.string().optional().transform(chosen),
    auth: z.enum(['none', 'password', 'xoauth2'], { error: 'choice' }),
    userName: singleLine(320).optional().default(''),
    // Spaces at its ends belong to it.
    secret: z
      .string()
      .max(MAX_SECRET, { error: 'tooLong' })
      // RFC 4616, section 2: NUL separates the parts of PLAIN.
      .refine((text) => !CONTROL.test(text), { error: 'controlCharacter' })
      .optional()
      .default(''),
    weight: wholeNumber(0, 100, 'weight'),
    connections: wholeNumber(1, 1000, 'connections'),
    ...rateFields,
    enabled: z.string().optional().transform(chosen),
  })
  .refine(({ auth, userName }) => auth === 'none' || userName !== '', {
    error: 'required',
    path: ['userName'],
    // Beside the faults of the other fields.
    when: ({ value }) => typeof value === 'object',
  });

export function toRelayValues(form: z.infer<typeof relayForm>): RelayValues {
  const { verify, enabled, letters, per, auth, userName, secret, ...rest } = form;
  const rate = joinRate({ letters, per });
  const login = auth === 'none' ? { userName: null, secret: '' } : { userName, secret };
  return {
    ...rest,
    auth,
    ...login,
    verifyCertificate: verify,
    lettersLimit: rate?.letters ?? null,
    limitSeconds: rate?.seconds ?? null,
    isEnabled: enabled,
  };
}

/** What a new one's form begins with. */
export const NEW_RELAY: FormState = {
  typed: {
    port: '587',
    tls: 'required',
    verify: 'on',
    auth: 'password',
    weight: '1',
    connections: '8',
    per: 'minute',
    enabled: 'on',
  },
  faults: {},
};

/** Without its password, which is never shown. */
export function typeRelay(relay: Relay): FormState {
  const { name, host, port, tls, verifyCertificate, auth, userName, weight, connections, version } = relay;
  return {
    typed: {
      name,
      host,
      port: String(port),
      tls,
      ...(verifyCertificate ? { verify: 'on' } : {}),
      auth,
      userName: userName ?? '',
      weight: String(weight),
      connections: String(connections),
      ...typeRate(toRate(relay)),
      version: String(version),
    },
    faults: {},
  };
}

export const domainLimitForm = z.object({
  domain: filledLine(255)
    .refine((text) => parseDomain(text) !== undefined, { error: 'domain' })
    .transform((text) => parseDomain(text) ?? ''),
  letters: demandedLetters,
  per: rateFields.per,
});

/** Empty for a new one. */
export function typeDomainLimit(limit: DomainLimit | undefined): FormState {
  return { typed: { domain: limit?.domain ?? '', ...typeRate(limit ? toRate(limit) : null) }, faults: {} };
}

function filledLine(max: number) {
  return singleLine(max).refine((text) => text !== '', { error: 'required' });
}

function wholeNumber(min: number, max: number, error: string) {
  return z
    .string({ error })
    .trim()
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= min && Number(text) <= max, { error })
    .transform(Number);
}
