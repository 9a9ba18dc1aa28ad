import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { HaltWatch } from './halt-watch.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const look = (watch: HaltWatch) => watch.look(async () => {});

/** As the loop of the worker does it. */
async function lookFor(watch: HaltWatch, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await look(watch);
    vi.advanceTimersByTime(500);
  }
  await look(watch);
}

test('a look holds for a second from its beginning, then what is under way is called back once', async () => {
  const calls: number[] = [];
  const watch = new HaltWatch(() => calls.push(performance.now()));
  expect([watch.mayBegin(), watch.mayGoOn()]).toEqual([false, false]);
  const beganAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const looking = watch.look(() => promise);
  vi.advanceTimersByTime(600);
  expect(watch.mayBegin()).toBe(false);
  resolve();
  await looking;
  expect(watch.mayBegin()).toBe(true);
  vi.advanceTimersByTime(401);
  expect([watch.mayBegin(), watch.mayGoOn()]).toEqual([false, true]);
  vi.advanceTimersByTime(800);
  expect(watch.mayGoOn()).toBe(false);
  expect(calls).toEqual([beganAt + 1000]);
});

test('a look that fails holds nothing', async () => {
  const watch = new HaltWatch(() => {});
  await expect(watch.look(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(watch.mayBegin()).toBe(false);
});

test('an earlier look that is answered later does not take the place of a later one', async () => {
  const watch = new HaltWatch(() => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  const early = watch.look(() => promise);
  vi.advanceTimersByTime(900);
  await look(watch);
  resolve();
  await early;
  vi.advanceTimersByTime(900);
  expect(watch.mayBegin()).toBe(true);
});

test('it tells for how long looks have come without a gap: not after a start, an outage, a fault or a sleep', async () => {
  const watch = new HaltWatch(() => {});
  expect(watch.steadyMs).toBe(0);
  await lookFor(watch, 10_000);
  expect(watch.steadyMs).toBe(10_000);
  watch.interrupt();
  expect(watch.steadyMs).toBe(0);
  await lookFor(watch, 3_000);
  expect(watch.steadyMs).toBe(3_000);
  vi.advanceTimersByTime(6_000);
  expect(watch.steadyMs).toBe(0);
  await lookFor(watch, 1_000);
  expect(watch.steadyMs).toBe(1_000);
});

test('while the machine sleeps only the clock on the wall goes on: nothing may be begun afterwards, and looks begin anew', async () => {
  const watch = new HaltWatch(() => {});
  await lookFor(watch, 10_000);
  vi.setSystemTime(Date.now() + 60_000);
  expect([watch.mayBegin(), watch.mayGoOn(), watch.steadyMs]).toEqual([false, false, 0]);
  await look(watch);
  expect(watch.mayBegin()).toBe(true);
  expect(watch.steadyMs).toBe(0);
});
