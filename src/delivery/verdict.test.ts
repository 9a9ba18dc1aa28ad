import { expect, test } from 'vitest';

import type { LostOutcome, RefusedOutcome } from '../lib/smtp/smtp-outcome.js';
import { isRelayFault, judge, relayRest, retryDelay } from './verdict.js';

const FACTS = { durationMs: 1, relay: 'relay:25', tls: null };

function refused(stage: RefusedOutcome['stage'], code: number, local = false): RefusedOutcome {
  return {
    kind: 'refused',
    stage,
    local,
    finalDotMayHaveLeft: false,
    reply: { code, enhancedCode: null, text: 'no' },
    ...FACTS,
  };
}

function lost(values: Partial<LostOutcome>): LostOutcome {
  return {
    kind: 'lost',
    stage: 'dot',
    reply: null,
    cause: 'connection',
    error: 'broke',
    begun: true,
    finalDotMayHaveLeft: false,
    ...FACTS,
    ...values,
  };
}

test.each([
  ['rcpt', 550, { kind: 'settled', state: 'rejected' }],
  ['dot', 554, { kind: 'settled', state: 'rejected' }],
  ['mail', 552, { kind: 'settled', state: 'rejected' }],
  ['rcpt', 450, { kind: 'later' }],
  ['dot', 421, { kind: 'relay_fault' }],
  ['mail', 550, { kind: 'relay_fault' }],
  ['auth', 535, { kind: 'relay_fault' }],
  ['greeting', 554, { kind: 'relay_fault' }],
] as const)('a refusal at %s with %i is judged as it deserves', (stage, code, verdict) => {
  expect(judge(refused(stage, code))).toEqual(verdict);
});

test.each(['starttls', 'auth', 'mail'] as const)("what this side refuses at %s is no recipient's fault", (stage) => {
  expect(judge(refused(stage, 553, true))).toEqual({ kind: 'relay_fault' });
});

test('an address that this side refuses is a rejection of that recipient', () => {
  expect(judge(refused('rcpt', 553, true))).toEqual({ kind: 'settled', state: 'rejected' });
});

test('a relay that breaks off is at fault, also when the letter is in doubt, and not when this side ended the connection', () => {
  expect(isRelayFault(lost({}))).toBe(true);
  expect(isRelayFault(lost({ finalDotMayHaveLeft: true }))).toBe(true);
  expect(isRelayFault(lost({ begun: false }))).toBe(false);
  expect(isRelayFault(lost({ cause: 'closed' }))).toBe(false);
  expect(judge(lost({ finalDotMayHaveLeft: true }))).toEqual({ kind: 'settled', state: 'in_doubt' });
});

test('delays grow, within bounds', () => {
  expect(retryDelay(1, 0.5)).toBe(60_000);
  expect(retryDelay(1000, 1)).toBe(240 * 60_000 * 1.2);
  expect(relayRest(1)).toBe(5000);
  expect(relayRest(1000)).toBe(300_000);
});
