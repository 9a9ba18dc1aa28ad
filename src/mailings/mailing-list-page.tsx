import type { Counters } from '../delivery/delivery.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, Filter, FOUND_LIMIT, FoundCount, Pager, SearchBar, SortHeader } from '../ui/list.js';
import type { View } from '../ui/view.js';
import { canCompare, CompareCell, CompareForm, CompareHeader } from './compare-form.js';
import { formatAccepted, MailingBadge } from './mailing-parts.js';
import { MAILING_STATUSES, type Mailing } from './mailing.js';

interface MailingListProps {
  view: View;
  list: ListQuery;
  page: Page<Mailing>;
  counters: Map<number, Counters>;
  found: number;
  /** True while the owner has no mailing at all. */
  isEmpty: boolean;
  /** What a first mailing still lacks. */
  lacks: { message: boolean; recipients: boolean };
}

export function MailingListPage(props: MailingListProps) {
  const { view, isEmpty } = props;
  return (
    <Layout view={view} title={view.t('mailings.list.title')} actions={!isEmpty && <ListActions view={view} />}>
      {isEmpty ? <NoMailings {...props} /> : <Mailings {...props} />}
    </Layout>
  );
}

function ListActions({ view }: { view: View }) {
  return (
    <>
      <a class="btn btn-outline-secondary" href="/attempts">
        {view.t('journal.title')}
      </a>
      <AddButton view={view} />
    </>
  );
}

function AddButton({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/mailings/new">
      <Icon name="plus-lg" />
      {view.t('mailings.list.add')}
    </a>
  );
}

function NoMailings({ view, lacks }: MailingListProps) {
  return (
    <EmptyState icon="send" title={view.t('mailings.empty.title')} text={view.t(describeLack(lacks))}>
      {lacks.recipients && (
        <a class="btn btn-primary" href="/recipients/new">
          {view.t('mailings.empty.addRecipient')}
        </a>
      )}
      {lacks.message && (
        <a class="btn btn-primary" href="/messages/new">
          {view.t('mailings.empty.writeMessage')}
        </a>
      )}
      {!lacks.recipients && !lacks.message && <AddButton view={view} />}
    </EmptyState>
  );
}

function describeLack({ message, recipients }: MailingListProps['lacks']) {
  if (message && recipients) return 'mailings.empty.needBoth';
  if (message) return 'mailings.empty.needMessage';
  return recipients ? 'mailings.empty.needRecipients' : 'mailings.empty.text';
}

function Mailings(props: MailingListProps) {
  const { view, list, page, found } = props;
  const isTotal = list.search === '' && !view.query['status'] && found <= FOUND_LIMIT;
  return (
    <>
      <SearchBar view={view} list={list} label={view.t('mailings.list.search')}>
        <Filter
          view={view}
          name="status"
          label={view.t('mailings.list.anyStatus')}
          options={MAILING_STATUSES.map((value) => ({ value, label: view.t(`mailings.statuses.${value}`) }))}
        />
      </SearchBar>
      <p class="list-count" role="status">
        {isTotal ? (
          view.t('mailings.list.total', { count: found, number: formatNumber(view, found) })
        ) : (
          <FoundCount view={view} count={found} />
        )}
      </p>
      {page.rows.length === 0 ? (
        <NothingFound view={view} />
      ) : (
        <CompareForm view={view} isOffered={canCompare(page.rows)}>
          <MailingTable {...props} />
        </CompareForm>
      )}
      <Pager view={view} page={page} />
    </>
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('common.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href="/mailings">
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function MailingTable({ view, list, page, counters }: MailingListProps) {
  const isCompared = canCompare(page.rows);
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            {isCompared && <CompareHeader view={view} />}
            <th scope="col">{view.t('mailings.message')}</th>
            <th scope="col">{view.t('mailings.status')}</th>
            <SortHeader view={view} list={list} sort="start">
              {view.t('mailings.firstSending')}
            </SortHeader>
            <th scope="col">{view.t('mailings.end')}</th>
            <th scope="col" class="cell-number">
              {view.t('mailings.progress')}
            </th>
            <SortHeader view={view} list={list} sort="created">
              {view.t('mailings.created')}
            </SortHeader>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((mailing) => (
            <MailingRow view={view} mailing={mailing} counters={counters.get(mailing.id)} isCompared={isCompared} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface MailingRowProps {
  view: View;
  mailing: Mailing;
  /** Absent until the audience is frozen. */
  counters: Counters | undefined;
  isCompared: boolean;
}

function MailingRow({ view, mailing, counters, isCompared }: MailingRowProps) {
  const { id, subject, firstSendingAt, endsAt, createdAt } = mailing;
  return (
    <tr>
      {isCompared && <CompareCell view={view} mailing={mailing} />}
      <td data-label={view.t('mailings.message')}>
        <a class="row-link" href={`/mailings/${id}`}>
          <bdi>{subject}</bdi>
        </a>
      </td>
      <td data-label={view.t('mailings.status')}>
        <MailingBadge view={view} mailing={mailing} />
      </td>
      <td data-label={view.t('mailings.firstSending')} class="cell-time">
        {formatDateTime(view, firstSendingAt)}
      </td>
      <td data-label={view.t('mailings.end')} class="cell-time">
        {formatDateTime(view, endsAt)}
      </td>
      <td data-label={view.t('mailings.progress')} class="cell-number">
        {counters ? formatAccepted(view, counters) : view.t('common.none')}
      </td>
      <td data-label={view.t('mailings.created')} class="cell-time">
        {formatDateTime(view, createdAt)}
      </td>
    </tr>
  );
}
