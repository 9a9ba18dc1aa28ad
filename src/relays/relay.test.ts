import { expect, test } from 'vitest';

import type { RelayState } from '../delivery/relay-store.js';
import { describeCondition, isFailing } from './relay.js';

const NOW = new Date('2026-11-23T12:00:00Z');
const seconds = (count: number) => new Date(NOW.getTime() + count * 1000);
const GOOD: RelayState = { fault: null, pausedUntil: null, failingSince: null, alertedAt: null };
const faulty = (since: number, until: number): RelayState => ({
  ...GOOD,
  fault: '535 no',
  failingSince: seconds(since),
  pausedUntil: seconds(until),
});
const slowing = { lettersPerMinute: 60, since: seconds(-70) };
const known = { isEnabled: true, isReadable: true, state: undefined, slowing: undefined, now: NOW };

test.each([
  ['switched off, whatever else is known', { isEnabled: false, isReadable: false, state: faulty(-60, 5) }, 'off'],
  ['without a password that can be read', { isReadable: false, state: GOOD }, 'unreadable'],
  ['never used', {}, 'unused'],
  ['that takes letters', { state: GOOD }, 'working'],
  ['that rests, slowed or not', { state: faulty(-60, 5), slowing }, 'resting'],
  ['whose rest is over', { state: faulty(-60, -1) }, 'trying'],
  ['that asked for patience', { state: GOOD, slowing }, 'slowed'],
  [
    'that asked for patience long ago',
    { state: GOOD, slowing: { lettersPerMinute: 60, since: seconds(-7200) } },
    'working',
  ],
])('tells of a mail server %s', (_what, facts, kind) => {
  expect(describeCondition({ ...known, ...facts }).kind).toBe(kind);
});

test('tells to what it is slowed now, not to what it was', () => {
  expect(describeCondition({ ...known, state: GOOD, slowing })).toMatchObject({ lettersPerMinute: 90 });
});

test.each([
  ['nothing', undefined, [false, false]],
  ['no fault', GOOD, [false, false]],
  ['a fault of a moment', faulty(-59, 10), [false, false]],
  ['a minute of faults', faulty(-60, 10), [true, false]],
  ['ten minutes of faults', faulty(-600, 10), [true, true]],
  ['a rest that has just ended', faulty(-600, -59), [true, true]],
  ['faults of yesterday that nobody has tried since', faulty(-86_400, -60), [false, false]],
])('of %s makes a notice and a letter, or does not', (_what, state, expected) => {
  expect([isFailing(state, NOW, 'notice'), isFailing(state, NOW, 'alert')]).toEqual(expected);
});
