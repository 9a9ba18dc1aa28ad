import { NO_FILTER, OUTCOME_FILTERS, type AttemptFilter } from '../delivery/attempt-journal.js';
import type { Fault, Faults, FormState } from '../lib/form.js';
import { cleanSearch, toLower } from '../lib/list.js';
import { fromLocalInput } from '../ui/format.js';

/** What the journal's form asks for, in its address. */
export const ATTEMPT_FIELDS = ['address', 'outcome', 'reply', 'code', 'relay', 'from', 'until'] as const;
type Field = (typeof ATTEMPT_FIELDS)[number];

export interface AttemptSearch {
  filter: AttemptFilter;
  /** With what was typed, and its faults. */
  form: FormState;
}

/** Times are of the visitor's time zone, and `until` is meant with its minute, or its day. An outcome that there is not counts as not given. */
export function readAttemptSearch(timeZone: string, fields: Record<string, string>): AttemptSearch {
  const typed = Object.fromEntries(ATTEMPT_FIELDS.map((name) => [name, cleanSearch(fields[name], 254)])) as Record<
    Field,
    string
  >;
  const faults: Faults = {};
  const read = <T>(name: Field, parse: (text: string) => T | Fault['key']): T | null => {
    if (typed[name] === '') return null;
    const parsed = parse(typed[name]);
    if (typeof parsed !== 'string') return parsed;
    faults[name] = { key: parsed as Fault['key'] };
    return null;
  };
  const filter: AttemptFilter = {
    ...NO_FILTER,
    outcome: OUTCOME_FILTERS.find((name) => name === typed.outcome) ?? null,
    address: read('address', parseAddress),
    reply: toLower(typed.reply),
    code: read('code', parseCode),
    relay: toLower(typed.relay),
    from: read('from', (text) => parseTime(timeZone, text)?.begins ?? 'dateTime'),
    until: read('until', (text) => parseTime(timeZone, text)?.ends ?? 'dateTime'),
  };
  if (filter.from && filter.until && filter.from >= filter.until) faults['until'] = { key: 'untilBeforeFrom' };
  return { filter, form: { typed, faults } };
}

export function isNarrowed({ form: { typed } }: AttemptSearch): boolean {
  return Object.values(typed).some((text) => text !== '');
}

export function hasFaults({ form: { faults } }: AttemptSearch): boolean {
  return Object.keys(faults).length > 0;
}

function parseAddress(text: string): NonNullable<AttemptFilter['address']> | 'attemptAddress' {
  if (/\s/.test(text) || text === '@' || text.lastIndexOf('@') !== text.indexOf('@')) return 'attemptAddress';
  const lower = toLower(text);
  return lower.startsWith('@') ? { kind: 'domain', text: lower.slice(1) } : { kind: 'beginning', text: lower };
}

/** RFC 5321, section 4.2.1, and RFC 3463, section 2. */
function parseCode(text: string): NonNullable<AttemptFilter['code']> | 'attemptCode' {
  if (/^[2-5]\d\d$/.test(text)) return { kind: 'reply', code: Number(text) };
  return /^[245]\.\d{1,3}\.\d{1,3}$/.test(text) ? { kind: 'enhanced', code: text } : 'attemptCode';
}

/** A day, a minute or a second, of the years that PostgreSQL and every calendar agree on. */
const TIME = /^(?:19|20|21)\d\d-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/;

function parseTime(timeZone: string, text: string): { begins: Date; ends: Date } | undefined {
  const parts = TIME.exec(text);
  const begins = parts ? fromLocalInput(timeZone, text) : undefined;
  if (!parts || !begins) return undefined;
  const zoned = begins.toTemporalInstant().toZonedDateTimeISO(timeZone);
  const [, time, seconds] = parts;
  const length = seconds ? { seconds: 1 } : { minutes: 1 };
  return { begins, ends: new Date(zoned.add(time ? length : { days: 1 }).epochMilliseconds) };
}
