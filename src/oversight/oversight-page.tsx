import { MailingBadge } from '../mailings/mailing-parts.js';
import { RelayNotices } from '../relays/relay-notice.js';
import type { FailingRelay } from '../relays/relay.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState } from '../ui/list.js';
import { ReadOnlyMark } from '../ui/oversight-list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import { OwnerLink } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import {
  isEmpty,
  type ComparedOwner,
  type Installation,
  type InstallationTotals,
  type Running,
  type RunningMailing,
} from './oversight.js';

interface OversightPageProps {
  view: View;
  installation: Installation;
  running: Running;
  failing: FailingRelay[];
}

export function OversightPage({ view, installation, running, failing }: OversightPageProps) {
  return (
    <Layout
      view={view}
      title={view.t('oversight.overview.title')}
      actions={<ReadOnlyMark view={view} />}
      tabs={<OversightTabs view={view} />}
    >
      <RelayNotices view={view} failing={failing} />
      {running.mailings.length > 0 ? (
        <section data-live="/oversight/running-mailings" data-live-seconds="2">
          <LiveOverview view={view} totals={installation} running={running} />
        </section>
      ) : (
        <Totals view={view} totals={installation} />
      )}
      {isEmpty(installation) ? (
        <EmptyState
          icon="binoculars"
          title={view.t('oversight.overview.emptyTitle')}
          text={view.t('oversight.overview.emptyText')}
        />
      ) : (
        <Owners view={view} owners={installation.owners} />
      )}
    </Layout>
  );
}

/** What changes by itself while mailings run; the page asks for it again and again. */
export function LiveOverview({ view, totals, running }: { view: View; totals: InstallationTotals; running: Running }) {
  return (
    <>
      <RunningMailings view={view} running={running} />
      <Totals view={view} totals={totals} />
    </>
  );
}

function RunningMailings({ view, running }: { view: View; running: Running }) {
  return (
    <section class="card card-body running-mailings">
      <h2>{view.t('oversight.running.title')}</h2>
      {running.mailings.map((mailing) => (
        <RunningLine view={view} running={mailing} />
      ))}
      {running.hasMore && (
        <a class="running-mailings-all" href="/oversight/mailings?status=running">
          {view.t('oversight.running.all')}
        </a>
      )}
    </section>
  );
}

function RunningLine({ view, running: { mailing, owner, counters } }: { view: View; running: RunningMailing }) {
  const settled = counters ? counters.audience - counters.waiting : 0;
  return (
    <article class="running-mailing">
      <div class="running-mailing-head">
        <a class="row-link" href={`/mailings/${mailing.id}`}>
          <bdi>{mailing.subject}</bdi>
        </a>
        <MailingBadge view={view} mailing={mailing} />
      </div>
      {counters && (
        <progress value={settled} max={Math.max(counters.audience, 1)} aria-label={mailing.subject}></progress>
      )}
      <p class="running-mailing-counts">
        {owner && <OwnerLink owner={owner} />}
        {owner && counters && ' · '}
        {counters &&
          view.t('oversight.running.progress', {
            settled: formatNumber(view, settled),
            audience: formatNumber(view, counters.audience),
            accepted: formatNumber(view, counters.accepted),
          })}
      </p>
    </article>
  );
}

interface Figure {
  label: string;
  number: number;
  /** The list that holds them. */
  href?: string;
}

/** Groups of figures, each leading to what it counts. */
function Totals({ view, totals }: { view: View; totals: InstallationTotals }) {
  const { users, recipients, mailings, letters } = totals;
  const unsuccessful = letters.attemptsDeferred + letters.attemptsRejected + letters.attemptsInDoubt;
  const t = view.t;
  return (
    <div class="oversight-totals">
      <TotalGroup
        view={view}
        title={t('oversight.totals.letters')}
        width="wide"
        figures={[
          { label: t('oversight.accepted'), number: letters.accepted },
          { label: t('oversight.rejected'), number: letters.rejected },
          { label: t('oversight.inDoubt'), number: letters.inDoubt },
          { label: t('oversight.waiting'), number: letters.waiting },
        ]}
      />
      <TotalGroup
        view={view}
        title={t('oversight.totals.attempts')}
        width="middle"
        figures={[
          {
            label: t('oversight.successful'),
            number: letters.attemptsAccepted,
            href: '/oversight/attempts?outcome=accepted',
          },
          {
            label: t('oversight.unsuccessful'),
            number: unsuccessful,
            href: '/oversight/attempts?outcome=unsuccessful',
          },
        ]}
      />
      <TotalGroup
        view={view}
        title={t('oversight.totals.mailings')}
        figures={(['created', 'running', 'finished'] as const).map((status) => ({
          label: t(`mailings.statuses.${status}`),
          number: mailings[status],
          href: `/oversight/mailings?status=${status}`,
        }))}
      />
      <TotalGroup
        view={view}
        title={t('oversight.totals.recipients')}
        width="narrow"
        figures={[{ label: t('oversight.totals.allRecipients'), number: recipients, href: '/oversight/recipients' }]}
      />
      <TotalGroup
        view={view}
        title={t('oversight.totals.users')}
        figures={(['active', 'unconfirmed', 'blocked'] as const).map((state) => ({
          label: t(`oversight.userStates.${state}`),
          number: users[state],
          href: `/oversight/users?state=${state}`,
        }))}
      />
    </div>
  );
}

interface TotalGroupProps {
  view: View;
  title: string;
  width?: 'wide' | 'middle' | 'narrow';
  figures: Figure[];
}

function TotalGroup({ view, title, width, figures }: TotalGroupProps) {
  return (
    <section class={width ? `oversight-group oversight-group-${width}` : 'oversight-group'}>
      <h2>{title}</h2>
      <dl class="totals">
        {figures.map(({ label, number, href }) => (
          <div>
            <dt>{label}</dt>
            <dd>{href && number > 0 ? <a href={href}>{formatNumber(view, number)}</a> : formatNumber(view, number)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Owners({ view, owners }: { view: View; owners: ComparedOwner[] }) {
  return (
    <section aria-labelledby="owners-title">
      <h2 id="owners-title">{view.t('oversight.owners.title')}</h2>
      <div class="table-frame">
        <table class="table list-table" aria-labelledby="owners-title">
          <thead>
            <tr>
              <th scope="col">{view.t('common.oversight.owner')}</th>
              {OWNER_COLUMNS.map((name) => (
                <th scope="col" class="cell-number">
                  {view.t(`oversight.owners.${name}`)}
                </th>
              ))}
              <th scope="col">{view.t('oversight.owners.lastStarted')}</th>
            </tr>
          </thead>
          <tbody>
            {owners.map((owner) => (
              <OwnerRow view={view} compared={owner} />
            ))}
          </tbody>
        </table>
      </div>
      <a class="all-users" href="/oversight/users">
        <Icon name="people" />
        {view.t('oversight.owners.all')}
      </a>
    </section>
  );
}

const OWNER_COLUMNS = ['recipients', 'mailings', 'accepted', 'unsuccessful'] as const;

const OWNER_HREFS = {
  recipients: '/oversight/recipients?owner=',
  mailings: '/oversight/mailings?owner=',
  accepted: '/oversight/attempts?outcome=accepted&owner=',
  unsuccessful: '/oversight/attempts?outcome=unsuccessful&owner=',
};

function OwnerRow({ view, compared }: { view: View; compared: ComparedOwner }) {
  const { owner, lastStartedAt } = compared;
  return (
    <tr>
      <td data-label={view.t('common.oversight.owner')}>
        <OwnerLink owner={owner} />
      </td>
      {OWNER_COLUMNS.map((name) => (
        <td data-label={view.t(`oversight.owners.${name}`)} class="cell-number">
          {compared[name] === 0 ? '0' : <a href={OWNER_HREFS[name] + owner.id}>{formatNumber(view, compared[name])}</a>}
        </td>
      ))}
      <td data-label={view.t('oversight.owners.lastStarted')} class="cell-time">
        {lastStartedAt ? formatDateTime(view, lastStartedAt) : view.t('common.none')}
      </td>
    </tr>
  );
}
