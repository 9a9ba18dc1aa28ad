import { expect, test } from 'vitest';

import { Activity } from './activity.js';

/** An activity whose clock is turned by hand. */
function openActivity() {
  let now = 0;
  return { activity: new Activity(() => now), turnTo: (seconds: number) => (now = seconds * 1000) };
}

test('sums up outcomes since the start', () => {
  const { activity } = openActivity();
  activity.record({ accepted: 3, deferred: 1 });
  activity.record({ accepted: 2, rejected: 4, inDoubt: 5 });
  expect(activity.read().outcomes).toEqual({ accepted: 5, deferred: 1, rejected: 4, inDoubt: 5 });
});

test('tells the rate of the last ten whole seconds, and of fewer where there were fewer', () => {
  const { activity, turnTo } = openActivity();
  const rateAt = (seconds: number) => {
    turnTo(seconds);
    return activity.read().lettersPerSecond;
  };
  activity.record({ accepted: 30 });
  // The first second is not over.
  expect(rateAt(0.9)).toBe(0);
  expect(rateAt(1)).toBe(30);
  expect(rateAt(3)).toBe(10);
  activity.record({ deferred: 20, rejected: 10, inDoubt: 10 });
  expect(rateAt(4)).toBe(17.5);
  expect(rateAt(10)).toBe(7);
  expect(rateAt(11)).toBe(4);
  expect(rateAt(13)).toBe(4);
  expect(rateAt(14)).toBe(0);
});

test('an hour of silence leaves nothing of the rate, and the sums as they were', () => {
  const { activity, turnTo } = openActivity();
  activity.record({ accepted: 1000 });
  turnTo(3600);
  activity.record({ accepted: 10 });
  turnTo(3601);
  expect(activity.read()).toMatchObject({ lettersPerSecond: 1, outcomes: { accepted: 1010 } });
});

test('asks the engine for what goes on now, and is idle without one', () => {
  const { activity } = openActivity();
  expect(activity.read()).toMatchObject({ onTheWire: 0, connections: 0, mailings: [] });
  const sending = [7];
  activity.watch({ onTheWire: () => 12, connections: () => 3, mailings: () => sending });
  sending.push(9);
  expect(activity.read()).toMatchObject({ onTheWire: 12, connections: 3, mailings: [7, 9] });
});
