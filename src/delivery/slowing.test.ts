import { expect, test } from 'vitest';

import { effectiveRate } from './slowing.js';

const SINCE = new Date('2026-11-23T12:00:00Z');
const after = (seconds: number) => new Date(SINCE.getTime() + seconds * 1000);

test.each([
  [0, 60],
  [59, 60],
  [60, 90],
  [119, 90],
  [120, 135],
  [600, 60 * 1.5 ** 10],
])('after %i seconds lets %d letters a minute through', (seconds, rate) => {
  expect(effectiveRate({ lettersPerMinute: 60, since: SINCE }, after(seconds))).toBeCloseTo(rate);
});

test('forgets a slowing that has crept up to full speed', () => {
  expect(effectiveRate({ lettersPerMinute: 4000, since: SINCE }, after(60))).toBe(6000);
  expect(effectiveRate({ lettersPerMinute: 4000, since: SINCE }, after(120))).toBeNull();
  expect(effectiveRate({ lettersPerMinute: 1, since: SINCE }, after(10 * 365 * 86_400))).toBeNull();
});

test('does not shrink where another machine’s clock is ahead', () => {
  expect(effectiveRate({ lettersPerMinute: 60, since: SINCE }, after(-300))).toBe(60);
});
