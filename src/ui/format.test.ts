import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  formatDateTime,
  formatNumber,
  formatTimeUntil,
  formatTimeWithSeconds,
  fromLocalInput,
  isTimeZone,
  toLocalInput,
} from './format.js';

const view = (timeZone: string, locale: 'ru' | 'en' = 'en') => ({ locale, timeZone });

const timeZone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
/** From 1975 on offsets are whole minutes everywhere. */
const instant = fc
  .date({ min: new Date('1975-01-01T00:00:00Z'), max: new Date('2099-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 60_000) * 60_000));

/** Around the changes of summer time in Berlin, New York, Lord Howe (half an hour) and Moscow’s history. */
const nearChange = fc
  .tuple(
    fc.constantFrom(
      '2026-03-29T01:00Z',
      '2026-10-25T01:00Z',
      '2026-03-08T07:00Z',
      '2026-11-01T06:00Z',
      '2026-04-04T15:00Z',
      '2010-10-30T23:00Z',
    ),
    fc.integer({ min: -180, max: 180 }),
  )
  .map(([change, minutes]) => new Date(Date.parse(change) + minutes * 60_000));

test('what a field shows means the same minute when it is sent back, in any time zone', () => {
  fc.assert(
    fc.property(timeZone, fc.oneof(instant, nearChange), (timeZone, instant) => {
      const text = toLocalInput(view(timeZone), instant);
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
      const back = fromLocalInput(timeZone, text);
      expect(back && toLocalInput(view(timeZone), back)).toBe(text);
      // A time that comes twice is the first of the two, so nothing but an earlier instant may come back.
      const earlier = instant.getTime() - (back?.getTime() ?? Number.NaN);
      expect(earlier).toBeGreaterThanOrEqual(0);
      expect(earlier).toBeLessThanOrEqual(24 * 3_600_000);
    }),
    { numRuns: 2000 },
  );
});

test('seconds are left out, not rounded up', () => {
  expect(toLocalInput(view('UTC'), new Date('2026-03-01T12:20:59.999Z'))).toBe('2026-03-01T12:20');
});

test('reads the wall clock of the time zone', () => {
  expect(fromLocalInput('Europe/Moscow', '2026-03-01T15:20')?.toISOString()).toBe('2026-03-01T12:20:00.000Z');
  expect(fromLocalInput('Asia/Kathmandu', '2026-03-01T15:20')?.toISOString()).toBe('2026-03-01T09:35:00.000Z');
  expect(fromLocalInput('UTC', '2026-03-01T15:20:30')?.toISOString()).toBe('2026-03-01T15:20:30.000Z');
});

test('of a time that summer time skips the later one counts', () => {
  const skipped = fromLocalInput('Europe/Berlin', '2026-03-29T02:30');
  expect(skipped?.toISOString()).toBe('2026-03-29T01:30:00.000Z');
  expect(skipped && toLocalInput(view('Europe/Berlin'), skipped)).toBe('2026-03-29T03:30');
});

test('of a time that comes twice the first counts', () => {
  expect(fromLocalInput('Europe/Berlin', '2026-10-25T02:30')?.toISOString()).toBe('2026-10-25T00:30:00.000Z');
  expect(toLocalInput(view('Europe/Berlin'), new Date('2026-10-25T01:30:00Z'))).toBe('2026-10-25T02:30');
});

test.each([
  '',
  'tomorrow',
  '2026-02-30T00:00',
  '2026-13-01T00:00',
  '2026-03-01T25:00',
  '2026-03-01T12:20Z',
  '12:20',
  '2026-03-01T12:20\0',
])('takes %j for no time', (text) => {
  expect(fromLocalInput('UTC', text)).toBeUndefined();
});

test('takes a time zone that there is not for no time', () => {
  expect(fromLocalInput('Mars/Olympus', '2026-03-01T12:20')).toBeUndefined();
});

test('knows time zones from what is none', () => {
  for (const zone of ['UTC', 'Europe/Moscow', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata']) {
    expect([zone, isTimeZone(zone)]).toEqual([zone, true]);
  }
  for (const zone of ['', 'Mars/Olympus', 'Europe/Moscow\0', '<script>', 'Moscow Time']) {
    expect([zone, isTimeZone(zone)]).toEqual([zone, false]);
  }
});

test('shows instants in the language and the time zone of the visitor', () => {
  const instant = new Date('2026-03-01T21:05:07Z');
  expect(formatDateTime(view('Europe/Moscow', 'ru'), instant)).toBe('2\u00a0мар.\u00a02026, 00:05');
  expect(formatDateTime(view('America/New_York'), instant)).toMatch(/^Mar\u00a01,\u00a02026, 4:05[\u00a0\u202f]PM$/);
  expect(formatTimeWithSeconds(view('UTC', 'ru'), instant)).toContain('21:05:07');
});

test('shows large numbers as the language does', () => {
  expect(formatNumber(view('UTC'), 1234567)).toBe('1,234,567');
  expect(formatNumber(view('UTC', 'ru'), 1234567)).toBe('1\u00a0234\u00a0567');
});

test.each([
  [0, 'in 1 minute', 'через 1 минуту'],
  [2, 'in 2 minutes', 'через 2 минуты'],
  [13.2, 'in 14 minutes', 'через 14 минут'],
  [89, 'in 89 minutes', 'через 89 минут'],
  [90, 'in 2 hours', 'через 2 часа'],
  [21 * 60, 'in 21 hours', 'через 21 час'],
  [3 * 24 * 60, 'in 3 days', 'через 3 дня'],
])('%f minutes from now are told as people say it', (minutes, en, ru) => {
  const now = new Date('2026-03-01T12:00:00Z');
  const instant = new Date(now.getTime() + minutes * 60_000);
  expect(formatTimeUntil({ locale: 'en', now }, instant)).toBe(en);
  expect(formatTimeUntil({ locale: 'ru', now }, instant)).toBe(ru);
});
