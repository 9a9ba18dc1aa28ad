import { expect, test } from 'vitest';

import { Pace } from './pace.js';

/** The windows for a mail server that takes so many letters a second. */
function windowsFor(perSecond: number, connections: number): number[] {
  const pace = new Pace(connections);
  return Array.from({ length: 8 }, () => {
    const { window } = pace;
    pace.learn(window, (window / perSecond) * 1000);
    return window;
  });
}

test('begins with few letters, and takes more while they go quickly', () => {
  expect(windowsFor(10_000, 8)).toEqual([32, 64, 64, 64, 64, 64, 64, 64]);
});

test('keeps few letters begun behind a slow mail server', () => {
  expect(windowsFor(20, 8)).toEqual([32, 16, 16, 16, 16, 16, 16, 16]);
});

test('finds the size that goes in half a second', () => {
  expect(windowsFor(100, 8).at(-1)).toBe(50);
});

test('gives every connection of many something to do', () => {
  expect(windowsFor(10, 100).at(-1)).toBe(200);
  expect(windowsFor(10_000, 100).at(-1)).toBe(200);
});

test('is not misled by a last window of a few letters', () => {
  const pace = new Pace(8);
  pace.learn(3, 1);
  expect(pace.window).toBe(16);
});
