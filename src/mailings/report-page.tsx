import { may } from '../accounts/permissions.js';
import type { Counters } from '../delivery/delivery.js';
import type { ListQuery } from '../lib/list.js';
import { toRate } from '../lib/rate.js';
import type { AttemptOutcome } from '../lib/schema-delivery.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import { formatLimit } from '../ui/rate.js';
import { formatShare } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { MailingBadge, OutcomeBadge, SentMessage } from './mailing-parts.js';
import { MailingTabs } from './mailing-tabs.js';
import type { Mailing, MailingContent } from './mailing.js';
import { RefusalList } from './refusal-list.js';
import { ReportDomains } from './report-domains.js';
import { ReportOutcome } from './report-outcome.js';
import { ReportRepeat } from './report-repeat.js';
import { ReportTime } from './report-time.js';
import { countAttempts, toRefusals, type DomainSort, type ReportFigures } from './report.js';

interface ReportProps {
  view: View;
  mailing: Mailing;
  /** Whose it is, where it is somebody else's. */
  owner: OwnerName | undefined;
  figures: ReportFigures;
  list: ListQuery<DomainSort>;
  content: MailingContent | undefined;
}

/** All there is to say about a mailing that is over; also on paper. */
export function ReportPage({ view, mailing, owner, figures, list, content }: ReportProps) {
  const { counters, summary, domains } = figures;
  return (
    <Layout
      view={view}
      title={mailing.subject}
      back={{
        href: owner ? '/oversight/mailings' : '/mailings',
        label: view.t(owner ? 'oversight.mailings.title' : 'mailings.list.title'),
      }}
      actions={<PrintButton view={view} />}
      overseen={owner !== undefined}
      tabs={<MailingTabs view={view} mailing={mailing} current="report" />}
    >
      <OwnerNotice view={view} owner={owner} />
      <p class="report-head">
        <MailingBadge view={view} mailing={mailing} />
        <span>{view.t('report.lead', { timeZone: view.timeZone })}</span>
      </p>
      <ReportOutcome view={view} mailingId={mailing.id} counters={counters} />
      {may(view.user, 'mailings.send', mailing) && (
        <ReportRepeat view={view} mailingId={mailing.id} counters={counters} />
      )}
      <ReportTime view={view} mailing={mailing} summary={summary} />
      {domains.length > 0 && <ReportDomains view={view} mailingId={mailing.id} list={list} domains={domains} />}
      <RefusalList view={view} mailingId={mailing.id} refusals={toRefusals(figures)} isOver />
      <Attempts view={view} mailingId={mailing.id} counters={counters} />
      <Conditions view={view} mailing={mailing} figures={figures} />
      {content && (
        <section class="card card-body report-section report-message">
          <SentMessage view={view} content={content} />
        </section>
      )}
    </Layout>
  );
}

export function PrintButton({ view }: { view: View }) {
  return (
    <button class="btn btn-outline-secondary js-only" type="button" data-print>
      <Icon name="printer" />
      {view.t('report.print')}
    </button>
  );
}

const OUTCOMES = [
  ['accepted', 'attemptsAccepted'],
  ['deferred', 'attemptsDeferred'],
  ['rejected', 'attemptsRejected'],
  ['in_doubt', 'attemptsInDoubt'],
] as const satisfies [AttemptOutcome, keyof Counters][];

function Attempts({ view, mailingId, counters }: { view: View; mailingId: number; counters: Counters }) {
  const total = countAttempts(counters);
  if (total === 0) return null;
  const journal = `/mailings/${mailingId}/attempts`;
  return (
    <section class="card card-body report-section">
      <h2>{view.t('report.attempts.title')}</h2>
      <table class="table report-table">
        <thead>
          <tr>
            <th scope="col">{view.t('report.attempts.outcome')}</th>
            <th scope="col" class="cell-number">
              {view.t('report.attempts.count')}
            </th>
            <th scope="col" class="cell-number">
              {view.t('report.outcome.share')}
            </th>
          </tr>
        </thead>
        <tbody>
          {OUTCOMES.map(([outcome, field]) => (
            <tr>
              <th scope="row">
                <OutcomeBadge view={view} outcome={outcome} />
              </th>
              <td class="cell-number">
                <a href={`${journal}?outcome=${outcome}`}>{formatNumber(view, counters[field])}</a>
              </td>
              <td class="cell-number">{formatShare(view, counters[field], total)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{view.t('report.attempts.total')}</th>
            <td class="cell-number">{formatNumber(view, total)}</td>
            <td class="cell-number">{formatShare(view, total, total)}</td>
          </tr>
        </tfoot>
      </table>
      <a class="report-journal" href={journal}>
        {view.t('report.attempts.journal')}
      </a>
    </section>
  );
}

interface ConditionsProps {
  view: View;
  mailing: Mailing;
  figures: ReportFigures;
}

/** Its rules as they were, and by which mail servers it went. */
function Conditions({ view, mailing, figures: { counters, summary } }: ConditionsProps) {
  const { audience, suppressed } = counters;
  const [from, to] = [mailing.firstSendingAt, mailing.endsAt].map((time) => formatDateTime(view, time));
  const rule = mailing.audience === 'all' ? 'report.conditions.all' : 'report.conditions.chosen';
  return (
    <section class="card card-body report-section">
      <h2>{view.t('report.conditions.title')}</h2>
      <dl class="facts">
        <dt>{view.t('report.conditions.audience')}</dt>
        <dd>
          {view.t(rule, { count: audience, number: formatNumber(view, audience) })}
          <p class="report-note">{view.t('report.conditions.once')}</p>
          {suppressed > 0 && (
            <p class="report-note">
              {view.t('report.conditions.suppressed', { count: suppressed, number: formatNumber(view, suppressed) })}
            </p>
          )}
        </dd>
        <dt>{view.t('report.conditions.window')}</dt>
        <dd>{view.t('report.conditions.windowFromTo', { from, to })}</dd>
        <dt>{view.t('report.conditions.rate')}</dt>
        <dd>{formatLimit(view, toRate(mailing))}</dd>
        <Relays view={view} relays={summary.relays} />
      </dl>
    </section>
  );
}

function Relays({ view, relays }: { view: View; relays: ReportFigures['summary']['relays'] }) {
  if (relays.length === 0) return null;
  return (
    <>
      <dt>{view.t('report.conditions.relays')}</dt>
      <dd>
        {relays.map(({ relay, tries, accepted }) => (
          <div>
            {view.t('report.conditions.relay', {
              relay,
              count: tries,
              number: formatNumber(view, tries),
              accepted: formatNumber(view, accepted),
            })}
          </div>
        ))}
      </dd>
    </>
  );
}
