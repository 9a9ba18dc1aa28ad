import type { Option } from '../ui/form.js';

const REFRESH_MS = 15 * 60_000;
let known: { at: number; options: Option[] } | undefined;

/** Every time zone with its offset at this time, from west to east; `current` is among them even under a name that is out of use. */
export function listTimeZones(now: Date, current: string | undefined): Option[] {
  // All of them take about 20 ms; offsets change a few times a year.
  if (!known || Math.abs(now.getTime() - known.at) > REFRESH_MS) known = { at: now.getTime(), options: sortZones(now) };
  const { options } = known;
  if (!current || options.some(({ value }) => value === current)) return options;
  return [{ value: current, label: current }, ...options];
}

function sortZones(now: Date): Option[] {
  const instant = now.toTemporalInstant();
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]
    .map((value) => ({ value, zoned: instant.toZonedDateTimeISO(value) }))
    .toSorted((a, b) => a.zoned.offsetNanoseconds - b.zoned.offsetNanoseconds)
    .map(({ value, zoned }) => ({ value, label: `UTC${zoned.offset} ${value.replaceAll('_', ' ')}` }));
}
