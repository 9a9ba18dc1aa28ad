import { expect, test } from 'vitest';

import { Pace } from './pace.js';

/** The leases for a mail server that takes so many letters a second, and always has as many as it may be given. */
function leasesFor(perSecond: number, connections: number): number[] {
  const pace = new Pace(connections);
  return Array.from({ length: 8 }, () => {
    const { lease, capacity } = pace;
    pace.learn(capacity, (capacity / perSecond) * 1000);
    return lease;
  });
}

/** How many letters may be under way to it in the end. */
function capacityFor(perSecond: number, connections: number): number {
  const pace = new Pace(connections);
  for (let n = 0; n < 8; n += 1) pace.learn(pace.capacity, (pace.capacity / perSecond) * 1000);
  return pace.capacity;
}

test('begins with few letters, and takes more while they go quickly', () => {
  expect(leasesFor(10_000, 8)).toEqual([16, 64, 64, 64, 64, 64, 64, 64]);
});

test('keeps few letters under way behind a slow mail server', () => {
  expect(leasesFor(20, 8)).toEqual([16, 16, 16, 16, 16, 16, 16, 16]);
  expect(capacityFor(20, 8)).toBe(64);
});

test('never has more under way than four of the largest leases, however fast the server is', () => {
  expect(capacityFor(1_000_000, 8)).toBe(256);
});

test('finds how many go in two seconds', () => {
  expect(capacityFor(100, 8)).toBe(200);
  expect(leasesFor(100, 8).at(-1)).toBe(50);
});

test('gives every connection of many something to do', () => {
  expect([capacityFor(10, 100), capacityFor(10_000, 100)]).toEqual([800, 800]);
  expect(leasesFor(10, 100).at(-1)).toBe(64);
  const pace = new Pace(8);
  pace.connections = 100;
  expect(pace.capacity).toBe(800);
});

test('a lease always fits into what may be under way', () => {
  for (const connections of [1, 8, 33, 1000]) {
    const pace = new Pace(connections);
    for (const rate of [1, 50, 90, 128, 5000]) {
      pace.learn(rate, 1000);
      expect(pace.lease * 4).toBeLessThanOrEqual(pace.capacity + 3);
      expect(pace.lease).toBeGreaterThanOrEqual(16);
    }
  }
});

test('finds back to few letters after one lease that went untypically fast', () => {
  const pace = new Pace(8);
  const learnSlow = () => pace.learn(64, 3200);
  learnSlow();
  pace.learn(64, 1);
  for (let n = 0; n < 40; n += 1) learnSlow();
  expect(pace.capacity).toBe(64);
});

test('knows letters a second', () => {
  const pace = new Pace(8);
  expect(pace.rate).toBe(0);
  pace.learn(50, 500);
  expect(pace.rate).toBe(100);
  pace.learn(50, 250);
  expect(pace.rate).toBeCloseTo(120);
});
