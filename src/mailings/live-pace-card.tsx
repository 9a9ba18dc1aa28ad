import type { Counters, RelayFault } from '../delivery/delivery.js';
import type { NextTries } from '../delivery/next-tries.js';
import { toRate } from '../lib/rate.js';
import { formatDateTime, formatNumber, formatTimeUntil } from '../ui/format.js';
import { formatRate } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { foresee, type Outlook, type Speed } from './live-pace.js';
import type { Mailing } from './mailing.js';

export interface PaceProps {
  view: View;
  mailing: Mailing;
  counters: Counters | undefined;
  /** Null while it is being measured. */
  speed: Speed | null;
  nextTries: NextTries;
  relayFault: RelayFault | undefined;
}

/** How fast it goes, when it will be done, and what comes back later. */
export function PaceCard(props: PaceProps) {
  const { view, counters } = props;
  return (
    <section class="card card-body pace">
      <h2 class="visually-hidden">{view.t('live.pace.title')}</h2>
      <dl class="pace-figures">
        <SpeedFigure {...props} />
        <LeftFigure {...props} waiting={counters?.waiting ?? 0} />
        <TriesFigure {...props} />
      </dl>
    </section>
  );
}

function SpeedFigure({ view, mailing, speed }: PaceProps) {
  const rate = toRate(mailing);
  return (
    <div>
      <dt>{view.t('live.pace.speed')}</dt>
      <dd class="pace-main">{speed ? formatSpeed(view, speed.accepted) : view.t('live.pace.speedUnknown')}</dd>
      <dd>{view.t('live.pace.speedText')}</dd>
      {rate && <dd>{view.t('live.pace.limit', { limit: formatRate(view, rate) })}</dd>}
    </div>
  );
}

/** Less than one a second is told by the minute: one letter in five seconds is not none. */
function formatSpeed(view: View, perSecond: number): string {
  const isSlow = perSecond > 0 && perSecond < 1;
  const count = isSlow ? Math.ceil(perSecond * 60) : Math.round(perSecond);
  return view.t(isSlow ? 'live.pace.perMinute' : 'live.pace.perSecond', { count, number: formatNumber(view, count) });
}

function LeftFigure({ waiting, ...props }: PaceProps & { waiting: number }) {
  const { view, mailing } = props;
  const outlook = foresee({ ...props, now: view.now });
  return (
    <div class={outlook.kind === 'late' ? 'pace-late' : ''}>
      <dt>{view.t('live.pace.left')}</dt>
      <dd class="pace-main">{headOutlook(view, outlook)}</dd>
      {explainOutlook(view, mailing, outlook, waiting).map((text) => (
        <dd>{text}</dd>
      ))}
    </div>
  );
}

function headOutlook(view: View, outlook: Outlook): string {
  if (outlook.kind === 'in_time') return sayAbout(view, outlook.seconds);
  return view.t(`live.pace.${outlook.kind}`);
}

function explainOutlook(view: View, mailing: Mailing, outlook: Outlook, waiting: number): string[] {
  const end = formatDateTime(view, mailing.endsAt);
  const letters = { count: waiting, number: formatNumber(view, waiting) };
  switch (outlook.kind) {
    case 'measuring':
    case 'resting':
    case 'in_time':
      return [view.t('live.pace.inTimeText', { ...letters, end })];
    case 'halted': {
      const seconds = (mailing.endsAt.getTime() - view.now.getTime()) / 1000;
      return [view.t('live.pace.haltedText', { ...letters, time: sayDuration(view, Math.max(0, seconds)) })];
    }
    case 'standing':
      return [view.t('live.pace.standingText')];
    case 'put_off':
      return [view.t('live.pace.put_offText')];
    case 'late': {
      const unsent = { count: outlook.unsent, number: formatNumber(view, outlook.unsent) };
      const advice = toRate(mailing) ? view.t('live.pace.lateLimit') : view.t('live.pace.lateRepeat');
      return [view.t('live.pace.lateText', { ...unsent, end }), advice];
    }
  }
}

function TriesFigure(props: PaceProps) {
  const { view, mailing, counters, nextTries } = props;
  const { letters, beyond } = nextTries;
  const count = (number: number) => ({ count: number, number: formatNumber(view, number) });
  // More wait than were ever put off: a domain that throttles holds back what was not tried yet as well.
  const isSlow = letters > (counters?.attemptsDeferred ?? 0);
  const isHalted = mailing.pausedAt !== null || mailing.disabledAt !== null || mailing.stoppedAt !== null;
  return (
    <div>
      <dt>{view.t('live.tries.title')}</dt>
      <dd class="pace-main">
        {letters === 0 ? view.t('live.tries.none') : view.t('live.tries.letters', count(letters))}
      </dd>
      {letters === 0 && <dd>{view.t('live.tries.noneText')}</dd>}
      {letters > 0 && (isHalted ? <dd>{view.t('live.tries.halted')}</dd> : <TryTimes {...props} />)}
      {isSlow && <dd>{view.t('live.tries.slow')}</dd>}
      {beyond > 0 && <dd>{view.t('live.tries.beyond', count(beyond))}</dd>}
    </div>
  );
}

function TryTimes({ view, nextTries: { nextAt, classes } }: PaceProps) {
  return (
    <>
      {nextAt && <dd>{view.t('live.tries.next', { time: formatTimeUntil(view, nextAt) })}</dd>}
      <dd>
        <ul class="pace-tries">
          {classes.map(({ within, letters }) => (
            <li>
              <span>{within === null ? view.t('live.tries.later') : view.t(`live.tries.within${within}`)}</span>
              <span>{formatNumber(view, letters)}</span>
            </li>
          ))}
        </ul>
      </dd>
    </>
  );
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function sayAbout(view: View, seconds: number): string {
  if (seconds < MINUTE) return view.t('live.pace.lessThanMinute');
  return view.t('live.pace.about', { time: sayDuration(view, seconds) });
}

/** Of what is only expected, one unit says enough: minutes up to an hour and a half, hours up to two days. */
function sayDuration(view: View, seconds: number): string {
  if (seconds < 1.5 * HOUR) return formatUnit(view, 'minute', Math.max(1, Math.ceil(seconds / MINUTE)));
  if (seconds < 2 * DAY) return formatUnit(view, 'hour', Math.round(seconds / HOUR));
  return formatUnit(view, 'day', Math.round(seconds / DAY));
}

function formatUnit({ locale }: View, unit: 'minute' | 'hour' | 'day', count: number): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}
