import type { View } from '../ui/view.js';

/** “94.1%”, “94,1 %”: of 1, with a tenth where there is one. */
export function formatPercent({ locale }: Pick<View, 'locale'>, share: number): string {
  return FORMATS[locale].format(share);
}

const OPTIONS = { style: 'percent', maximumFractionDigits: 1 } as const;

/** Made once: making one takes longer than all that a page needs it for. */
const FORMATS = { ru: new Intl.NumberFormat('ru', OPTIONS), en: new Intl.NumberFormat('en', OPTIONS) };
