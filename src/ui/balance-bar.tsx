import type { DeliveryState } from '../lib/schema.js';
import { formatNumber } from './format.js';
import type { View } from './view.js';

/* Where everybody of an audience is, as a bar and as a ledger whose lines add up to its sum. */

export interface BalancePart {
  state: DeliveryState;
  label: string;
  count: number;
}

/** Of a million one rejected letter still shows: a part is never narrower than this many hundredths of the bar. */
const NARROWEST = 0.6;

export function BalanceBar({ parts, label }: { parts: BalancePart[]; label: string }) {
  return (
    <svg class="balance-bar" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label={label}>
      {layOut(parts).map(({ state, x, width }) => (
        <rect class={`balance-${state}`} x={x.toFixed(3)} width={width.toFixed(3)} height="1" />
      ))}
    </svg>
  );
}

function layOut(parts: BalancePart[]) {
  const shown = parts.filter(({ count }) => count > 0);
  const total = shown.reduce((sum, { count }) => sum + count, 0);
  const widths = shown.map(({ count }) => Math.max((count / total) * 100, NARROWEST));
  const scale = 100 / widths.reduce((sum, width) => sum + width, 0);
  let x = 0;
  return shown.map(({ state }, index) => {
    const width = (widths[index] ?? 0) * scale;
    x += width;
    return { state, x: x - width, width };
  });
}

interface BalanceLegendProps {
  view: View;
  parts: BalancePart[];
  total: { label: string; count: number };
}

export function BalanceLegend({ view, parts, total }: BalanceLegendProps) {
  return (
    <dl class="balance-legend">
      {parts.map(({ state, label, count }) => (
        <div class={count === 0 ? `balance-${state} balance-empty` : `balance-${state}`}>
          <dt>{label}</dt>
          <dd>{formatNumber(view, count)}</dd>
        </div>
      ))}
      <div class="balance-total">
        <dt>{total.label}</dt>
        <dd>{formatNumber(view, total.count)}</dd>
      </div>
    </dl>
  );
}
