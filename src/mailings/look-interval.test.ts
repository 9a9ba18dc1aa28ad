import { expect, test } from 'vitest';

import { chooseInterval } from './look-interval.js';

const tickMs = 750;

test('what is read quickly is read at every tick', () => {
  expect(chooseInterval({ tickMs, tookMs: 5, watched: 1 })).toBe(750);
});

test('what takes long is read for a tenth of the time', () => {
  expect(chooseInterval({ tickMs, tookMs: 120, watched: 1 })).toBe(1200);
});

test('of a hundred mailings no more than some sixty are read a second', () => {
  expect(chooseInterval({ tickMs, tookMs: 5, watched: 40 })).toBe(750);
  expect(chooseInterval({ tickMs, tookMs: 5, watched: 100 })).toBe(1600);
});

test.each([
  [10, 1000],
  [300, 1],
  [500, 1000],
])('read in %i ms beside %i others, a number is replaced before it is two seconds old', (tookMs, watched) => {
  // It may have been read at the beginning of a look, and is replaced at the end of the next.
  expect(chooseInterval({ tickMs, tookMs, watched }) + tookMs).toBeLessThan(2000);
});

test('half of the time nothing is read, however long it takes', () => {
  expect(chooseInterval({ tickMs, tookMs: 4000, watched: 1 })).toBe(8000);
});
