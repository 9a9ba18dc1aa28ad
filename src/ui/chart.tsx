import { chooseFilling, chooseLabels, roundScale, stackBar } from './chart-scale.js';
import {
  ChartLegend,
  ChartTable,
  describeChart,
  describePoint,
  formatAxis,
  type ChartKind,
  type ChartPoint,
  type ChartProps,
  type ChartSeries,
} from './chart-words.js';

/* Charts drawn by the server: no script. Across they are measured in per cent, upwards and in their letters in pixels, so that they fit any
   width and stay legible. Series are told apart by texture and order too, and everything stands in a table below. */

const TOP = 10;
const HEIGHT = 180;
const FOOT = 26;

/** Stacked bars over time. The heading is the caller's. */
export function BarChart(props: ChartProps) {
  const { view, series, points } = props;
  const scale = roundScale(points.map(({ values }) => sum(values)));
  const prefix = `chart-${digest(props.title + series.map(({ name }) => name).join())}`;
  return (
    <figure class="chart">
      <ChartLegend {...props} prefix={prefix} />
      <div class="chart-frame">
        <div class="chart-scale" aria-hidden="true">
          {formatAxis(view, scale)
            .toReversed()
            .map((figure) => (
              <span>{figure}</span>
            ))}
        </div>
        <svg
          class="chart-plot"
          width="100%"
          height={TOP + HEIGHT + FOOT}
          role="img"
          aria-label={describeChart(props)}
          focusable="false"
        >
          <Textures series={series} prefix={prefix} />
          {scale.map((_, index) => (
            <GridLine y={TOP + HEIGHT - (index / (scale.length - 1)) * HEIGHT} isBase={index === 0} />
          ))}
          <Bars {...props} prefix={prefix} largest={scale.at(-1) ?? 1} />
          <Labels points={points} />
        </svg>
      </div>
      {points.every(({ values }) => sum(values) === 0) && (
        <p class="chart-empty">{view.t('statistics.chart.nothing')}</p>
      )}
      <ChartTable {...props} />
    </figure>
  );
}

function GridLine({ y, isBase }: { y: number; isBase: boolean }) {
  const at = String(Math.round(y) + 0.5);
  return <line class={isBase ? 'chart-base' : 'chart-grid'} x1="0" x2="100%" y1={at} y2={at} />;
}

/** Each with all its place to point at, where a browser shows its figures. */
function Bars(props: ChartProps & { prefix: string; largest: number }) {
  const { series, points, prefix, largest } = props;
  const place = 100 / points.length;
  const width = place * chooseFilling(points.length);
  return (
    <>
      {points.map((point, index) => (
        <g class="chart-bar">
          <title>{describePoint(props, point)}</title>
          <rect class="chart-place" x={percent(index * place)} y="0" width={percent(place)} height={TOP + HEIGHT} />
          {stackBar(point.values, largest, HEIGHT).map((slice) => (
            <rect
              class="chart-slice"
              fill={`url(#${prefix}-${series[slice.index]?.kind ?? 'plain'})`}
              x={percent(index * place + (place - width) / 2)}
              y={TOP + slice.top}
              width={percent(width)}
              height={slice.height}
            />
          ))}
        </g>
      ))}
    </>
  );
}

function Labels({ points }: { points: ChartPoint[] }) {
  const labels = points.map(({ short, label }) => short ?? label);
  const { wide, narrow } = chooseLabels(labels);
  const place = 100 / points.length;
  return (
    <>
      {labels.map((label, index) =>
        index % wide === 0 ? (
          <text
            class={index % narrow === 0 ? 'chart-label' : 'chart-label chart-label-wide'}
            x={percent((index + 0.5) * place)}
            y={TOP + HEIGHT + 18}
            text-anchor="middle"
          >
            {label}
          </text>
        ) : null,
      )}
    </>
  );
}

/** What fills the slices: solid, lines, a hatching, dots; in grey and for the colour-blind they differ too. */
function Textures({ series, prefix }: { series: ChartSeries[]; prefix: string }) {
  return (
    <defs>
      {[...new Set(series.map(({ kind }) => kind))].map((kind) => (
        <pattern id={`${prefix}-${kind}`} width="6" height="6" patternUnits="userSpaceOnUse">
          <rect class={`chart-ground chart-${kind}`} width="6" height="6" />
          {MARKS[kind] !== '' && <path class={`chart-mark chart-${kind}`} d={MARKS[kind]} />}
        </pattern>
      ))}
    </defs>
  );
}

const MARKS: Record<ChartKind, string> = {
  accepted: '',
  plain: '',
  deferred: 'M0 1.5H6M0 4.5H6',
  rejected: 'M-1.5 1.5L1.5 -1.5M0 6L6 0M4.5 7.5L7.5 4.5',
  in_doubt: 'M1.5 1.5h.01M4.5 4.5h.01',
};

/** A share of the largest, for the rows of a table whose figures stand beside it. */
export function ShareBar({ value, largest, kind = 'plain' }: { value: number; largest: number; kind?: ChartKind }) {
  const share = largest > 0 ? Math.max((value / largest) * 100, value > 0 ? 1 : 0) : 0;
  return (
    <svg class="share-bar" width="100%" height="6" aria-hidden="true" focusable="false">
      <rect class="share-bar-ground" width="100%" height="6" rx="3" />
      {share > 0 && <rect class={`share-bar-part chart-${kind}`} width={percent(share)} height="6" rx="3" />}
    </svg>
  );
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(number: number): string {
  return `${Number(number.toFixed(3))}%`;
}

/** Tells the charts of one page apart (FNV-1a). */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
}
