import { expect, test } from 'vitest';

import type { Counters } from '../delivery/delivery.js';
import { NO_TRIES } from '../delivery/next-tries.js';
import { addSample, foresee, measureSpeed, takeSample, type Sample } from './live-pace.js';
import type { Mailing } from './mailing.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

const MAILING: Mailing = {
  id: 1,
  ownerId: 1,
  messageId: 1,
  subject: 'Hello',
  status: 'running',
  audience: 'all',
  firstSendingAt: inSeconds(-60),
  endsAt: inSeconds(3600),
  startedAt: inSeconds(-60),
  frozenAt: inSeconds(-59),
  finishedAt: null,
  startFault: null,
  pausedAt: null,
  pauseReason: null,
  continuedAt: null,
  stoppedAt: null,
  disabledAt: null,
  disabledByName: null,
  disabledReason: null,
  lettersLimit: null,
  limitSeconds: null,
  version: 1,
  createdAt: inSeconds(-60),
  updatedAt: inSeconds(-60),
};

function count(waiting: number, accepted = 0): Counters {
  return {
    audience: waiting + accepted,
    waiting,
    accepted,
    rejected: 0,
    inDoubt: 0,
    inDoubtLeft: 0,
    suppressed: 0,
    expired: 0,
    cancelled: 0,
    attemptsAccepted: accepted,
    attemptsDeferred: 0,
    attemptsRejected: 0,
    attemptsInDoubt: 0,
  };
}

const BASE = {
  mailing: MAILING,
  counters: count(1000),
  speed: { accepted: 10, settled: 10 },
  nextTries: NO_TRIES,
  relayFault: undefined,
  now: NOW,
};

const sample = (second: number, accepted: number): Sample => ({ at: second * 1000, accepted, settled: accepted });

test('speed is that of the last ten seconds', () => {
  let samples: Sample[] = [];
  for (const [second, accepted] of [
    [0, 0],
    [5, 1000],
    [10, 1010],
    [15, 1020],
  ] as const)
    samples = addSample(samples, sample(second, accepted));
  expect(measureSpeed(samples)).toEqual({ accepted: 2, settled: 2 });
});

test('of one look, or two at the same moment, speed is not known', () => {
  expect(measureSpeed([])).toBeNull();
  expect(measureSpeed(addSample([], sample(1, 5)))).toBeNull();
  expect(measureSpeed(addSample([sample(1, 5)], sample(1, 500)))).toBeNull();
});

test('a look after a long while begins anew', () => {
  expect(measureSpeed(addSample([sample(0, 0)], sample(600, 100_000)))).toBeNull();
});

test('what is settled counts, whatever came of it; the speed shown is that of what was accepted', () => {
  const first = takeSample(count(100), NOW);
  const second = takeSample({ ...count(80, 5), audience: 100, rejected: 15 }, inSeconds(10));
  expect(measureSpeed(addSample([first], second))).toEqual({ accepted: 0.5, settled: 2 });
});

test('time left is what waits by the speed, without what was put off for hours', () => {
  expect(foresee(BASE)).toEqual({ kind: 'in_time', seconds: 100 });
  const classes = [
    { within: 60, letters: 100 },
    { within: 21_600, letters: 200 },
    { within: null, letters: 600 },
  ] as const;
  const nextTries = { ...NO_TRIES, letters: 900, classes: [...classes] };
  expect(foresee({ ...BASE, nextTries })).toEqual({ kind: 'in_time', seconds: 20 });
});

test('what will not be done by the end time is told in letters', () => {
  const mailing = { ...MAILING, endsAt: inSeconds(40) };
  expect(foresee({ ...BASE, mailing })).toEqual({ kind: 'late', unsent: 600 });
  expect(foresee({ ...BASE, mailing: { ...MAILING, endsAt: inSeconds(-1) } })).toEqual({ kind: 'late', unsent: 1000 });
});

test('the limit of the mailing bounds what is expected of it', () => {
  const perMinute = { ...MAILING, lettersLimit: 300, limitSeconds: 60 } as const;
  expect(foresee({ ...BASE, mailing: perMinute })).toEqual({ kind: 'in_time', seconds: 200 });
  // A letter every minute: within ten seconds nothing is to be measured.
  const slow = { ...MAILING, lettersLimit: 1, limitSeconds: 60, endsAt: inSeconds(600) } as const;
  expect(foresee({ ...BASE, mailing: slow, speed: { accepted: 0, settled: 0 }, counters: count(5) })).toEqual({
    kind: 'in_time',
    seconds: 300,
  });
});

test.each([
  ['paused', { mailing: { ...MAILING, pausedAt: NOW } }, 'halted'],
  ['disabled', { mailing: { ...MAILING, disabledAt: NOW } }, 'halted'],
  ['stopped', { mailing: { ...MAILING, stoppedAt: NOW } }, 'halted'],
  ['without a mail server', { relayFault: { fault: 'down', pausedUntil: NOW } }, 'resting'],
  ['not frozen yet', { mailing: { ...MAILING, frozenAt: null } }, 'measuring'],
  ['not measured yet', { speed: null }, 'measuring'],
  ['not moving', { speed: { accepted: 0, settled: 0 } }, 'standing'],
  ['left with what was put off', { nextTries: { ...NO_TRIES, letters: 1000 } }, 'put_off'],
])('a mailing that is %s', (_, circumstances, kind) => {
  expect(foresee({ ...BASE, ...circumstances })).toEqual({ kind });
});
