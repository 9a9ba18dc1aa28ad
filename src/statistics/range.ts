// pure

/* The time that a page of statistics tells of: whole days of the visitor's clock, and the same number of days before them. */

export const PRESETS = ['today', '7', '30'] as const;
export type Preset = (typeof PRESETS)[number];
const DEFAULT: Preset = '7';
const PRESET_DAYS = { today: 1, '7': 7, '30': 30 } as const;

/** Longer ones make no chart that can be read. */
const MAX_DAYS = 5 * 366;
const QUARTER_MS = 15 * 60_000;

export type BucketUnit = 'hour' | 'day' | 'week' | 'month';

/** From `from` on, up to but without `until`. */
export interface Span {
  from: Date;
  until: Date;
}

export interface Range extends Span {
  /** Null where the days were typed. */
  preset: Preset | null;
  /** Both belong to it; as in 2026-05-01. */
  firstDay: string;
  lastDay: string;
  days: number;
  /** Compared with it: as many days before. Of a range that has not ended no more than has passed of it, to the quarter of an hour. */
  before: Span;
  /** It has not ended: what is compared ends at the same time of day. */
  isOpen: boolean;
  /** Of the bars of a chart: see `splitRange`. */
  unit: BucketUnit;
}

export type RangeFault = 'date' | 'future' | 'backwards' | 'tooLong';

export interface RangeChoice {
  range: Range;
  /** What stands in the fields. */
  typed: { from: string; until: string };
  /** Then `range` is the usual one. */
  faults: { from?: RangeFault; until?: RangeFault };
}

/** Of an address: `period`, or `from` and `until`. */
export function chooseRange(query: Record<string, string>, now: Date, timeZone: string): RangeChoice {
  const today = now.toTemporalInstant().toZonedDateTimeISO(timeZone).toPlainDate();
  const typed = { from: (query['from'] ?? '').trim(), until: (query['until'] ?? '').trim() };
  if (typed.from === '' && typed.until === '') {
    const preset = PRESETS.find((one) => one === query['period']) ?? DEFAULT;
    return { range: presetRange(preset, today, now, timeZone), typed, faults: {} };
  }
  const until = typed.until === '' ? today : parseDay(typed.until);
  const from = typed.from === '' ? until?.subtract({ days: PRESET_DAYS[DEFAULT] - 1 }) : parseDay(typed.from);
  const faults = findFaults(typed, from, until, today);
  if (!from || !until || Object.keys(faults).length > 0) {
    return { range: presetRange(DEFAULT, today, now, timeZone), typed, faults };
  }
  const last = Temporal.PlainDate.compare(until, today) > 0 ? today : until;
  return { range: makeRange(null, from, last, now, timeZone), typed, faults };
}

/** The query of an address that chooses the same again. */
export function rangeQuery({ preset, firstDay, lastDay }: Pick<Range, 'preset' | 'firstDay' | 'lastDay'>): string {
  return preset === null ? `from=${firstDay}&until=${lastDay}` : `period=${preset}`;
}

/** Where the bars of a chart begin, and where the last one ends: each does with a day of the visitor's clock, or with an hour of it. */
export function splitRange({ firstDay, lastDay, unit }: Range, timeZone: string): Date[] {
  const end = Temporal.PlainDate.from(lastDay).add({ days: 1 });
  const borders: Date[] = [];
  let day = Temporal.PlainDate.from(firstDay);
  while (Temporal.PlainDate.compare(day, end) < 0) {
    const next = nextDay(day, unit);
    const begin = day.toZonedDateTime(timeZone);
    borders.push(...(unit === 'hour' ? hoursBetween(begin, next.toZonedDateTime(timeZone)) : [toDate(begin)]));
    day = next;
  }
  return [...borders, toDate(end.toZonedDateTime(timeZone))];
}

type Day = Temporal.PlainDate;

function findFaults(
  typed: RangeChoice['typed'],
  from: Day | undefined,
  until: Day | undefined,
  today: Day,
): RangeChoice['faults'] {
  if (!until) return typed.from === '' || from ? { until: 'date' } : { from: 'date', until: 'date' };
  if (!from) return { from: 'date' };
  const place = typed.from === '' ? 'until' : 'from';
  if (Temporal.PlainDate.compare(from, today) > 0) return { [place]: 'future' };
  if (Temporal.PlainDate.compare(until, from) < 0) return { until: 'backwards' };
  return from.until(until, { largestUnit: 'day' }).days >= MAX_DAYS ? { from: 'tooLong' } : {};
}

const DAY = /^[12]\d{3}-\d\d-\d\d$/;

function parseDay(text: string): Day | undefined {
  if (!DAY.test(text)) return undefined;
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' });
  } catch {
    return undefined;
  }
}

function presetRange(preset: Preset, today: Day, now: Date, timeZone: string): Range {
  return makeRange(preset, today.subtract({ days: PRESET_DAYS[preset] - 1 }), today, now, timeZone);
}

function makeRange(preset: Preset | null, first: Day, last: Day, now: Date, timeZone: string): Range {
  const days = first.until(last, { largestUnit: 'day' }).days + 1;
  const startOf = (day: Day) => day.toZonedDateTime(timeZone);
  const [from, until] = [startOf(first), startOf(last.add({ days: 1 }))].map(toDate) as [Date, Date];
  const unit = chooseUnit(days);
  const isOpen = now < until;
  const reached = isOpen ? quarterAfter(now).toTemporalInstant().toZonedDateTimeISO(timeZone) : undefined;
  const before = {
    from: toDate(startOf(first.subtract({ days }))),
    until: reached ? earlier(toDate(reached.subtract({ days })), from) : from,
  };
  const span = { from, until, before, isOpen };
  return { preset, firstDay: first.toString(), lastDay: last.toString(), days, ...span, unit };
}

function chooseUnit(days: number): BucketUnit {
  if (days <= 2) return 'hour';
  if (days <= 92) return 'day';
  return days <= 400 ? 'week' : 'month';
}

function nextDay(day: Day, unit: BucketUnit): Day {
  if (unit === 'week') return day.add({ days: 8 - day.dayOfWeek });
  if (unit === 'month') return day.with({ day: 1 }).add({ months: 1 });
  return day.add({ days: 1 });
}

/** 23 or 25 where the clocks are changed. */
function hoursBetween(begin: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime): Date[] {
  const hours: Date[] = [];
  for (let at = begin; Temporal.ZonedDateTime.compare(at, end) < 0; at = at.add({ hours: 1 })) hours.push(toDate(at));
  return hours;
}

function quarterAfter(now: Date): Date {
  return new Date(Math.ceil(now.getTime() / QUARTER_MS) * QUARTER_MS);
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}

function toDate(time: Temporal.ZonedDateTime): Date {
  return new Date(time.epochMilliseconds);
}
