import { DELIVERY_STATES, type Attempt, type Delivery } from '../delivery/delivery.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, Filter, Pager, SearchBar } from '../ui/list.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { AttemptTable } from './attempt-table.js';
import { AttemptsRemoved } from './attempts-removed.js';
import { DoubtNotice } from './doubt-notice.js';
import { DeliveryBadge } from './mailing-parts.js';
import { MailingTabs } from './mailing-tabs.js';
import type { Mailing } from './mailing.js';
import { NextTry } from './next-try.js';

interface DeliveryListProps {
  view: View;
  mailing: Mailing;
  /** Whose it is, where it is somebody else's. */
  owner: OwnerName | undefined;
  list: ListQuery;
  page: Page<Delivery>;
}

export function DeliveryListPage(props: DeliveryListProps) {
  const { view, mailing } = props;
  return (
    <Layout
      view={view}
      title={view.t('mailings.deliveries.title')}
      back={{ href: `/mailings/${mailing.id}`, label: mailing.subject }}
      overseen={props.owner !== undefined}
      tabs={<MailingTabs view={view} mailing={mailing} current="deliveries" />}
    >
      <OwnerNotice view={view} owner={props.owner} />
      {mailing.frozenAt === null ? (
        <EmptyState
          icon="envelope"
          title={view.t('mailings.deliveries.none')}
          text={view.t('mailings.deliveries.noneText')}
        />
      ) : (
        <Deliveries {...props} />
      )}
    </Layout>
  );
}

function Deliveries(props: DeliveryListProps) {
  const { view, mailing, list, page } = props;
  return (
    <>
      <SearchBar view={view} list={list} label={view.t('mailings.deliveries.search')}>
        <Filter
          view={view}
          name="state"
          label={view.t('mailings.deliveries.anyState')}
          options={DELIVERY_STATES.map((value) => ({ value, label: view.t(`mailings.deliveryStates.${value}`) }))}
        />
      </SearchBar>
      {page.rows.length === 0 ? (
        <EmptyState
          icon="search"
          title={view.t('common.list.nothingFound')}
          text={view.t('common.list.nothingFoundText')}
        >
          <a class="btn btn-outline-secondary" href={`/mailings/${mailing.id}/deliveries`}>
            {view.t('common.list.showAll')}
          </a>
        </EmptyState>
      ) : (
        <DeliveryTable {...props} />
      )}
      <Pager view={view} page={page} />
    </>
  );
}

function DeliveryTable({ view, mailing, page }: DeliveryListProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <th scope="col">{view.t('mailings.deliveries.address')}</th>
            <th scope="col">{view.t('mailings.deliveries.name')}</th>
            <th scope="col">{view.t('mailings.deliveries.state')}</th>
            <th scope="col" class="cell-number">
              {view.t('mailings.deliveries.attempts')}
            </th>
            <th scope="col">{view.t('mailings.deliveries.nextTry')}</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((delivery) => (
            <DeliveryRow view={view} mailing={mailing} delivery={delivery} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DeliveryRow({ view, mailing, delivery }: { view: View; mailing: Mailing; delivery: Delivery }) {
  const { id, address, name, state, attemptCount, leftInDoubt } = delivery;
  return (
    <tr>
      <td data-label={view.t('mailings.deliveries.address')}>
        <a class="row-link" href={`/mailings/${mailing.id}/deliveries/${id}`}>
          <bdi>{address}</bdi>
        </a>
      </td>
      <td data-label={view.t('mailings.deliveries.name')}>
        <bdi>{name || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('mailings.deliveries.state')}>
        <DeliveryBadge view={view} state={state} />
        {leftInDoubt && <small class="d-block text-body-secondary">{view.t('mailings.inDoubt.leftMark')}</small>}
      </td>
      <td data-label={view.t('mailings.deliveries.attempts')} class="cell-number">
        {formatNumber(view, attemptCount)}
      </td>
      <td data-label={view.t('mailings.deliveries.nextTry')} class="cell-time">
        <NextTry view={view} mailing={mailing} delivery={delivery} />
      </td>
    </tr>
  );
}

interface DeliveryPageProps {
  view: View;
  mailing: Mailing;
  /** Whose it is, where it is somebody else's. */
  owner: OwnerName | undefined;
  delivery: Delivery;
  attempts: Attempt[];
  /** Older attempts of this delivery were removed. */
  keptFrom: Date | null;
}

export function DeliveryPage({ view, mailing, owner, delivery, attempts, keptFrom }: DeliveryPageProps) {
  const { address, name, state, recipientId } = delivery;
  return (
    <Layout
      view={view}
      title={address}
      back={{ href: `/mailings/${mailing.id}/deliveries`, label: mailing.subject }}
      overseen={owner !== undefined}
    >
      <OwnerNotice view={view} owner={owner} />
      <DoubtNotice view={view} mailing={mailing} delivery={delivery} seenAttemptId={attempts[0]?.id ?? 0} />
      {hasGivenUp(delivery, attempts) && <p class="notice">{view.t('mailings.gaveUp')}</p>}
      <dl class="facts card card-body">
        <dt>{view.t('mailings.deliveries.address')}</dt>
        <dd>
          <bdi>{address}</bdi>
        </dd>
        <dt>{view.t('mailings.deliveries.name')}</dt>
        <dd>
          <bdi>{name || view.t('common.none')}</bdi>
        </dd>
        <dt>{view.t('mailings.deliveries.state')}</dt>
        <dd>
          <DeliveryBadge view={view} state={state} />
        </dd>
        <dt>{view.t('mailings.deliveries.nextTry')}</dt>
        <dd>
          <NextTry view={view} mailing={mailing} delivery={delivery} />
        </dd>
        <dt>{view.t('mailings.deliveries.recipientLabel')}</dt>
        <dd>
          {recipientId === null ? (
            view.t('mailings.deliveries.recipientGone')
          ) : (
            <a href={`/recipients/${recipientId}`}>{view.t('mailings.deliveries.recipient')}</a>
          )}
        </dd>
      </dl>
      <h2>{view.t('mailings.deliveries.attemptsTitle')}</h2>
      <AttemptsRemoved view={view} keptFrom={keptFrom} />
      {(attempts.length > 0 || keptFrom === null) && (
        <AttemptTable
          view={view}
          mailingId={mailing.id}
          attempts={attempts}
          label={view.t('mailings.deliveries.attemptsTitle')}
        />
      )}
    </Layout>
  );
}

/** No reply rejected it: the schedule of retries was at its end. */
function hasGivenUp({ state }: Delivery, [latest]: Attempt[]): boolean {
  return state === 'rejected' && latest?.outcome === 'deferred';
}
