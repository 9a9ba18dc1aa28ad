import type { View } from './view.js';

const UNITS = [
  ['days', 86_400],
  ['hours', 3600],
  ['minutes', 60],
  ['seconds', 1],
] as const;

/** “1 hr, 23 min”: its two largest units, the second one only where it is not 0. Less than a second is told in tenths. */
export function formatDuration({ locale }: Pick<View, 'locale'>, seconds: number): string {
  if (seconds < 1) return formatUnit(locale, Math.max(0.1, Math.round(seconds * 10) / 10));
  // The smaller of the two is what it is rounded to: 59.7 seconds are a minute.
  const [, coarse] = UNITS.find(([, length]) => seconds >= length) ?? UNITS[3];
  const finer = UNITS.find(([, length]) => length < coarse)?.[1] ?? 1;
  let left = Math.round(seconds / finer) * finer;
  const parts: Partial<Record<(typeof UNITS)[number][0], number>> = {};
  for (const [unit, length] of UNITS) {
    parts[unit] = Math.floor(left / length);
    left %= length;
  }
  return new Intl.DurationFormat(locale, { style: 'short' }).format(parts).replaceAll(/(\d) /g, '$1\u00a0');
}

function formatUnit(locale: string, seconds: number): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit: 'second', maximumFractionDigits: 1 }).format(seconds);
}
