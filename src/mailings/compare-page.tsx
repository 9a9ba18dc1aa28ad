import type { Child } from 'hono/jsx';

import type { Counters } from '../delivery/delivery.js';
import type { MailingSummary } from '../delivery/mailing-summary.js';
import { ShareBar } from '../ui/chart.js';
import { formatDuration } from '../ui/duration.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { EmptyState } from '../ui/list.js';
import { OwnerLink, type OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { BalanceBar, PART_STATES, toParts } from './balance.js';
import { MailingBadge } from './mailing-parts.js';
import type { Mailing } from './mailing.js';
import { CountAndShare } from './report-domains.js';
import { PrintButton } from './report-page.js';
import { formatPace } from './report-time.js';
import { countAttempts, FEWEST_COMPARED, paceOf } from './report.js';

export interface Compared {
  mailing: Mailing;
  counters: Counters | undefined;
  summary: MailingSummary | undefined;
}

interface CompareProps {
  view: View;
  compared: Compared[];
  /** By id, where the visitor sees everybody's. */
  owners: Map<number, OwnerName>;
  /** How many of the chosen are not there for this visitor. */
  missing: number;
  hasTooMany: boolean;
  listHref: string;
}

/** Several mailings beside each other: a column each; on a phone under each figure. */
export function ComparePage(props: CompareProps) {
  const { view, compared, listHref, missing, hasTooMany } = props;
  const isEnough = compared.length >= FEWEST_COMPARED;
  return (
    <Layout
      view={view}
      title={view.t('report.compare.title')}
      back={{ href: listHref, label: view.t('report.compare.choose') }}
      overseen={listHref !== '/mailings'}
      {...(isEnough ? { actions: <PrintButton view={view} /> } : {})}
    >
      {hasTooMany && <p class="notice notice-warning">{view.t('report.compare.tooMany')}</p>}
      {missing > 0 && (
        <p class="notice notice-warning">
          {view.t('report.compare.missing', { count: missing, number: formatNumber(view, missing) })}
        </p>
      )}
      {isEnough ? <Comparison {...props} /> : <TooFew view={view} listHref={listHref} />}
    </Layout>
  );
}

function TooFew({ view, listHref }: { view: View; listHref: string }) {
  return (
    <EmptyState icon="bar-chart" title={view.t('report.compare.tooFew')} text={view.t('report.compare.hint')}>
      <a class="btn btn-primary" href={listHref}>
        {view.t('report.compare.choose')}
      </a>
    </EmptyState>
  );
}

function Comparison(props: CompareProps) {
  const { view, compared } = props;
  return (
    <div class="compare">
      {compared.some(({ summary }) => !summary) && <p class="report-note">{view.t('report.compare.running')}</p>}
      <div class="table-frame" tabindex={0} role="region" aria-label={view.t('report.compare.table')}>
        <table class="table compare-table">
          <thead>
            <tr>
              <th scope="col">{view.t('report.compare.figure')}</th>
              {compared.map((one) => (
                <th scope="col">
                  <MailingName {...props} one={one} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {FIGURES.filter(({ isShown }) => isShown?.(compared) ?? true).map(({ label, Value }) => (
              <tr>
                <th scope="row">{view.t(label)}</th>
                {compared.map((one) => (
                  <td data-label={one.mailing.subject}>
                    <Value view={view} one={one} compared={compared} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Bars view={view} compared={compared} />
    </div>
  );
}

function MailingName({ view, owners, one: { mailing } }: CompareProps & { one: Compared }) {
  const { id, subject, status, ownerId } = mailing;
  const owner = owners.get(ownerId);
  return (
    <>
      <a class="compare-name" href={status === 'finished' ? `/mailings/${id}/report` : `/mailings/${id}`}>
        <bdi>{subject}</bdi>
      </a>
      <MailingBadge view={view} mailing={mailing} />
      {owner && (
        <span class="compare-owner">
          <OwnerLink owner={owner} />
        </span>
      )}
    </>
  );
}

interface ValueProps {
  view: View;
  one: Compared;
  compared: Compared[];
}

interface Figure {
  label:
    | 'report.compare.started'
    | 'report.compare.audience'
    | `mailings.balance.${'accepted' | 'rejected' | 'in_doubt' | 'expired' | 'cancelled' | 'suppressed'}`
    | 'report.compare.waiting'
    | 'report.compare.perLetter'
    | 'report.compare.deferred'
    | 'report.time.seconds'
    | 'report.compare.average';
  Value: (props: ValueProps) => Child;
  isShown?: (compared: Compared[]) => boolean;
}

const FIGURES: Figure[] = [
  { label: 'report.compare.started', Value: Started },
  { label: 'report.compare.audience', Value: Audience },
  partOf('mailings.balance.accepted', 'accepted', 'accepted'),
  partOf('mailings.balance.rejected', 'rejected', 'rejected'),
  partOf('mailings.balance.in_doubt', 'inDoubt', 'in_doubt'),
  partOf('mailings.balance.expired', 'expired'),
  partOf('mailings.balance.cancelled', 'cancelled'),
  partOf('mailings.balance.suppressed', 'suppressed'),
  partOf('report.compare.waiting', 'waiting'),
  { label: 'report.compare.perLetter', Value: PerLetter },
  { label: 'report.compare.deferred', Value: Deferred },
  { label: 'report.time.seconds', Value: Lasted },
  { label: 'report.compare.average', Value: Average },
];

type Part = 'accepted' | 'rejected' | 'inDoubt' | 'expired' | 'cancelled' | 'suppressed' | 'waiting';

/** What none of them has is left out, except what everybody asks about. */
function partOf(label: Figure['label'], field: Part, kind?: 'accepted' | 'rejected' | 'in_doubt'): Figure {
  return {
    label,
    Value: ({ view, one: { counters } }) =>
      counters ? (
        <>
          <CountAndShare view={view} count={counters[field]} whole={counters.audience} />
          {kind && <ShareBar value={counters[field]} largest={counters.audience} kind={kind} />}
        </>
      ) : (
        view.t('common.none')
      ),
    isShown: (compared) =>
      field === 'accepted' || field === 'rejected' || compared.some(({ counters }) => (counters?.[field] ?? 0) > 0),
  };
}

function Started({ view, one: { mailing } }: ValueProps) {
  return <>{mailing.startedAt ? formatDateTime(view, mailing.startedAt) : view.t('common.none')}</>;
}

/** Of these the bars show which mailing was the largest. */
function Audience({ view, one: { counters }, compared }: ValueProps) {
  if (!counters) return <>{view.t('common.none')}</>;
  const largest = Math.max(...compared.map((other) => other.counters?.audience ?? 0));
  return (
    <>
      <span class="count-share">{formatNumber(view, counters.audience)}</span>
      <ShareBar value={counters.audience} largest={largest} />
    </>
  );
}

function PerLetter({ view, one: { counters } }: ValueProps) {
  if (!counters || counters.audience === 0) return <>{view.t('common.none')}</>;
  const format = new Intl.NumberFormat(view.locale, { maximumFractionDigits: 2 });
  return <>{format.format(countAttempts(counters) / counters.audience)}</>;
}

function Deferred({ view, one: { counters } }: ValueProps) {
  if (!counters) return <>{view.t('common.none')}</>;
  return <CountAndShare view={view} count={counters.attemptsDeferred} whole={countAttempts(counters)} />;
}

function Lasted({ view, one: { summary } }: ValueProps) {
  const pace = summary && paceOf(summary);
  return <>{pace ? formatDuration(view, pace.seconds) : view.t('common.none')}</>;
}

function Average({ view, one: { summary }, compared }: ValueProps) {
  const paceIn = (found: MailingSummary | undefined) => (found && paceOf(found)?.average) ?? 0;
  const pace = paceIn(summary);
  if (pace === 0) return <>{view.t('common.none')}</>;
  return (
    <>
      <span class="count-share">{formatPace(view, pace)}</span>
      <ShareBar value={pace} largest={Math.max(...compared.map((other) => paceIn(other.summary)))} />
    </>
  );
}

/** The books of each as a bar, one under the other. */
function Bars({ view, compared }: Pick<CompareProps, 'view' | 'compared'>) {
  const shown = compared.flatMap(({ mailing, counters }) => (counters ? [{ mailing, counters }] : []));
  if (shown.length === 0) return null;
  const used = new Set(
    shown.flatMap(({ counters }) => toParts(counters).flatMap(({ state, count }) => (count > 0 ? [state] : []))),
  );
  return (
    <section class="card card-body report-section">
      <h2>{view.t('report.compare.bars')}</h2>
      <ul class="compare-legend">
        {/* In the order of the bars' parts, whichever mailing has them. */}
        {PART_STATES.filter((state) => used.has(state)).map((state) => (
          <li class={`report-part balance-${state}`}>{view.t(`mailings.balance.${state}`)}</li>
        ))}
      </ul>
      <dl class="compare-bars">
        {shown.map(({ mailing, counters }) => (
          <>
            <dt>
              <bdi>{mailing.subject}</bdi>
            </dt>
            <dd>
              <BalanceBar view={view} parts={toParts(counters)} audience={counters.audience} />
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}
