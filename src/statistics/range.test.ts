import fc from 'fast-check';
import { expect, test } from 'vitest';

import { chooseRange, rangeQuery, splitRange } from './range.js';

const NOW = new Date('2026-05-10T12:07:00Z');
const choose = (query: Record<string, string>, now = NOW, timeZone = 'UTC') => chooseRange(query, now, timeZone);
const iso = (dates: Date[]) => dates.map((date) => date.toISOString());

test('is the last seven days where nothing else is asked for, today being the last', () => {
  for (const query of [{}, { period: '7' }, { period: 'year' }, { from: ' ', until: '' }]) {
    const { range, faults } = choose(query);
    expect(faults).toEqual({});
    expect(range).toMatchObject({ preset: '7', firstDay: '2026-05-04', lastDay: '2026-05-10', days: 7, unit: 'day' });
    expect(iso([range.from, range.until])).toEqual(['2026-05-04T00:00:00.000Z', '2026-05-11T00:00:00.000Z']);
  }
});

test('compares what has not ended with no more than has passed of it, to the quarter of an hour', () => {
  const { range } = choose({ period: 'today' });
  expect(range.isOpen).toBe(true);
  expect(iso([range.before.from, range.before.until])).toEqual([
    '2026-05-09T00:00:00.000Z',
    '2026-05-09T12:15:00.000Z',
  ]);
});

test('compares what has ended with as many whole days before', () => {
  const { range } = choose({ from: '2026-05-01', until: '2026-05-03' });
  expect(range).toMatchObject({ preset: null, days: 3, isOpen: false });
  expect(iso([range.before.from, range.before.until])).toEqual([
    '2026-04-28T00:00:00.000Z',
    '2026-05-01T00:00:00.000Z',
  ]);
});

test('takes the days of the visitor’s clock', () => {
  const { range } = choose({ period: 'today' }, new Date('2026-05-10T20:00:00Z'), 'Asia/Kathmandu');
  expect(range).toMatchObject({ firstDay: '2026-05-11', lastDay: '2026-05-11' });
  expect(iso([range.from, range.until])).toEqual(['2026-05-10T18:15:00.000Z', '2026-05-11T18:15:00.000Z']);
});

test('has 23 and 25 hours where the clocks are changed', () => {
  const hours = (day: string) => {
    const { range } = choose({ from: day, until: day }, new Date('2026-12-01T12:00:00Z'), 'Europe/Berlin');
    return splitRange(range, 'Europe/Berlin').length - 1;
  };
  expect(['2026-03-28', '2026-03-29', '2026-10-25'].map(hours)).toEqual([24, 23, 25]);
});

test('fills in the end or the beginning that was left out', () => {
  expect(choose({ from: '2026-05-01' }).range).toMatchObject({ firstDay: '2026-05-01', lastDay: '2026-05-10' });
  expect(choose({ until: '2026-05-01' }).range).toMatchObject({ firstDay: '2026-04-25', lastDay: '2026-05-01' });
});

test('ends with today what was to end later', () => {
  expect(choose({ from: '2026-05-01', until: '2026-05-31' }).range).toMatchObject({ lastDay: '2026-05-10', days: 10 });
});

test.each([
  [{ from: 'yesterday' }, { from: 'date' }],
  [{ from: '2026-02-30', until: '2026-05-01' }, { from: 'date' }],
  [{ from: '2026-05-01', until: '2026-05-32' }, { until: 'date' }],
  [
    { from: 'x', until: 'y' },
    { from: 'date', until: 'date' },
  ],
  [{ until: '+002026-05-01' }, { until: 'date' }],
  [{ from: '2026-05-03', until: '2026-05-01' }, { until: 'backwards' }],
  [{ from: '2026-05-11' }, { from: 'future' }],
  [{ until: '2027-05-11' }, { until: 'future' }],
  [{ from: '2020-01-01', until: '2026-01-01' }, { from: 'tooLong' }],
])('tells what is wrong with %j and shows the usual range', (query: Record<string, string>, faults) => {
  const choice = choose(query);
  expect(choice.faults).toEqual(faults);
  expect(choice.range.preset).toBe('7');
  expect(choice.typed).toEqual({ from: query['from'] ?? '', until: query['until'] ?? '' });
});

test.each([
  ['2026-05-08', '2026-05-09', 'hour', 48],
  ['2026-05-01', '2026-05-03', 'day', 3],
  ['2026-02-01', '2026-05-03', 'day', 92],
  ['2026-01-01', '2026-05-03', 'week', 18],
  ['2024-01-15', '2026-05-03', 'month', 29],
])('cuts %s to %s by the %s', (from, until, unit, count) => {
  const { range } = choose({ from, until });
  expect(range.unit).toBe(unit);
  expect(splitRange(range, 'UTC')).toHaveLength(count + 1);
});

const ZONES = [
  'UTC',
  'Europe/Moscow',
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Cairo',
];
const DAYS = fc.date({ min: new Date('2015-01-01'), max: new Date('2026-05-10'), noInvalidDate: true });

test('covers its days without gaps, with borders of quarters of an hour, whatever the zone', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), DAYS, fc.nat({ max: 900 }), (timeZone, date, length) => {
      const first = date.toISOString().slice(0, 10);
      const last = Temporal.PlainDate.from(first).add({ days: length }).toString();
      const { range, faults } = choose({ from: first, until: last }, new Date('2030-01-01T00:00:00Z'), timeZone);
      expect(faults).toEqual({});
      const { before } = range;
      const borders = splitRange(range, timeZone);
      expect([borders[0], borders.at(-1)]).toEqual([range.from, range.until]);
      expect(borders.every((border, index) => index === 0 || border > (borders[index - 1] ?? border))).toBe(true);
      expect([...borders, before.from, before.until].every((border) => border.getTime() % 900_000 === 0)).toBe(true);
      expect(borders.length).toBeLessThan(100);
      expect(before.until).toEqual(range.from);
      const hours =
        Math.abs(range.until.getTime() - range.from.getTime() - (range.from.getTime() - before.from.getTime())) /
        3_600_000;
      expect(hours).toBeLessThanOrEqual(25);
    }),
    { numRuns: 200 },
  );
});

test('comes back by its own address', () => {
  for (const query of [{ period: 'today' }, { period: '30' }, { from: '2026-05-01', until: '2026-05-03' }]) {
    const { range } = choose(query);
    expect(choose(Object.fromEntries(new URLSearchParams(rangeQuery(range)))).range).toEqual(range);
  }
});
