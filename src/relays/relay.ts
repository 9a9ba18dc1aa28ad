// pure
import type { RelayState } from '../delivery/relay-store.js';
import { effectiveRate, type Slowing } from '../delivery/slowing.js';
import type { RateColumns } from '../lib/rate.js';
import type { RelayAuth } from '../lib/schema.js';
import type { TlsMode } from '../lib/smtp/smtp-url.js';

/** A mail server that administrators keep, as pages may show it. */
export interface Relay extends RateColumns {
  id: number;
  name: string;
  host: string;
  port: number;
  tls: TlsMode;
  verifyCertificate: boolean;
  auth: RelayAuth;
  userName: string | null;
  /** Its share beside the others; 0: only while no other is available. */
  weight: number;
  /** Of all processes together. */
  connections: number;
  isEnabled: boolean;
  version: number;
}

/** The same with its password or token, sealed: see `openRelay`. */
export interface RelaySettings extends Relay {
  sealedSecret: string | null;
}

/** What the form gives. */
export interface RelayValues extends Omit<Relay, 'id' | 'version'> {
  /** As typed; empty to keep what is stored. */
  secret: string;
}

export interface DomainLimit extends RateColumns {
  /** As ASCII, in small letters. */
  domain: string;
  lettersLimit: number;
}

/** The key of SMTP_URL's mail server, or of the built-in inbox, which mailings go by while no relay is enabled. */
export const SMTP_URL_KEY = 'smtp_url';

/** How a relay does, and why. */
export type RelayCondition =
  | { kind: 'off' | 'unreadable' | 'unused' | 'working' }
  | { kind: 'slowed'; lettersPerMinute: number; since: Date }
  | { kind: 'resting'; fault: string; since: Date | null; until: Date }
  /** Its rest is over: the next letter tries it. */
  | { kind: 'trying'; fault: string; since: Date | null };

interface Known {
  isEnabled: boolean;
  isReadable: boolean;
  state: RelayState | undefined;
  slowing: Slowing | undefined;
  now: Date;
}

export function describeCondition({ isEnabled, isReadable, state, slowing, now }: Known): RelayCondition {
  if (!isEnabled) return { kind: 'off' };
  if (!isReadable) return { kind: 'unreadable' };
  if (state?.fault) {
    const { fault, failingSince: since, pausedUntil: until } = state;
    return until !== null && until > now ? { kind: 'resting', fault, since, until } : { kind: 'trying', fault, since };
  }
  const lettersPerMinute = slowing && effectiveRate(slowing, now);
  if (slowing && lettersPerMinute) return { kind: 'slowed', lettersPerMinute, since: slowing.since };
  return { kind: state ? 'working' : 'unused' };
}

const NOTICED_AFTER_MS = 60_000;
const ALERTED_AFTER_MS = 600_000;
/** One that nobody has tried since its rest was over says nothing of today. */
const STALE_AFTER_MS = 60_000;

/** How long it has to go on before administrators see it on their pages, or get a letter. */
export function isFailing(state: RelayState | undefined, now: Date, what: 'notice' | 'alert'): boolean {
  const { fault = null, failingSince = null, pausedUntil = null } = state ?? {};
  if (fault === null || failingSince === null || pausedUntil === null) return false;
  const isPresent = now.getTime() - pausedUntil.getTime() < STALE_AFTER_MS;
  return (
    isPresent && now.getTime() - failingSince.getTime() >= (what === 'notice' ? NOTICED_AFTER_MS : ALERTED_AFTER_MS)
  );
}

/** A stored password goes with these alone: with another host or user it is asked for again. */
export function isSameLogin(
  a: Pick<Relay, 'host' | 'auth' | 'userName'>,
  b: Pick<Relay, 'host' | 'auth' | 'userName'>,
): boolean {
  return a.host === b.host && a.auth === b.auth && a.userName === b.userName;
}

/** What the password is sealed for. */
export function describeLogin({ host, auth, userName }: Pick<Relay, 'host' | 'auth' | 'userName'>): string {
  return JSON.stringify(['relay', auth, host, userName]);
}

const COMPARED = [
  'name',
  'host',
  'port',
  'tls',
  'verifyCertificate',
  'auth',
  'userName',
  'weight',
  'connections',
] as const satisfies (keyof RelayValues)[];

/** The names of what differs, for the audit log; of the password only that it was changed. */
export function listChanges(before: Relay, after: RelayValues): string[] {
  const changes: string[] = COMPARED.filter((key) => before[key] !== after[key]);
  if (before.lettersLimit !== after.lettersLimit || before.limitSeconds !== after.limitSeconds) changes.push('rate');
  if (after.secret !== '') changes.push('secret');
  return changes;
}

/** Whether what is known of its state is true no longer. */
export function leadsElsewhere(before: Relay, after: RelayValues): boolean {
  const keys = ['host', 'port', 'tls', 'verifyCertificate', 'auth', 'userName'] as const;
  return after.secret !== '' || keys.some((key) => before[key] !== after[key]);
}

/** A relay as a page shows it. */
export interface ShownRelay {
  relay: Relay;
  /** Whether its password, if it has one, can be read. */
  isReadable: boolean;
  condition: RelayCondition;
}

export interface RelayOverview {
  relays: ShownRelay[];
  /** How the mail server of SMTP_URL does, or the built-in inbox. */
  smtpUrl: RelayCondition;
  limits: DomainLimit[];
  /** Domains that asked for patience. */
  slowed: { domain: string; lettersPerMinute: number; since: Date }[];
}

export interface FailingRelay {
  key: string;
  /** Null for the mail server of SMTP_URL, as is its name. */
  id: number | null;
  name: string | null;
  fault: string;
  since: Date;
  /** No other takes letters either. */
  isLast: boolean;
}
