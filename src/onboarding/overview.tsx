import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';

import type { Counters } from '../delivery/delivery.js';
import { MailingStateBadge } from '../mailings/mailing-parts.js';
import { AttentionList, NothingLeavesLine } from '../statistics/attention-list.js';
import { AwaitRunning, LivePart } from '../statistics/live-part.js';
import { RangePicker } from '../statistics/range-picker.js';
import { rangeQuery, type RangeChoice } from '../statistics/range.js';
import { MailingLink, RunningList } from '../statistics/running-list.js';
import type { ShownFigures } from '../statistics/shown-figures.js';
import type { ShownMailing } from '../statistics/shown-mailing.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Start } from './read-start.js';

export interface OverviewProps {
  view: View;
  start: Start;
  choice: RangeChoice;
  figures: ShownFigures;
  /** No mail server takes letters, while mailings run. */
  isHeldUp: boolean;
}

export function Overview({ view, start, choice, figures, isHeldUp }: OverviewProps) {
  const { attention, running, next, finished, isNewcomer } = start;
  const isRunning = running.length > 0;
  return (
    <>
      <AttentionList view={view} attention={attention}>
        {isHeldUp && <NothingLeavesLine view={view} href={`/mailings/${running[0]?.id ?? ''}`} />}
      </AttentionList>
      <LivePart href="/running-mailings" isRunning={isRunning}>
        <RunningList view={view} running={running} />
      </LivePart>
      {!isRunning && next.length > 0 && <AwaitRunning href="/running-mailings" />}
      <section class="figures-section" aria-labelledby="figures-title">
        <h2 id="figures-title">{view.t('statistics.title')}</h2>
        <RangePicker view={view} choice={choice} path="/" />
        <LivePart href={`/figures?${rangeQuery(choice.range)}`} isRunning={isRunning}>
          {raw(figures.html)}
        </LivePart>
      </section>
      <div class="overview-columns">
        {!isNewcomer && (
          <MailingList
            view={view}
            title={view.t('onboarding.overview.next')}
            empty={view.t('onboarding.overview.nothingNext')}
          >
            {next.map((mailing) => (
              <MailingLine view={view} mailing={mailing}>
                {formatDateTime(view, new Date(mailing.firstSendingAt))}
              </MailingLine>
            ))}
          </MailingList>
        )}
        <MailingList
          view={view}
          title={view.t('onboarding.overview.finished')}
          empty={view.t('onboarding.overview.nothingFinished')}
        >
          {finished.map((mailing) => (
            <MailingLine view={view} mailing={mailing}>
              {mailing.counters && describeAccepted(view, mailing.counters)}
            </MailingLine>
          ))}
        </MailingList>
      </div>
    </>
  );
}

function describeAccepted(view: View, { accepted, audience }: Counters): string {
  return view.t('onboarding.overview.accepted', {
    accepted: formatNumber(view, accepted),
    audience: formatNumber(view, audience),
  });
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

function MailingLine({ view, mailing, children }: { view: View; mailing: ShownMailing; children?: Child }) {
  return (
    <li>
      <MailingLink mailing={mailing} />
      <span class="overview-line-foot">
        <MailingStateBadge view={view} state={mailing.state} />
        <span>{children}</span>
      </span>
    </li>
  );
}
