import type { MailingSummary } from '../delivery/mailing-summary.js';
import { BarChart } from '../ui/chart.js';
import { formatDuration } from '../ui/duration.js';
import { formatDateTime, formatTimeWithSeconds } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';
import { paceOf, type Pace } from './report.js';

interface ReportTimeProps {
  view: View;
  mailing: Mailing;
  summary: MailingSummary;
}

/** When it was sent, how fast, and how the speed went. */
export function ReportTime({ view, mailing, summary }: ReportTimeProps) {
  const { startedAt, stoppedAt, finishedAt } = mailing;
  const pace = paceOf(summary);
  return (
    <section class="card card-body report-section">
      <h2>{view.t('report.time.title')}</h2>
      <dl class="facts">
        <TimeFact view={view} label="report.time.started" time={startedAt} />
        <TimeFact view={view} label="report.time.first" time={toDate(summary.firstAt)} />
        <TimeFact view={view} label="report.time.last" time={toDate(summary.lastAt)} />
        {pace && <PaceFacts view={view} pace={pace} />}
        <TimeFact view={view} label="report.time.stopped" time={stoppedAt} />
        <TimeFact view={view} label="report.time.finished" time={finishedAt} />
      </dl>
      {!pace && (
        <p class="text-body-secondary">
          {view.t(summary.tries.length === 0 ? 'report.time.nothingTried' : 'report.time.unknown')}
        </p>
      )}
      {summary.tries.length > 1 && <SpeedChart view={view} summary={summary} />}
    </section>
  );
}

interface TimeFactProps {
  view: View;
  label: `report.time.${'started' | 'first' | 'last' | 'stopped' | 'finished'}`;
  time: Date | null;
}

function TimeFact({ view, label, time }: TimeFactProps) {
  if (!time) return null;
  return (
    <>
      <dt>{view.t(label)}</dt>
      <dd>
        <time datetime={time.toISOString()}>{formatTimeWithSeconds(view, time)}</time>
      </dd>
    </>
  );
}

function PaceFacts({ view, pace: { seconds, average, most } }: { view: View; pace: Pace }) {
  return (
    <>
      <dt>{view.t('report.time.seconds')}</dt>
      <dd>{formatDuration(view, seconds)}</dd>
      {average > 0 && (
        <>
          <dt>{view.t('report.time.average')}</dt>
          <dd>{describePace(view, average)}</dd>
        </>
      )}
      {most !== null && most > 0 && (
        <>
          <dt>{view.t('report.time.most')}</dt>
          <dd>{describePace(view, most)}</dd>
        </>
      )}
    </>
  );
}

function describePace(view: View, perSecond: number): string {
  return view.t('live.pace.perSecond', { count: roundPace(perSecond), number: formatPace(view, perSecond) });
}

export function formatPace({ locale }: Pick<View, 'locale'>, perSecond: number): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: 15 }).format(roundPace(perSecond));
}

/** Two digits are as many as it is worth, and whole letters from a hundred on. */
function roundPace(perSecond: number): number {
  return perSecond >= 100 ? Math.round(perSecond) : Number(perSecond.toPrecision(perSecond >= 0.1 ? 2 : 1));
}

function SpeedChart({ view, summary }: { view: View; summary: MailingSummary }) {
  const { startsAt, stretchSeconds, tries, accepted } = summary;
  const short = labelOf(view, summary);
  const points = tries.map((count, index) => {
    const at = new Date(Date.parse(startsAt) + index * stretchSeconds * 1000);
    const fine = accepted[index] ?? 0;
    const label = stretchSeconds < 60 ? formatTimeWithSeconds(view, at) : formatDateTime(view, at);
    return { label, short: short.format(at), values: [fine, count - fine] };
  });
  const title = view.t('report.speed.chart', { stretch: formatDuration(view, stretchSeconds) });
  return (
    <div class="report-chart">
      <h3>{title}</h3>
      <BarChart
        view={view}
        title={title}
        series={[
          { name: view.t('report.speed.accepted'), kind: 'accepted' },
          { name: view.t('report.speed.unsuccessful'), kind: 'deferred' },
        ]}
        points={points}
      />
    </div>
  );
}

const DAY_SECONDS = 86_400;

/** Under a bar: the day, the time, or both, whatever tells it from its neighbours. */
function labelOf(view: View, { stretchSeconds, tries }: MailingSummary): Intl.DateTimeFormat {
  const { locale, timeZone } = view;
  const day = { day: 'numeric', month: 'short' } as const;
  const time = { hour: '2-digit', minute: '2-digit' } as const;
  if (stretchSeconds >= DAY_SECONDS) return new Intl.DateTimeFormat(locale, { timeZone, ...day });
  if (stretchSeconds * tries.length > DAY_SECONDS)
    return new Intl.DateTimeFormat(locale, { timeZone, ...day, ...time });
  return new Intl.DateTimeFormat(locale, { timeZone, ...time, ...(stretchSeconds < 60 && { second: '2-digit' }) });
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
