import { formatNumber } from './format.js';
import type { View } from './view.js';

/* What a chart shows, and what stands beside it: its legend, its sentences and its table. */

/** An outcome of attempts, or `plain` where there is nothing to tell apart. */
export type ChartKind = 'accepted' | 'deferred' | 'rejected' | 'in_doubt' | 'plain';

export interface ChartSeries {
  name: string;
  kind: ChartKind;
}

export interface ChartPoint {
  /** In full, as in the table. */
  label: string;
  /** Under the bar. */
  short?: string;
  /** One a series. */
  values: number[];
}

export interface ChartProps {
  view: View;
  title: string;
  /** From the bottom up. */
  series: ChartSeries[];
  points: ChartPoint[];
}

/** The figures of an axis, all alike: “0, 5K, 10K”, “0, 5 тыс., 10 тыс.”. */
export function formatAxis({ locale }: Pick<View, 'locale'>, scale: number[]): string[] {
  const isLarge = (scale.at(-1) ?? 0) >= 10_000;
  const format = new Intl.NumberFormat(locale, isLarge ? { notation: 'compact', maximumFractionDigits: 1 } : {});
  return scale.map((value) => format.format(value));
}

/** The chart as a sentence, for who hears it. */
export function describeChart({ view, title, series, points }: ChartProps): string {
  const [first, last] = [points[0], points.at(-1)];
  const totals = points.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const largest = Math.max(0, ...totals);
  if (!first || !last || largest === 0) return view.t('statistics.chart.describeNothing', { title });
  return view.t('statistics.chart.describe', {
    title,
    first: first.label,
    last: last.label,
    sums: series.map(({ name }, index) => `${name}: ${formatNumber(view, sumOf(points, index))}`).join(', '),
    peak: points[totals.indexOf(largest)]?.label ?? '',
    largest: formatNumber(view, largest),
  });
}

/** One bar, for who points at it. */
export function describePoint({ view, series }: ChartProps, { label, values }: ChartPoint): string {
  const parts = series.map(({ name }, index) => `${name}: ${formatNumber(view, values[index] ?? 0)}`);
  return [label, ...parts].join('\n');
}

export function ChartLegend({ view, series, points, prefix }: ChartProps & { prefix: string }) {
  if (series.length === 1) return null;
  return (
    <ul class="chart-legend">
      {series.map(({ name, kind }, index) => (
        <li>
          <Swatch kind={kind} prefix={prefix} />
          {name}
          <strong>{formatNumber(view, sumOf(points, index))}</strong>
        </li>
      ))}
    </ul>
  );
}

function Swatch({ kind, prefix }: { kind: ChartKind; prefix: string }) {
  return (
    <svg class="chart-swatch" width="14" height="14" aria-hidden="true" focusable="false">
      <rect fill={`url(#${prefix}-${kind})`} width="14" height="14" rx="2" />
    </svg>
  );
}

export function ChartTable({ view, title, series, points }: ChartProps) {
  return (
    <details class="chart-table">
      <summary>{view.t('statistics.chart.asTable')}</summary>
      <div class="chart-table-frame" tabindex={0} role="region" aria-label={title}>
        <table class="table" aria-label={title}>
          <thead>
            <tr>
              <th scope="col">{view.t('statistics.chart.time')}</th>
              {series.map(({ name }) => (
                <th scope="col" class="cell-number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.map(({ label, values }) => (
              <tr>
                <th scope="row">{label}</th>
                {series.map((_, index) => (
                  <td class="cell-number">{formatNumber(view, values[index] ?? 0)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function sumOf(points: ChartProps['points'], index: number): number {
  return points.reduce((total, { values }) => total + (values[index] ?? 0), 0);
}
