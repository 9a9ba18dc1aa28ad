import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { FoundCount, SearchBar, SortHeader } from '../ui/list.js';
import { OversightList } from '../ui/oversight-list.js';
import { OwnedSortHeader, OwnerCell, OwnerField, type OwnerChoice } from '../ui/owner-filter.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import type { Recipient } from './recipient.js';

interface AllRecipientsProps {
  view: View;
  list: ListQuery;
  choice: OwnerChoice;
  page: Page<Recipient>;
  owners: Map<number, OwnerName>;
  total: number;
  /** How many match the search; null without one. */
  found: number | null;
}

export function AllRecipientsPage(props: AllRecipientsProps) {
  const { view, list, choice, page, total, found } = props;
  return (
    <OversightList
      view={view}
      title={view.t('oversight.recipients.title')}
      choice={choice}
      page={page}
      filters={
        <SearchBar view={view} list={list} label={view.t('recipients.list.search')}>
          <OwnerField view={view} choice={choice} />
        </SearchBar>
      }
      count={
        found === null ? (
          view.t('recipients.list.total', { count: total, number: formatNumber(view, total) })
        ) : (
          <FoundCount view={view} count={found} />
        )
      }
      empty={{
        icon: 'people',
        title: view.t('recipients.empty.title'),
        text: view.t('oversight.recipients.emptyText'),
      }}
    >
      <RecipientTable {...props} />
    </OversightList>
  );
}

function RecipientTable({ view, list, choice, page, owners }: AllRecipientsProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <OwnedSortHeader view={view} list={list} choice={choice} sort="email">
              {view.t('recipients.email')}
            </OwnedSortHeader>
            <OwnedSortHeader view={view} list={list} choice={choice} sort="name">
              {view.t('recipients.name')}
            </OwnedSortHeader>
            <th scope="col">{view.t('recipients.comment')}</th>
            <th scope="col">{view.t('common.oversight.owner')}</th>
            <SortHeader view={view} list={list} sort={choice.owners === 'everybody' ? 'added' : 'created'}>
              {view.t('recipients.created')}
            </SortHeader>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((recipient) => (
            <RecipientRow view={view} recipient={recipient} owner={owners.get(recipient.ownerId)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RecipientRowProps {
  view: View;
  recipient: Recipient;
  owner: OwnerName | undefined;
}

function RecipientRow({ view, recipient, owner }: RecipientRowProps) {
  const { id, email, name, comment, createdAt } = recipient;
  return (
    <tr>
      <td data-label={view.t('recipients.email')}>
        <a class="row-link" href={`/recipients/${id}`}>
          <bdi>{email}</bdi>
        </a>
      </td>
      <td data-label={view.t('recipients.name')}>
        <bdi>{name || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('recipients.comment')} class="cell-clip">
        <bdi>{comment || view.t('common.none')}</bdi>
      </td>
      <OwnerCell view={view} owner={owner} />
      <td data-label={view.t('recipients.created')} class="cell-time">
        {formatDateTime(view, createdAt)}
      </td>
    </tr>
  );
}
