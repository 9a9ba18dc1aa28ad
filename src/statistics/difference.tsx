import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { formatPercent } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { findDifference, type Compared, type Difference } from './figures.js';

const SIGNS = { same: 'dash', more: 'arrow-up-right', less: 'arrow-down-right' } as const;

/** In words, with a sign, and with the figure that it is compared with. */
export function DifferenceLine({ view, compared }: { view: View; compared: Compared<number> }) {
  const difference = findDifference(compared);
  return (
    <span class="figure-difference">
      <Icon name={SIGNS[difference.kind]} />
      <span>
        {difference.kind !== 'same' && <strong>{describeSize(view, difference)} </strong>}
        {view.t(`statistics.difference.${difference.kind}`, { before: formatNumber(view, compared.before) })}
      </span>
    </span>
  );
}

function describeSize(view: View, { kind, by: { unit, value } }: Exclude<Difference, { kind: 'same' }>): string {
  if (unit === 'times') return view.t('statistics.difference.times', { number: formatNumber(view, value) });
  const sign = kind === 'more' ? '+' : '\u2212';
  if (unit === 'number') return sign + formatNumber(view, value);
  return sign + formatPercent(view, value / 100);
}
