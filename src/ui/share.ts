import type { View } from './view.js';

type Language = Pick<View, 'locale'>;

/** “98.4%”. What is not all does not read 100 %, and what is not nothing does not read 0 %; undefined of nothing. */
export function formatShare(view: Language, part: number, whole: number): string | undefined {
  if (whole === 0) return undefined;
  const thousandths = Math.round((part / whole) * 1000);
  if (thousandths === 0 && part > 0) return `<${formatPercent(view, 0.001)}`;
  if (thousandths === 1000 && part < whole) return `>${formatPercent(view, 0.999)}`;
  return formatPercent(view, thousandths / 1000);
}

/** “94.1%”, “94,1 %”: of 1, with a tenth where there is one. */
export function formatPercent({ locale }: Language, share: number): string {
  return FORMATS[locale].format(share);
}

const OPTIONS = { style: 'percent', maximumFractionDigits: 1 } as const;

/** Made once: making one takes longer than all that a page needs it for. */
const FORMATS = { ru: new Intl.NumberFormat('ru', OPTIONS), en: new Intl.NumberFormat('en', OPTIONS) };
