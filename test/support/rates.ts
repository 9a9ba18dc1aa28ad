import { setTimeout as delay } from 'node:timers/promises';

import { expect } from 'vitest';

import { burstOf, type Pacing } from '../../src/delivery/pacing.js';
import type { Rates } from '../../src/delivery/rates.js';

/* What any keeper of limits promises. */

/** Takers that ask all the time. How many letters they got, and the most that they may have got meanwhile. */
export async function takeInTurns(takers: Rates[], pacing: Pacing, { ms, wanted }: { ms: number; wanted: number }) {
  const beganAt = performance.now();
  const counts = await Promise.all(
    takers.map(async (rates) => {
      let count = 0;
      while (performance.now() - beganAt < ms) {
        const { granted, waitMs } = await rates.take('key', pacing, wanted);
        count += granted;
        if (granted === 0) await delay(Math.min(waitMs, ms));
      }
      return count;
    }),
  );
  const seconds = (performance.now() - beganAt) / 1000;
  const most = burstOf(pacing) + Math.ceil((seconds * pacing.letters) / pacing.seconds);
  return { count: counts.reduce((sum, one) => sum + one, 0), most, seconds };
}

/** Takes all that there is at the moment. */
async function takeAll(rates: Rates, pacing: Pacing, key = 'key'): Promise<number> {
  let count = 0;
  for (;;) {
    const { granted } = await rates.take(key, pacing, 1000);
    if (granted === 0) return count;
    count += granted;
  }
}

/** Each of these holds for a fresh key. */
export const RATE_PROMISES: [what: string, expectKept: (rates: Rates) => Promise<void>][] = [
  [
    'grants what is wanted up to a quarter of a second’s worth, and tells when the next may leave',
    async (rates) => {
      const pacing = { letters: 40, seconds: 1 };
      expect(await rates.take('a', pacing, 4)).toEqual({ granted: 4, waitMs: 0 });
      const { granted } = await rates.take('b', pacing, 64);
      expect(granted).toBe(10);
      const next = await rates.take('b', { letters: 10, seconds: 3600 }, 64);
      expect(next.granted).toBe(0);
      expect(next.waitMs).toBeGreaterThan(0);
    },
  ],
  [
    'grants something to whoever waits as long as it said',
    async (rates) => {
      const pacing = { letters: 20, seconds: 1 };
      for (let n = 0; n < 5; n += 1) {
        await takeAll(rates, pacing);
        const { granted, waitMs } = await rates.take('key', pacing, 1);
        // On a slow machine the next letter may be due by now.
        if (granted > 0) continue;
        expect(waitMs).toBeLessThanOrEqual(50);
        await delay(waitMs);
        expect((await rates.take('key', pacing, 1)).granted).toBe(1);
      }
    },
  ],
  [
    'grants again what was given back',
    async (rates) => {
      const pacing = { letters: 1000, seconds: 86_400 };
      expect(await rates.take('key', pacing, 1)).toEqual({ granted: 1, waitMs: 0 });
      expect((await rates.take('key', pacing, 1)).granted).toBe(0);
      await rates.giveBack('key', pacing, 1);
      expect((await rates.take('key', pacing, 1)).granted).toBe(1);
      await rates.giveBack('key', pacing, 0);
      expect((await rates.take('key', pacing, 1)).granted).toBe(0);
    },
  ],
  [
    'lets no more than a quarter of a second’s worth be saved up, whatever was given back',
    async (rates) => {
      const pacing = { letters: 28_800, seconds: 3600 };
      expect((await rates.take('key', pacing, 2)).granted).toBe(2);
      await rates.giveBack('key', pacing, 50);
      expect((await rates.take('key', pacing, 50)).granted).toBe(2);
    },
  ],
  [
    'keeps one letter a day: one leaves, and the next in a day',
    async (rates) => {
      const pacing = { letters: 1, seconds: 86_400 };
      expect(await rates.take('key', pacing, 64)).toEqual({ granted: 1, waitMs: 0 });
      const { granted, waitMs } = await rates.take('key', pacing, 64);
      expect(granted).toBe(0);
      expect(waitMs).toBeGreaterThan(86_390_000);
      expect(waitMs).toBeLessThanOrEqual(86_400_000);
    },
  ],
  [
    'is in nobody’s way with a billion letters a second, nor with a billion a day',
    async (rates) => {
      for (const pacing of [
        { letters: 1_000_000_000, seconds: 1 },
        { letters: 1_000_000_000, seconds: 86_400 },
      ])
        for (let n = 0; n < 20; n += 1)
          expect(await rates.take(`key ${pacing.seconds}`, pacing, 64)).toEqual({ granted: 64, waitMs: 0 });
    },
  ],
  [
    'keeps every limit by itself',
    async (rates) => {
      const pacing = { letters: 1, seconds: 60 };
      expect(await takeAll(rates, pacing, 'mailing:1')).toBe(1);
      expect(await takeAll(rates, pacing, 'mailing:2')).toBe(1);
      expect(await takeAll(rates, pacing, 'relay:1')).toBe(1);
    },
  ],
  [
    'lets a looser limit hold at once, though the tighter one before it was used up for long',
    async (rates) => {
      await rates.take('key', { letters: 1, seconds: 86_400 }, 1);
      const { granted, waitMs } = await rates.take('key', { letters: 10, seconds: 1 }, 1);
      expect(granted).toBe(0);
      expect(waitMs).toBeLessThanOrEqual(100);
      await delay(waitMs);
      expect((await rates.take('key', { letters: 10, seconds: 1 }, 1)).granted).toBe(1);
    },
  ],
  [
    'lets a tighter limit hold at once',
    async (rates) => {
      await rates.take('key', { letters: 1000, seconds: 1 }, 1000);
      const tight = { letters: 1, seconds: 3600 };
      expect(await takeAll(rates, tight)).toBeLessThanOrEqual(1);
      expect((await rates.take('key', tight, 1)).granted).toBe(0);
    },
  ],
];
