import { expect, test } from 'vitest';

import { NO_FILTER } from '../delivery/attempt-journal.js';
import { hasFaults, isNarrowed, readAttemptSearch } from './attempt-search.js';

const read = (fields: Record<string, string>, timeZone = 'Europe/Moscow') => readAttemptSearch(timeZone, fields);

test('nothing is asked for by an empty form, and by an outcome that there is not', () => {
  for (const fields of [{}, { address: ' ', reply: '', from: '' }]) {
    const search = read(fields);
    expect(search.filter).toEqual(NO_FILTER);
    expect([hasFaults(search), isNarrowed(search)]).toEqual([false, false]);
  }
  expect(read({ outcome: 'drop' }).filter).toEqual(NO_FILTER);
});

test.each<[string, Record<string, string>, object]>([
  ['the beginning of an address', { address: ' Anna@Ex ' }, { address: { kind: 'beginning', text: 'anna@ex' } }],
  ['a domain', { address: '@Mail.RU' }, { address: { kind: 'domain', text: 'mail.ru' } }],
  ['a reply code', { code: '550' }, { code: { kind: 'reply', code: 550 } }],
  ['an enhanced code', { code: '5.1.1' }, { code: { kind: 'enhanced', code: '5.1.1' } }],
  ['words, whatever their case', { reply: 'Ящик Полон', relay: 'MX1' }, { reply: 'ящик полон', relay: 'mx1' }],
  ['control characters', { reply: 'a\0b\nc' }, { reply: 'a b c' }],
  [
    'minutes of the visitor, the last one whole',
    { from: '2026-03-01T10:00', until: '2026-03-01T10:30' },
    { from: new Date('2026-03-01T07:00:00Z'), until: new Date('2026-03-01T07:31:00Z') },
  ],
  [
    'days, the last one whole',
    { from: '2026-03-01', until: '2026-03-01' },
    { from: new Date('2026-02-28T21:00:00Z'), until: new Date('2026-03-01T21:00:00Z') },
  ],
])('understands %s', (_what, fields, part) => {
  expect(read(fields)).toMatchObject({ filter: { ...NO_FILTER, ...part }, form: { faults: {} } });
});

test.each<[string, string, string]>([
  ['address', '@', 'attemptAddress'],
  ['address', 'anna@@example.com', 'attemptAddress'],
  ['address', 'anna example', 'attemptAddress'],
  ['code', '55', 'attemptCode'],
  ['code', '650', 'attemptCode'],
  ['code', '5.1', 'attemptCode'],
  ['code', 'x', 'attemptCode'],
  ['from', 'yesterday', 'dateTime'],
  ['from', '2026-02-30', 'dateTime'],
  ['until', '2026-13-01T10:00', 'dateTime'],
  ['until', '12026-01-01', 'dateTime'],
])('at %s “%s” is a fault, and the rest is kept', (name, text, key) => {
  const search = read({ reply: 'kept', [name]: text });
  expect(search.form.faults).toEqual({ [name]: { key } });
  expect(search.form.typed).toMatchObject({ reply: 'kept', [name]: text });
  expect(hasFaults(search)).toBe(true);
});

test('an end before its beginning is a fault; a day of summer time has its length', () => {
  expect(read({ from: '2026-03-02', until: '2026-03-01' }).form.faults).toEqual({ until: { key: 'untilBeforeFrom' } });
  const { from, until } = read({ from: '2026-03-29', until: '2026-03-29' }, 'Europe/Berlin').filter;
  expect(Number(until) - Number(from)).toBe(23 * 3_600_000);
});
