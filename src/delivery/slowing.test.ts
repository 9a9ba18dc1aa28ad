import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { readSlowings } from './relay-store.js';
import { saveSlowing } from './slowing-store.js';
import { effectiveRate, FULL_SPEED, slowDown, tighter } from './slowing.js';

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

test.each([
  ['for the first time, of which nothing was known', null, 60],
  ['at full speed', FULL_SPEED, 3000],
  ['that had been slowed before', 60, 30],
  ['that is as slow as it gets', 6, 6],
  ['that had taken next to nothing', 0.5, 6],
])('a complaint of one %s', (_what, before, after) => {
  expect(slowDown(before)).toBe(after);
});

test('complaint after complaint never stops all letters, and quiet minutes bring full speed back', () => {
  let rate = FULL_SPEED;
  for (let n = 0; n < 50; n += 1) rate = slowDown(rate);
  expect(rate).toBe(6);
  const slowing = { lettersPerMinute: rate, since: SINCE };
  const rates = Array.from({ length: 18 }, (_, minute) => effectiveRate(slowing, after(minute * 60)));
  const known = rates.filter((one) => one !== null);
  expect(known).toHaveLength(18);
  expect(known).toEqual(known.toSorted((a, b) => a - b));
  expect(effectiveRate(slowing, after(18 * 60))).toBeNull();
});

test('of a limit and a slowing the one holds that lets fewer leave', () => {
  const hourly = { letters: 120, seconds: 3600 };
  expect(tighter(null, null)).toBeNull();
  expect(tighter(hourly, null)).toEqual(hourly);
  expect(tighter(null, 60)).toEqual({ letters: 60, seconds: 60 });
  expect(tighter(hourly, 60)).toEqual(hourly);
  expect(tighter({ letters: 5, seconds: 1 }, 60)).toEqual({ letters: 60, seconds: 60 });
});

test('is stored once in half a minute, whichever process complains', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const read = async () => (await readSlowings(db)).get('domain:example.com')?.lettersPerMinute;
  await saveSlowing(db, 'domain:example.com', 60);
  await Promise.all([30, 15, 7].map((rate) => saveSlowing(db, 'domain:example.com', rate)));
  expect(await read()).toBe(60);
  await sql`update slowings set since = since - interval '31 seconds'`.execute(db);
  await Promise.all([30, 30, 30].map((rate) => saveSlowing(db, 'domain:example.com', rate)));
  expect(await read()).toBe(30);
  await saveSlowing(db, 'relay:3', 3000);
  expect([...(await readSlowings(db)).keys()]).toEqual(['domain:example.com', 'relay:3']);
});
