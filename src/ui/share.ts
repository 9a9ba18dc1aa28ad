import type { View } from './view.js';

/** “98.4%”. What is not all does not read 100 %, and what is not nothing does not read 0 %; undefined of nothing. */
export function formatShare({ locale }: Pick<View, 'locale'>, part: number, whole: number): string | undefined {
  if (whole === 0) return undefined;
  const format = percentFormat(locale);
  const thousandths = Math.round((part / whole) * 1000);
  if (thousandths === 0 && part > 0) return `<${format.format(0.001)}`;
  if (thousandths === 1000 && part < whole) return `>${format.format(0.999)}`;
  return format.format(thousandths / 1000);
}

const formats = new Map<string, Intl.NumberFormat>();

function percentFormat(locale: string): Intl.NumberFormat {
  const known = formats.get(locale);
  if (known) return known;
  const made = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  formats.set(locale, made);
  return made;
}
