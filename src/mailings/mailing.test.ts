import { expect, test } from 'vitest';

import { parseForm } from '../lib/form.js';
import { fromLocalInput, toLocalInput } from '../ui/format.js';
import { repeatWindow, suggestWindow } from './mailing-times.js';
import { describeMailing, mailingForm, type Mailing } from './mailing.js';

const BERLIN = 'Europe/Berlin';
const NOW = new Date('2026-03-01T12:00:30Z');

const mailing: Mailing = {
  id: 1,
  ownerId: 1,
  messageId: 1,
  subject: 'Hello',
  status: 'created',
  audience: 'all',
  firstSendingAt: NOW,
  endsAt: NOW,
  startedAt: null,
  frozenAt: null,
  finishedAt: null,
  startFault: null,
  pausedAt: null,
  pauseReason: null,
  continuedAt: null,
  stoppedAt: null,
  disabledAt: null,
  disabledByName: null,
  disabledReason: null,
  lettersLimit: null,
  limitSeconds: null,
  version: 1,
  createdAt: NOW,
  updatedAt: NOW,
};

const typed = { messageId: '7', firstSendingAt: '2026-03-02T10:00', endsAt: '2026-03-03T10:00', audience: 'all' };

function parse(changes: Record<string, string>, keptStart: Date | null = null) {
  const read = (text: string) => fromLocalInput(BERLIN, text);
  return parseForm(mailingForm({ readStart: read, readEnd: read, now: NOW, keptStart }), { ...typed, ...changes });
}

test('reads the times on the clock of the visitor', () => {
  expect(parse({})).toEqual({
    ok: true,
    values: {
      messageId: 7,
      firstSendingAt: new Date('2026-03-02T09:00:00Z'),
      endsAt: new Date('2026-03-03T09:00:00Z'),
      audience: 'all',
      rate: null,
    },
  });
});

test.each([
  ['', 'minute', null],
  ['100', 'minute', { letters: 100, seconds: 60 }],
  [' 1 000 ', 'day', { letters: 1000, seconds: 86_400 }],
  ['5', 'second', { letters: 5, seconds: 1 }],
] as const)('reads the rate of %j a %s', (letters, per, rate) => {
  expect(parse({ letters, per })).toMatchObject({ ok: true, values: { rate } });
});

test.each([
  ['the hour that summer time leaves out counts as the later one', '2026-03-29T02:30', '2026-03-29T01:30:00Z'],
  ['of the hour that comes twice the first counts', '2026-10-25T02:30', '2026-10-25T00:30:00Z'],
  ['after it, winter time counts', '2026-10-25T03:00', '2026-10-25T02:00:00Z'],
])('%s', (_name, firstSendingAt, instant) => {
  const parsed = parse({ firstSendingAt, endsAt: '2026-12-01T10:00' });
  expect(parsed).toMatchObject({ ok: true, values: { firstSendingAt: new Date(instant) } });
});

test.each<[string, Record<string, string>, Record<string, string>]>([
  ['an end before the start', { endsAt: '2026-03-02T09:59' }, { endsAt: 'endBeforeStart' }],
  ['an end at the start', { endsAt: '2026-03-02T10:00' }, { endsAt: 'endBeforeStart' }],
  ['a start in the past', { firstSendingAt: '2026-03-01T12:59' }, { firstSendingAt: 'inThePast' }],
  [
    'both at once, and no message',
    { messageId: '', endsAt: '2026-03-02T09:00' },
    { messageId: 'messageMissing', endsAt: 'endBeforeStart' },
  ],
  ['an end in the past', { endsAt: '2026-02-02T10:00' }, { endsAt: 'inThePast' }],
  ['an empty time', { firstSendingAt: '' }, { firstSendingAt: 'required' }],
  ['a day that does not exist', { firstSendingAt: '2026-02-31T10:00' }, { firstSendingAt: 'dateTime' }],
  ['a year of six digits', { endsAt: '+200000-01-01T10:00' }, { endsAt: 'dateTime' }],
  ['a zero byte', { endsAt: '2026-03-02T10:00\0' }, { endsAt: 'dateTime' }],
  ['an unknown audience', { audience: 'some' }, { audience: 'choice' }],
  ['no letters at all', { letters: '0' }, { letters: 'letterCount' }],
  ['half a letter', { letters: '1.5' }, { letters: 'letterCount' }],
  ['more letters than anybody sends', { letters: '9999999999' }, { letters: 'letterCount' }],
  ['a rate by no unit', { letters: '5', per: 'week' }, { per: 'choice' }],
])('refuses %s at its field', (_name, changes, faults) => {
  const parsed = parse(changes);
  const keys = parsed.ok
    ? {}
    : Object.fromEntries(Object.entries(parsed.faults).map(([field, { key }]) => [field, key]));
  expect(keys).toEqual(faults);
});

test('takes the running minute, although its first seconds are past', () => {
  expect(parse({ firstSendingAt: '2026-03-01T13:00' }).ok).toBe(true);
});

test('lets a past start be when it is the saved one', () => {
  const start = new Date('2026-02-01T09:00:00Z');
  expect(parse({ firstSendingAt: '2026-02-01T10:00' }, start).ok).toBe(true);
  expect(parse({ firstSendingAt: '2026-02-01T10:01' }, start).ok).toBe(false);
});

test('says of a message that is no number the same as of one that does not exist', () => {
  expect(parse({ messageId: 'x' })).toMatchObject({ ok: true, values: { messageId: 0 } });
});

test.each<[string, Partial<Mailing>]>([
  ['created', {}],
  ['start_fault', { startFault: 'window_over' }],
  ['disabled', { disabledAt: NOW, startFault: 'window_over' }],
  ['preparing', { status: 'running' }],
  ['running', { status: 'running', frozenAt: NOW }],
  ['paused', { status: 'running', frozenAt: NOW, pausedAt: NOW }],
  ['disabled', { status: 'running', frozenAt: NOW, pausedAt: NOW, disabledAt: NOW }],
  ['stopping', { status: 'running', frozenAt: NOW, pausedAt: NOW, stoppedAt: NOW }],
  ['finished', { status: 'finished', frozenAt: NOW, stoppedAt: NOW, disabledAt: NOW }],
])('describes a mailing as %s', (state, marks) => {
  expect(describeMailing({ ...mailing, ...marks })).toBe(state);
});

test('suggests the next full hour on the visitor’s clock, and the same hour of the next day as the end', () => {
  const window = suggestWindow(new Date('2026-03-28T12:00:00Z'), BERLIN);
  const read = (time: Date) => toLocalInput({ locale: 'ru', timeZone: BERLIN }, time);
  expect([read(window.start), read(window.end)]).toEqual(['2026-03-28T14:00', '2026-03-29T14:00']);
  const half = suggestWindow(new Date('2026-03-28T12:10:00Z'), 'Asia/Kolkata');
  expect(half.start).toEqual(new Date('2026-03-28T12:30:00Z'));
});

test('repeats in a window as long as the old one, from the first full hour that is an hour away', () => {
  const old = { start: new Date('2026-01-01T10:00:00Z'), end: new Date('2026-01-01T12:30:00Z') };
  expect(repeatWindow(NOW, old)).toEqual({
    start: new Date('2026-03-01T14:00:00Z'),
    end: new Date('2026-03-01T16:30:00Z'),
  });
  expect(repeatWindow(new Date('2026-03-01T12:00:00Z'), old).start).toEqual(new Date('2026-03-01T13:00:00Z'));
});
