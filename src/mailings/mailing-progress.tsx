import { may } from '../accounts/permissions.js';
import type { Counters, Halt, RelayFault } from '../delivery/delivery.js';
import { formatDateTime, formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { AttemptTable } from './attempt-table.js';
import { Balance } from './balance.js';
import { DoubtsNotice } from './doubt-notice.js';
import { PaceCard } from './live-pace-card.js';
import type { Speed } from './live-pace.js';
import { DisabledNotice } from './mailing-notices.js';
import { MailingBadge } from './mailing-parts.js';
import { describeMailing, type Mailing } from './mailing.js';
import type { Progress } from './read-progress.js';
import { RefusalList } from './refusal-list.js';

export interface MailingProgressProps extends Progress {
  view: View;
  mailing: Mailing;
  /** Null while it is being measured. */
  speed: Speed | null;
}

/** What changes while a mailing runs: each part is sent anew only when it has changed. */
const PARTS = {
  state: StatePart,
  pace: PacePart,
  balance: BalancePart,
  refusals: RefusalsPart,
  attempts: AttemptsPart,
  said: SaidPart,
} as const;

type PartName = keyof typeof PARTS;
export type PartTexts = Record<PartName, string>;

const PART_NAMES = Object.keys(PARTS) as PartName[];

export function MailingProgress(props: MailingProgressProps) {
  return (
    <>
      {PART_NAMES.map((name) => {
        const Part = PARTS[name];
        return (
          <div data-part={name}>
            <Part {...props} />
          </div>
        );
      })}
    </>
  );
}

/** What stands in each part. */
export function renderParts(props: MailingProgressProps): PartTexts {
  const texts = PART_NAMES.map((name) => {
    const Part = PARTS[name];
    return [name, render(<Part {...props} />)];
  });
  return Object.fromEntries(texts) as PartTexts;
}

/** Nothing in the parts waits for anything, so that what is rendered is there at once. */
const render = (element: { toString: () => string }): string => element.toString();

function StatePart({ view, mailing, counters, attempts, relayFault, halt }: MailingProgressProps) {
  return (
    <>
      <div class="status-line d-flex flex-wrap align-items-center gap-2 mb-3">
        <MailingBadge view={view} mailing={mailing} />
        <Controls view={view} mailing={mailing} />
      </div>
      <StateNotice view={view} mailing={mailing} halt={halt} />
      {relayFault && mailing.disabledAt === null && <RelayNotice view={view} relayFault={relayFault} />}
      {counters && may(view.user, 'mailings.send', mailing) && (
        <>
          <DoubtsNotice view={view} mailing={mailing} counters={counters} seenAttemptId={attempts[0]?.id ?? 0} />
          {mailing.status === 'finished' && <RepeatNotices view={view} mailing={mailing} counters={counters} />}
        </>
      )}
    </>
  );
}

function PacePart(props: MailingProgressProps) {
  return props.mailing.status === 'running' ? <PaceCard {...props} /> : <></>;
}

function BalancePart({ view, mailing, counters }: MailingProgressProps) {
  return counters ? <Balance view={view} mailingId={mailing.id} counters={counters} /> : <></>;
}

function RefusalsPart({ view, mailing, refusals }: MailingProgressProps) {
  const isOver = mailing.status === 'finished';
  return <RefusalList view={view} mailingId={mailing.id} refusals={refusals} isOver={isOver} />;
}

function AttemptsPart({ view, mailing: { id }, attempts }: MailingProgressProps) {
  const title = view.t('mailings.attempts.title');
  return (
    <>
      <h2>{title}</h2>
      <AttemptTable view={view} mailingId={id} attempts={attempts} label={title} />
      {attempts.length > 0 && (
        <p>
          <a href={`/mailings/${id}/attempts`}>{view.t('live.allAttempts')}</a>
        </p>
      )}
    </>
  );
}

/** The one sentence that screen readers say: at every tenth of the way, and when the state changes. */
function SaidPart({ view, mailing, counters }: MailingProgressProps) {
  if (mailing.status !== 'running') return <></>;
  const tenths = counters && counters.audience > 0 ? Math.floor((1 - counters.waiting / counters.audience) * 10) : 0;
  const percent = new Intl.NumberFormat(view.locale, { style: 'percent' }).format(tenths / 10);
  const state = view.t(`mailings.states.${describeMailing(mailing)}`);
  return (
    <p class="visually-hidden" role="status">
      {view.t('live.said', { state, percent })}
    </p>
  );
}

function Controls({ view, mailing }: { view: View; mailing: Mailing }) {
  const { id, status, stoppedAt, pausedAt, disabledAt } = mailing;
  if (status !== 'running' || stoppedAt !== null || !may(view.user, 'mailings.send', mailing)) return null;
  const isPaused = pausedAt !== null;
  return (
    <>
      {/* While it is disabled nothing leaves, whatever its owner presses; to stop it for good still means something. */}
      {disabledAt === null && (
        <form method="post" action={`/mailings/${id}/${isPaused ? 'continue' : 'pause'}`}>
          <button class={isPaused ? 'btn btn-primary' : 'btn btn-outline-secondary'} type="submit">
            {view.t(isPaused ? 'mailings.control.continue' : 'mailings.control.pause')}
          </button>
        </form>
      )}
      <a class="btn btn-outline-danger" href={`/mailings/${id}/stop`}>
        {view.t('mailings.control.stop')}
      </a>
    </>
  );
}

function StateNotice({ view, mailing, halt }: { view: View; mailing: Mailing; halt: Halt | undefined }) {
  if (mailing.disabledAt !== null) return <DisabledNotice view={view} mailing={mailing} halt={halt} />;
  const state = describeMailing(mailing);
  if (state === 'preparing') {
    return <Notice title={view.t('mailings.preparing.title')} text={view.t('mailings.preparing.text')} />;
  }
  if (state === 'paused') {
    const time = formatDateTime(view, mailing.endsAt);
    if (mailing.pauseReason !== null) return <PolicyNotice view={view} time={time} reply={mailing.pauseReason} />;
    return (
      <Notice title={view.t('mailings.control.pausedTitle')} text={view.t('mailings.control.pausedText', { time })} />
    );
  }
  if (state === 'stopping') {
    return <Notice title={view.t('mailings.control.stoppingTitle')} text={view.t('mailings.control.stoppingText')} />;
  }
  return null;
}

/** Nobody's fault among the recipients: they wait until the mail server is back. */
function RelayNotice({ view, relayFault }: { view: View; relayFault: RelayFault }) {
  const time = formatTimeWithSeconds(view, relayFault.pausedUntil);
  return (
    <section class="notice notice-warning">
      <h2>{view.t('mailings.relay.title')}</h2>
      <p>{view.t('mailings.relay.text', { time })}</p>
      <p class="reply">{relayFault.fault}</p>
    </section>
  );
}

/** Nobody's fault among the recipients either: its owner has to look into it. */
function PolicyNotice({ view, time, reply }: { view: View; time: string; reply: string }) {
  return (
    <section class="notice notice-danger">
      <h2>{view.t('mailings.policy.title')}</h2>
      <p>{view.t('mailings.policy.text', { time })}</p>
      <p class="reply text-lines">{reply}</p>
    </section>
  );
}

function Notice({ title, text }: { title: string; text: string }) {
  return (
    <section class="notice">
      <h2>{title}</h2>
      <p>{text}</p>
    </section>
  );
}

/** Who got nothing can be written to again when the mailing is over. */
function RepeatNotices({ view, mailing, counters }: { view: View; mailing: Mailing; counters: Counters }) {
  const { expired, rejected, cancelled } = counters;
  const notice = { view, mailingId: mailing.id };
  return (
    <>
      {expired > 0 && <RepeatNotice {...notice} state="expired" count={expired} />}
      {rejected > 0 && <RepeatNotice {...notice} state="rejected" count={rejected} />}
      {cancelled > 0 && <RepeatNotice {...notice} state="cancelled" count={cancelled} />}
    </>
  );
}

const REPEAT_TEXTS = {
  expired: { title: 'mailings.repeat.expiredTitle', text: 'mailings.repeat.expiredText' },
  rejected: { title: 'mailings.repeat.rejectedTitle', text: 'mailings.repeat.rejectedText' },
  cancelled: { title: 'mailings.repeat.cancelledTitle', text: 'mailings.repeat.cancelledText' },
} as const;

interface RepeatNoticeProps {
  view: View;
  mailingId: number;
  state: keyof typeof REPEAT_TEXTS;
  count: number;
}

function RepeatNotice({ view, mailingId, state, count }: RepeatNoticeProps) {
  const { title, text } = REPEAT_TEXTS[state];
  return (
    <section class="notice notice-warning">
      <h2>{view.t(title, { count, number: formatNumber(view, count) })}</h2>
      <p>{view.t(text)}</p>
      <form method="post" action={`/mailings/${mailingId}/repeat`} class="form-actions">
        <input type="hidden" name="state" value={state} />
        <button class="btn btn-outline-secondary" type="submit">
          {view.t('mailings.repeat.submit')}
        </button>
        <a class="btn btn-link" href={`/mailings/${mailingId}/deliveries?state=${state}`}>
          {view.t('mailings.inDoubt.show')}
        </a>
      </form>
    </section>
  );
}
