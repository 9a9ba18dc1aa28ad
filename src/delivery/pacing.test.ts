import { expect, test } from 'vitest';

import { burstOf, intervalOf, type Pacing } from './pacing.js';

test.each<[pacing: Pacing, intervalMs: number]>([
  [{ letters: 1, seconds: 1 }, 1000],
  [{ letters: 5, seconds: 1 }, 200],
  [{ letters: 100, seconds: 3600 }, 36_000],
  [{ letters: 1, seconds: 86_400 }, 86_400_000],
  [{ letters: 1_000_000_000, seconds: 1 }, 0.000_001],
  [{ letters: 93.75, seconds: 60 }, 640],
])('%o lets a letter leave every %d ms', (pacing, intervalMs) => {
  expect(intervalOf(pacing)).toBeCloseTo(intervalMs, 9);
});

test.each<[pacing: Pacing, atOnce: number]>([
  [{ letters: 5, seconds: 1 }, 1],
  [{ letters: 100, seconds: 3600 }, 1],
  [{ letters: 1, seconds: 86_400 }, 1],
  [{ letters: 6, seconds: 60 }, 1],
  [{ letters: 600, seconds: 60 }, 3],
  [{ letters: 100, seconds: 1 }, 25],
  [{ letters: 1_000_000_000, seconds: 1 }, 250_000_000],
])('%o lets a quarter of a second’s worth leave at once, and always one letter: %d', (pacing, atOnce) => {
  expect(burstOf(pacing)).toBe(atOnce);
});
