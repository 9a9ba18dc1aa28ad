import { may } from '../accounts/permissions.js';
import { toRate } from '../lib/rate.js';
import { formatDateTime } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import { formatLimit } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { DisablingAction, mayPressDisabling } from './disabling-action.js';
import { DisabledNotice, NoRecipientsNotice, StartFaultNotice, WindowOverNotice } from './mailing-notices.js';
import { formatAudience, MailingBadge, SentMessage } from './mailing-parts.js';
import { MailingProgress, type MailingProgressProps } from './mailing-progress.js';
import { MailingTabs } from './mailing-tabs.js';
import { startsByItself, type AudienceSize, type Mailing, type MailingContent } from './mailing.js';

interface CreatedMailingProps {
  view: View;
  mailing: Mailing;
  /** Whose it is, where it is somebody else's. */
  owner?: OwnerName | undefined;
  audience: AudienceSize;
}

/** Before the start: what it will do, and what it still lacks. One that is going to start by itself is watched for that. */
export function CreatedMailingPage({ view, mailing, owner, audience }: CreatedMailingProps) {
  const { id, subject } = mailing;
  const isDue = startsByItself(mailing);
  return (
    <Layout
      view={view}
      title={subject}
      back={toList(view, owner)}
      overseen={owner !== undefined}
      actions={<CreatedMailingActions view={view} mailing={mailing} />}
      {...(isDue ? { refresh: secondsUntilStart(view, mailing) } : {})}
    >
      <OwnerNotice view={view} owner={owner} />
      <section
        {...(isDue
          ? { 'data-live': `/mailings/${id}/progress?before=start`, 'data-live-seconds': SECONDS_BETWEEN }
          : {})}
      >
        <CreatedMailingState view={view} mailing={mailing} audience={audience} />
      </section>
      <dl class="facts card card-body">
        <MessageFact view={view} mailing={mailing} />
        <AudienceFact view={view} mailing={mailing} audience={audience} />
        <TimeFacts view={view} mailing={mailing} />
        <RateFact view={view} mailing={mailing} />
      </dl>
    </Layout>
  );
}

/** What can change before the start without the owner's doing; the page asks for it again and again. */
export function CreatedMailingState({ view, mailing, audience }: CreatedMailingProps) {
  return (
    <>
      <div class="status-line d-flex flex-wrap align-items-center gap-2 mb-3">
        <MailingBadge view={view} mailing={mailing} />
      </div>
      <DisabledNotice view={view} mailing={mailing} />
      <StartFaultNotice view={view} mailing={mailing} />
      <Start view={view} mailing={mailing} audience={audience} />
    </>
  );
}

/** Such a page may stand open for days. */
const SECONDS_BETWEEN = 2;
const SHORTEST_REFRESH = 5;
const LONGEST_REFRESH = 3600;

/** Just past the start, so that the reload shows it; a start that is being waited for is looked at every few seconds. */
function secondsUntilStart(view: View, { firstSendingAt }: Mailing): number {
  const seconds = Math.ceil((firstSendingAt.getTime() - view.now.getTime()) / 1000) + 1;
  return Math.min(Math.max(seconds, SHORTEST_REFRESH), LONGEST_REFRESH);
}

interface StartedMailingProps extends MailingProgressProps {
  owner: OwnerName | undefined;
  content: MailingContent | undefined;
}

/** From the start on: the live part, and the message as it was frozen. */
export function StartedMailingPage({ owner, content, ...progress }: StartedMailingProps) {
  const { view, mailing } = progress;
  const isRunning = mailing.status === 'running';
  return (
    <Layout
      view={view}
      title={mailing.subject}
      back={toList(view, owner)}
      overseen={owner !== undefined}
      tabs={<MailingTabs view={view} mailing={mailing} current="overview" />}
      {...(mayPressDisabling(view, mailing) ? { actions: <DisablingAction view={view} mailing={mailing} /> } : {})}
      {...(isRunning ? { refresh: 5 } : {})}
    >
      <OwnerNotice view={view} owner={owner} />
      <section
        {...(isRunning
          ? {
              'data-live': `/mailings/${mailing.id}/progress`,
              'data-live-events': `/mailings/${mailing.id}/events`,
              'data-live-seconds': SECONDS_BETWEEN,
            }
          : {})}
      >
        <MailingProgress {...progress} />
      </section>
      <h2>{view.t('mailings.page.facts')}</h2>
      <dl class="facts card card-body">
        <TimeFacts view={view} mailing={mailing} />
        <RateFact view={view} mailing={mailing} />
      </dl>
      {content && (
        <section class="card card-body">
          <SentMessage view={view} content={content} />
        </section>
      )}
      {!isRunning && !owner && (
        <div class="page-end">
          <DeleteButton view={view} mailing={mailing} />
        </div>
      )}
    </Layout>
  );
}

function toList(view: View, owner: OwnerName | undefined) {
  return owner
    ? { href: '/oversight/mailings', label: view.t('oversight.mailings.title') }
    : { href: '/mailings', label: view.t('mailings.list.title') };
}

function CreatedMailingActions({ view, mailing }: { view: View; mailing: Mailing }) {
  return (
    <>
      {may(view.user, 'things.change', mailing) && (
        <>
          <a class="btn btn-outline-secondary" href={`/mailings/${mailing.id}/edit`}>
            {view.t('common.edit')}
          </a>
          <DeleteButton view={view} mailing={mailing} />
        </>
      )}
      <DisablingAction view={view} mailing={mailing} />
    </>
  );
}

function DeleteButton({ view, mailing }: { view: View; mailing: Mailing }) {
  return (
    <a class="btn btn-outline-danger" href={`/mailings/${mailing.id}/deletion`}>
      {view.t('common.delete')}
    </a>
  );
}

function Start({ view, mailing, audience }: CreatedMailingProps) {
  if (mailing.disabledAt !== null || !may(view.user, 'mailings.send', mailing)) return null;
  if (audience.count === 0) return <NoRecipientsNotice view={view} mailing={mailing} />;
  if (mailing.endsAt <= view.now) return <WindowOverNotice view={view} mailing={mailing} />;
  const number = formatAudience(view, audience);
  return (
    <form method="post" action={`/mailings/${mailing.id}/start`} class="card card-body start-card mb-3">
      {mailing.startFault === null && <p>{describeStart(view, mailing)}</p>}
      <div class="form-actions">
        <button class="btn btn-primary" type="submit">
          <Icon name="send" />
          {view.t('mailings.start.submit', { count: audience.count, number })}
        </button>
      </div>
    </form>
  );
}

function describeStart(view: View, { firstSendingAt }: Mailing): string {
  if (firstSendingAt <= view.now) return view.t('mailings.start.due');
  return view.t('mailings.start.byItself', { time: formatDateTime(view, firstSendingAt) });
}

function MessageFact({ view, mailing: { messageId, subject } }: { view: View; mailing: Mailing }) {
  return (
    <>
      <dt>{view.t('mailings.message')}</dt>
      <dd>
        <a href={`/messages/${messageId}`}>
          <bdi>{subject}</bdi>
        </a>
      </dd>
    </>
  );
}

function AudienceFact({ view, mailing, audience }: CreatedMailingProps) {
  const isAll = mailing.audience === 'all';
  const values = { count: audience.count, number: formatAudience(view, audience) };
  return (
    <>
      <dt>{view.t('mailings.audience')}</dt>
      <dd>
        {view.t(isAll ? 'mailings.page.audienceAll' : 'mailings.audienceCount', values)}{' '}
        {may(view.user, 'things.change', mailing) && (
          <a href={isAll ? '/recipients' : `/mailings/${mailing.id}/audience`}>
            {view.t(isAll ? 'mailings.page.showAudience' : 'mailings.page.chooseRecipients')}
          </a>
        )}
      </dd>
    </>
  );
}

function TimeFacts({ view, mailing }: { view: View; mailing: Mailing }) {
  const times = [
    ['mailings.firstSending', mailing.firstSendingAt],
    ['mailings.end', mailing.endsAt],
    ['mailings.created', mailing.createdAt],
    ['mailings.startedAt', mailing.startedAt],
    ['mailings.finishedAt', mailing.finishedAt],
  ] as const;
  return (
    <>
      {times.map(
        ([label, time]) =>
          time && (
            <>
              <dt>{view.t(label)}</dt>
              <dd>
                <time datetime={time.toISOString()}>
                  {view.t('mailings.page.timeIn', { time: formatDateTime(view, time), timeZone: view.timeZone })}
                </time>
              </dd>
            </>
          ),
      )}
    </>
  );
}

/** Before the start it is changed with everything else. */
function RateFact({ view, mailing }: { view: View; mailing: Mailing }) {
  const isChangeable = mailing.status === 'running' && may(view.user, 'things.change', mailing);
  return (
    <>
      <dt>{view.t('mailings.rate.title')}</dt>
      <dd>
        {formatLimit(view, toRate(mailing))}{' '}
        {isChangeable && <a href={`/mailings/${mailing.id}/rate`}>{view.t('mailings.rate.change')}</a>}
      </dd>
    </>
  );
}
