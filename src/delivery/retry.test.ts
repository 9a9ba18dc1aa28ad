import { expect, test } from 'vitest';

import { DEFAULT_RETRY_MINUTES, planDelivery } from './retry.js';
import type { Verdict } from './verdict.js';

const MINUTE = 60_000;
const LATER: Verdict = { kind: 'later', slowly: false };

function plan(verdict: Verdict, deferralCount: number, random = 0.5) {
  return planDelivery(verdict, { retryMinutes: [1, 30], deferralCount, hangUpCount: 0, restMs: 700, random });
}

test('delays grow by the schedule, each moved by a fifth at most', () => {
  expect(plan(LATER, 0)).toEqual({ state: 'waiting', retryInMs: MINUTE, isDeferral: true });
  expect(plan(LATER, 1, 0).retryInMs).toBe(24 * MINUTE);
  expect(plan(LATER, 1, 1).retryInMs).toBe(36 * MINUTE);
});

test('after the last delay of the schedule the delivery is rejected', () => {
  expect(plan(LATER, 2)).toEqual({ state: 'rejected', retryInMs: 0, isDeferral: true });
  expect(plan({ kind: 'policy' }, 2)).toMatchObject({ state: 'rejected' });
});

test('a domain that asks everybody for patience, and a matter of policy, wait a quarter of an hour at least', () => {
  expect(plan({ kind: 'later', slowly: true }, 0).retryInMs).toBe(15 * MINUTE);
  expect(plan({ kind: 'policy' }, 0).retryInMs).toBe(15 * MINUTE);
  expect(plan({ kind: 'later', slowly: true }, 1).retryInMs).toBe(30 * MINUTE);
});

test('a relay that rests uses up nobody’s patience, however long it lasts', () => {
  expect(plan({ kind: 'relay_fault' }, 9)).toEqual({ state: 'waiting', retryInMs: 700, isDeferral: false });
  expect(plan({ kind: 'untried' }, 9)).toEqual({ state: 'waiting', retryInMs: 700, isDeferral: false });
});

test('a letter at which the server hangs up again goes by the schedule, never before the relay, and is never given up', () => {
  const wait = (hangUpCount: number, restMs = 700) =>
    planDelivery({ kind: 'hung_up' }, { retryMinutes: [1, 30], deferralCount: 0, hangUpCount, restMs, random: 0.5 });
  expect(wait(0)).toEqual({ state: 'waiting', retryInMs: 700, isDeferral: false, isHangUp: true });
  expect(wait(1)).toEqual({ state: 'waiting', retryInMs: MINUTE, isDeferral: false, isHangUp: true });
  expect(wait(1, 2 * MINUTE)).toMatchObject({ retryInMs: 2 * MINUTE });
  for (const count of [2, 3, 99]) expect(wait(count)).toMatchObject({ state: 'waiting', retryInMs: 30 * MINUTE });
});

test('by itself Vestnik has the patience that RFC 5321 asks for: four to five days', () => {
  const days = DEFAULT_RETRY_MINUTES.reduce((sum, minutes) => sum + minutes, 0) / (24 * 60);
  expect(days).toBeGreaterThan(4);
  expect(days).toBeLessThan(5);
});
