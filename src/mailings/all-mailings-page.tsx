import type { Counters } from '../delivery/delivery.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Filter, FOUND_LIMIT, FoundCount, SearchBar, SortHeader } from '../ui/list.js';
import { OversightList } from '../ui/oversight-list.js';
import { OwnerCell, OwnerField, type OwnerChoice } from '../ui/owner-filter.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { canCompare, CompareCell, CompareForm, CompareHeader } from './compare-form.js';
import { formatAccepted, MailingBadge } from './mailing-parts.js';
import { MAILING_STATUSES, type Mailing } from './mailing.js';

interface AllMailingsProps {
  view: View;
  list: ListQuery;
  choice: OwnerChoice;
  page: Page<Mailing>;
  counters: Map<number, Counters>;
  owners: Map<number, OwnerName>;
  found: number;
}

export function AllMailingsPage(props: AllMailingsProps) {
  const { view, list, choice, page, found } = props;
  const isTotal = list.search === '' && !view.query['status'] && found <= FOUND_LIMIT;
  return (
    <OversightList
      view={view}
      title={view.t('oversight.mailings.title')}
      choice={choice}
      page={page}
      filters={
        <SearchBar view={view} list={list} label={view.t('mailings.list.search')}>
          <OwnerField view={view} choice={choice} />
          <Filter
            view={view}
            name="status"
            label={view.t('mailings.list.anyStatus')}
            options={MAILING_STATUSES.map((value) => ({ value, label: view.t(`mailings.statuses.${value}`) }))}
          />
        </SearchBar>
      }
      count={
        isTotal ? (
          view.t('mailings.list.total', { count: found, number: formatNumber(view, found) })
        ) : (
          <FoundCount view={view} count={found} />
        )
      }
      empty={{ icon: 'send', title: view.t('mailings.empty.title'), text: view.t('oversight.mailings.emptyText') }}
    >
      <CompareForm view={view} isOffered={canCompare(page.rows)}>
        <MailingTable {...props} />
      </CompareForm>
    </OversightList>
  );
}

function MailingTable({ view, list, page, counters, owners }: AllMailingsProps) {
  const isCompared = canCompare(page.rows);
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            {isCompared && <CompareHeader view={view} />}
            <th scope="col">{view.t('mailings.message')}</th>
            <th scope="col">{view.t('mailings.status')}</th>
            <th scope="col">{view.t('common.oversight.owner')}</th>
            <SortHeader view={view} list={list} sort="start">
              {view.t('mailings.firstSending')}
            </SortHeader>
            <th scope="col" class="cell-number">
              {view.t('oversight.accepted')}
            </th>
            <th scope="col" class="cell-number">
              {view.t('oversight.rejected')}
            </th>
            <th scope="col" class="cell-number">
              {view.t('oversight.waiting')}
            </th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((mailing) => (
            <MailingRow
              view={view}
              mailing={mailing}
              counters={counters.get(mailing.id)}
              owner={owners.get(mailing.ownerId)}
              isCompared={isCompared}
            />
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
  owner: OwnerName | undefined;
  isCompared: boolean;
}

function MailingRow({ view, mailing, counters, owner, isCompared }: MailingRowProps) {
  const { id, subject, firstSendingAt } = mailing;
  const count = (number: number | undefined) =>
    number === undefined ? view.t('common.none') : formatNumber(view, number);
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
      <OwnerCell view={view} owner={owner} />
      <td data-label={view.t('mailings.firstSending')} class="cell-time">
        {formatDateTime(view, firstSendingAt)}
      </td>
      <td data-label={view.t('oversight.accepted')} class="cell-number">
        {counters ? formatAccepted(view, counters) : view.t('common.none')}
      </td>
      <td data-label={view.t('oversight.rejected')} class="cell-number">
        {count(counters?.rejected)}
      </td>
      <td data-label={view.t('oversight.waiting')} class="cell-number">
        {count(counters?.waiting)}
      </td>
    </tr>
  );
}
