import { expect, test } from 'vitest';

import { paceOf, sortDomains } from './report.js';

const domain = (name: string, audience: number, rejected: number) => ({
  domain: name,
  audience,
  accepted: audience - rejected,
  rejected,
  inDoubt: 0,
  suppressed: 0,
  expired: 0,
  cancelled: 0,
});

const DOMAINS = [
  domain('b.example', 10, 1),
  domain('a.example', 100, 10),
  domain('c.example', 4, 2),
  domain('', 50, 50),
];
const names = (sorted: typeof DOMAINS) => sorted.map((one) => one.domain);

test('domains are sorted by recipients, name and shares, and all others together stay last', () => {
  expect(names(sortDomains(DOMAINS, 'audience', true))).toEqual(['a.example', 'b.example', 'c.example', '']);
  expect(names(sortDomains(DOMAINS, 'audience', false))).toEqual(['c.example', 'b.example', 'a.example', '']);
  expect(names(sortDomains(DOMAINS, 'domain', false))).toEqual(['a.example', 'b.example', 'c.example', '']);
  expect(names(sortDomains(DOMAINS, 'refused', true))).toEqual(['c.example', 'a.example', 'b.example', '']);
  expect(names(sortDomains(DOMAINS, 'accepted', true))).toEqual(['a.example', 'b.example', 'c.example', '']);
});

const SUMMARY = {
  startsAt: '2026-03-01T10:00:00.000Z',
  stretchSeconds: 10,
  tries: [90, 20],
  accepted: [80, 20],
  firstAt: '2026-03-01T10:00:00.000Z',
  lastAt: '2026-03-01T10:00:20.000Z',
  relays: [],
};

test('the pace is that of letters accepted, from the first to the last', () => {
  expect(paceOf(SUMMARY)).toEqual({ seconds: 20, average: 5, most: 8 });
  expect(paceOf({ ...SUMMARY, accepted: [50], lastAt: '2026-03-01T10:00:00.500Z' })).toEqual({
    seconds: 0.5,
    average: 100,
    most: null,
  });
});

test('where nothing was tried, or nobody knows any more when, there is no pace', () => {
  expect(paceOf({ ...SUMMARY, firstAt: null, lastAt: null })).toBeUndefined();
});
