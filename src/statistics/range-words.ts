import type { ChartPoint } from '../ui/chart-words.js';
import { dateTimeFormat } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { splitRange, type Range } from './range.js';

type Where = Pick<View, 'locale' | 'timeZone'>;

/** “1–7 May 2026”: days of the visitor’s clock, both of them meant. */
function describeDays({ locale }: Pick<View, 'locale'>, firstDay: string, lastDay: string): string {
  const format = dateTimeFormat({ locale, timeZone: 'UTC' }, { dateStyle: 'long' });
  return withoutYearSign(format.formatRange(new Date(firstDay), new Date(lastDay)));
}

export function describeRange(view: Where, { firstDay, lastDay }: Range): string {
  return describeDays(view, firstDay, lastDay);
}

/** The days that it is compared with. */
export function describeBefore(view: Where, { firstDay, days }: Range): string {
  const first = Temporal.PlainDate.from(firstDay);
  return describeDays(view, first.subtract({ days }).toString(), first.subtract({ days: 1 }).toString());
}

/** For each bar of the chart what it is called in full and under it, in order. */
export function labelBuckets(view: Where, range: Range): Omit<ChartPoint, 'values'>[] {
  const describe = LABELS[range.unit](view);
  const borders = splitRange(range, view.timeZone);
  return borders.slice(0, -1).map((begin, index) => describe(begin, borders[index + 1] ?? begin));
}

type Describe = (begin: Date, end: Date) => Omit<ChartPoint, 'values'>;

/** Where days of one range are told apart by their dates, midnight has the date under it. */
const LABELS: Record<Range['unit'], (view: Where) => Describe> = {
  hour: (view) => {
    const whole = formatter(view, { dateStyle: 'medium', timeStyle: 'short' });
    const time = formatter(view, { timeStyle: 'short' });
    return (begin) => ({ label: whole(begin), short: time(begin) });
  },
  day: (view) => {
    const whole = formatter(view, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
    const short = formatter(view, { day: 'numeric', month: 'short' });
    return (begin) => ({ label: whole(begin), short: short(begin) });
  },
  week: (view) => {
    const short = formatter(view, { day: 'numeric', month: 'short' });
    const format = dateTimeFormat(view, { dateStyle: 'medium' });
    return (begin, end) => ({
      label: withoutYearSign(format.formatRange(begin, new Date(end.getTime() - 1))),
      short: short(begin),
    });
  },
  month: (view) => {
    const whole = formatter(view, { month: 'long', year: 'numeric' });
    const short = formatter(view, { month: 'short', year: '2-digit' });
    return (begin) => ({ label: whole(begin), short: short(begin) });
  },
};

function formatter(view: Where, options: Intl.DateTimeFormatOptions): (at: Date) => string {
  const format = dateTimeFormat(view, options);
  return (at) => withoutYearSign(format.format(at));
}

/** In Russian without «г.», which the year of a whole date does not need. */
function withoutYearSign(text: string): string {
  return text.replace(/\sг\./, '');
}
