import type { Child } from 'hono/jsx';

import type { Counters } from '../delivery/delivery.js';
import { MailingBadge } from '../mailings/mailing-parts.js';
import type { Mailing } from '../mailings/mailing.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { MailingWithCounters, Start } from './read-start.js';

export function Overview({ view, start }: { view: View; start: Start }) {
  const { running, next, finished, isNewcomer } = start;
  return (
    <>
      {running.length > 0 && (
        <section data-live="/running-mailings">
          <RunningMailings view={view} running={running} />
        </section>
      )}
      <Totals view={view} start={start} />
      <div class="overview-columns">
        {!isNewcomer && (
          <MailingList
            view={view}
            title={view.t('onboarding.overview.next')}
            empty={view.t('onboarding.overview.nothingNext')}
          >
            {next.map((mailing) => (
              <MailingLine view={view} mailing={mailing}>
                {formatDateTime(view, mailing.firstSendingAt)}
              </MailingLine>
            ))}
          </MailingList>
        )}
        <MailingList
          view={view}
          title={view.t('onboarding.overview.finished')}
          empty={view.t('onboarding.overview.nothingFinished')}
        >
          {finished.map(({ mailing, counters }) => (
            <MailingLine view={view} mailing={mailing}>
              {counters && describeAccepted(view, counters)}
            </MailingLine>
          ))}
        </MailingList>
      </div>
    </>
  );
}

/** What changes by itself; the page asks for it again and again. */
export function RunningMailings({ view, running }: { view: View; running: MailingWithCounters[] }) {
  return (
    <section class="card card-body running-mailings">
      <h2>{view.t('onboarding.overview.running')}</h2>
      {running.map(({ mailing, counters }) => (
        <article class="running-mailing">
          <div class="running-mailing-head">
            <MailingLink mailing={mailing} />
            <MailingBadge view={view} mailing={mailing} />
          </div>
          {counters && <Progress view={view} subject={mailing.subject} counters={counters} />}
        </article>
      ))}
    </section>
  );
}

function Progress({ view, subject, counters }: { view: View; subject: string; counters: Counters }) {
  const settled = counters.audience - counters.waiting;
  const values = { settled: formatNumber(view, settled), audience: formatNumber(view, counters.audience) };
  return (
    <>
      <progress value={settled} max={Math.max(counters.audience, 1)} aria-label={subject}></progress>
      <p class="running-mailing-counts">
        {view.t('onboarding.overview.progress', values)} · {describeAccepted(view, counters)}
      </p>
    </>
  );
}

function describeAccepted(view: View, { accepted, audience }: Counters): string {
  return view.t('onboarding.overview.accepted', {
    accepted: formatNumber(view, accepted),
    audience: formatNumber(view, audience),
  });
}

function Totals({ view, start: { recipientCount, totals, hasSampleData } }: { view: View; start: Start }) {
  const unsuccessful = totals.attemptsDeferred + totals.attemptsRejected + totals.attemptsInDoubt;
  const figures = [
    ['recipients', recipientCount],
    ['accepted', totals.accepted],
    ['successful', totals.attemptsAccepted],
    ['unsuccessful', unsuccessful],
  ] as const;
  return (
    <section aria-labelledby="totals-title">
      <h2 id="totals-title">{view.t('onboarding.totals.title')}</h2>
      <dl class="totals">
        {figures.map(([name, figure]) => (
          <div>
            <dt>{view.t(`onboarding.totals.${name}`)}</dt>
            <dd>{formatNumber(view, figure)}</dd>
          </div>
        ))}
      </dl>
      {hasSampleData && <p class="form-text">{view.t('onboarding.totals.withSamples')}</p>}
    </section>
  );
}

function MailingList({
  view,
  title,
  empty,
  children,
}: {
  view: View;
  title: string;
  empty: string;
  children: Child[];
}) {
  return (
    <section class="card card-body overview-list">
      <h2>{title}</h2>
      {children.length === 0 ? <p class="text-body-secondary">{empty}</p> : <ul>{children}</ul>}
      <a href="/mailings">{view.t('onboarding.overview.all')}</a>
    </section>
  );
}

function MailingLine({ view, mailing, children }: { view: View; mailing: Mailing; children?: Child }) {
  return (
    <li>
      <MailingLink mailing={mailing} />
      <span class="overview-line-foot">
        <MailingBadge view={view} mailing={mailing} />
        <span>{children}</span>
      </span>
    </li>
  );
}

function MailingLink({ mailing: { id, subject } }: { mailing: Mailing }) {
  return (
    <a class="row-link" href={`/mailings/${id}`}>
      <bdi>{subject}</bdi>
    </a>
  );
}
