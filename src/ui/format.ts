import type { View } from './view.js';

/* Instants and numbers as people read them, in the view's language and time zone. */

type Where = Pick<View, 'locale' | 'timeZone'>;

/** A line breaks between date and time alone. In Russian without «г.», which the year of a whole date does not need. */
export function formatDateTime(view: Where, instant: Date): string {
  const date = dateTimeFormat(view, { dateStyle: 'medium' })
    .format(instant)
    .replace(/\sг\.$/, '');
  const time = dateTimeFormat(view, { timeStyle: 'short' }).format(instant);
  return [date, time].map((part) => part.replaceAll(' ', '\u00a0')).join(', ');
}

export function formatTimeWithSeconds(view: Where, instant: Date): string {
  return dateTimeFormat(view, { dateStyle: 'short', timeStyle: 'medium' }).format(instant);
}

/** The day on which a month begins in UTC, whatever the visitor's time zone: “1 March 2026”. */
export function formatMonthStart({ locale }: Where, instant: Date): string {
  const date = dateTimeFormat({ locale, timeZone: 'UTC' }, { dateStyle: 'long' }).format(instant);
  return date.replace(/\sг\.$/, ' года');
}

export function formatNumber(view: Where, number: number): string {
  return numberFormat(view.locale).format(number);
}

const numberFormats = new Map<string, Intl.NumberFormat>();

/** Making one costs more than what it formats: of a report of a thousand figures it was half the time. */
function numberFormat(locale: string): Intl.NumberFormat {
  const format = numberFormats.get(locale) ?? new Intl.NumberFormat(locale);
  numberFormats.set(locale, format);
  return format;
}

/** “145 MB”: whole ones, of a million bytes. */
export function formatMegabytes(view: Where, bytes: number): string {
  const format = new Intl.NumberFormat(view.locale, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 0 });
  return format.format(bytes / 1e6);
}

const MINUTE_MS = 60_000;

/** “in 14 minutes”; hours from an hour and a half on, days from two days on. */
export function formatTimeUntil({ locale, now }: Pick<View, 'locale' | 'now'>, instant: Date): string {
  const minutes = Math.max(1, Math.ceil((instant.getTime() - now.getTime()) / MINUTE_MS));
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  if (minutes < 90) return relative.format(minutes, 'minute');
  const hours = Math.round(minutes / 60);
  return hours < 48 ? relative.format(hours, 'hour') : relative.format(Math.round(hours / 24), 'day');
}

/** The value of an `<input type="datetime-local">`: the wall clock of the time zone, to the minute. */
export function toLocalInput(view: Where, instant: Date): string {
  return instant
    .toTemporalInstant()
    .toZonedDateTimeISO(view.timeZone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' });
}

/** The instant that such a value means there; undefined when it is none. In a gap of summer time the later one counts. */
export function fromLocalInput(timeZone: string, text: string): Date | undefined {
  try {
    const instant = Temporal.PlainDateTime.from(text).toZonedDateTime(timeZone).toInstant();
    return new Date(instant.epochMilliseconds);
  } catch {
    return undefined;
  }
}

export function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const MAX_FORMATS = 2000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a DateTimeFormat costs 20 µs and more, one for ranges half a millisecond, and a list has a hundred dates. */
export function dateTimeFormat({ locale, timeZone }: Where, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${timeZone} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(locale, { ...options, timeZone });
  // There are a few hundred time zones, and any number of ways to spell them.
  if (formats.size >= MAX_FORMATS) formats.clear();
  formats.set(key, made);
  return made;
}
