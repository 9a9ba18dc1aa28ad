import type { Child } from 'hono/jsx';

import type { AttemptSums } from '../delivery/attempt-totals-store.js';
import { BarChart } from '../ui/chart.js';
import { formatNumber } from '../ui/format.js';
import { formatShare } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { DifferenceLine } from './difference.js';
import { sumUnsuccessful, type Compared, type Figures } from './figures.js';
import { describeBefore, describeRange, labelBuckets } from './range-words.js';
import type { Range } from './range.js';

interface FiguresProps {
  view: View;
  figures: Figures;
  range: Range;
  /** Where the lists behind the figures are. */
  hrefs: { accepted: string; unsuccessful: string; mailings: string; recipients: string };
}

/** The figures of a range beside those of the one before, and the course of its attempts. */
export function FiguresSection(props: FiguresProps) {
  const { view, figures, range } = props;
  return (
    <>
      <RangeLine view={view} range={range} />
      <Tiles {...props} />
      <section class="card card-body attempts-chart" aria-labelledby="attempts-chart-title">
        <h2 id="attempts-chart-title">{view.t('statistics.attemptsChart')}</h2>
        <AttemptsChart view={view} range={range} series={figures.series} />
      </section>
    </>
  );
}

function RangeLine({ view, range }: Pick<FiguresProps, 'view' | 'range'>) {
  const comparison = range.isOpen ? 'statistics.range.comparedOpen' : 'statistics.range.compared';
  return (
    <p class="range-said">
      <strong>{describeRange(view, range)}</strong>{' '}
      <span>{view.t(comparison, { days: describeBefore(view, range) })}</span>
    </p>
  );
}

function Tiles({ view, figures, hrefs }: FiguresProps) {
  const { attempts, started, added, recipients, mailings } = figures;
  const accepted = { now: attempts.now.accepted, before: attempts.before.accepted };
  const unsuccessful = { now: sumUnsuccessful(attempts.now), before: sumUnsuccessful(attempts.before) };
  const number = (value: number) => formatNumber(view, value);
  return (
    <dl class="figures">
      <Tile view={view} name="sent" number={accepted.now} compared={accepted}>
        {view.t('statistics.figures.sentNote')}
      </Tile>
      <Tile view={view} name="successful" number={accepted.now} compared={accepted} href={hrefs.accepted}>
        {describeAccepted(view, accepted.now, accepted.now + unsuccessful.now)}
      </Tile>
      <Tile view={view} name="unsuccessful" number={unsuccessful.now} compared={unsuccessful} href={hrefs.unsuccessful}>
        {describeUnsuccessful(view, attempts.now)}
      </Tile>
      <Tile view={view} name="started" number={started.now} compared={started} href={hrefs.mailings}>
        <Statuses view={view} mailings={mailings} href={hrefs.mailings} />
      </Tile>
      <Tile view={view} name="added" number={added.now} compared={added}>
        <a href={hrefs.recipients}>
          {view.t('statistics.figures.recipients', { count: recipients, number: number(recipients) })}
        </a>
      </Tile>
    </dl>
  );
}

interface TileProps {
  view: View;
  name: 'sent' | 'successful' | 'unsuccessful' | 'started' | 'added';
  number: number;
  compared: Compared<number>;
  href?: string | undefined;
  children?: Child;
}

function Tile({ view, name, number, compared, href, children }: TileProps) {
  const shown = formatNumber(view, number);
  return (
    <div class={`figure-tile figure-tile-${name}`}>
      <dt>{view.t(`statistics.figures.${name}`)}</dt>
      <dd>
        <span class="figure-number">{href && number > 0 ? <a href={href}>{shown}</a> : shown}</span>
        <DifferenceLine view={view} compared={compared} />
        {children !== undefined && <span class="figure-note">{children}</span>}
      </dd>
    </div>
  );
}

function describeAccepted(view: View, accepted: number, all: number): string {
  const share = formatShare(view, accepted, all);
  if (share === undefined) return view.t('statistics.figures.noAttempts');
  return view.t('statistics.figures.attempts', { count: all, number: formatNumber(view, all), share });
}

function describeUnsuccessful(view: View, { deferred, rejected, inDoubt }: AttemptSums): string {
  const parts = [
    ['deferred', deferred],
    ['rejected', rejected],
    ['in_doubt', inDoubt],
  ] as const;
  return parts
    .map(([outcome, count]) => `${view.t(`statistics.outcomes.${outcome}`)}:\u00a0${formatNumber(view, count)}`)
    .join(' · ');
}

function Statuses({ view, mailings, href }: { view: View; mailings: Figures['mailings']; href: string }) {
  return (
    <>
      {(['created', 'running', 'finished'] as const).map((status, index) => (
        <>
          {index > 0 && ' · '}
          <a href={`${href}?status=${status}`}>
            {`${view.t(`statistics.statuses.${status}`)}:\u00a0${formatNumber(view, mailings[status])}`}
          </a>
        </>
      ))}
    </>
  );
}

function AttemptsChart({ view, range, series }: { view: View; range: Range; series: AttemptSums[] }) {
  const labels = labelBuckets(view, range);
  return (
    <BarChart
      view={view}
      title={view.t('statistics.attemptsChart')}
      series={(['accepted', 'deferred', 'rejected', 'in_doubt'] as const).map((kind) => ({
        kind,
        name: view.t(`statistics.series.${kind}`),
      }))}
      points={labels.map((label, index) => {
        const { accepted = 0, deferred = 0, rejected = 0, inDoubt = 0 } = series[index] ?? {};
        return Object.assign(label, { values: [accepted, deferred, rejected, inDoubt] });
      })}
    />
  );
}
