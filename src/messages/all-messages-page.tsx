import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime } from '../ui/format.js';
import { FOUND_LIMIT, FoundCount, SearchBar, SortHeader } from '../ui/list.js';
import { OversightList } from '../ui/oversight-list.js';
import { OwnedSortHeader, OwnerCell, OwnerField, type OwnerChoice } from '../ui/owner-filter.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import type { MessageSummary } from './message.js';

interface AllMessagesProps {
  view: View;
  list: ListQuery;
  choice: OwnerChoice;
  page: Page<MessageSummary>;
  owners: Map<number, OwnerName>;
  /** How many match, counted up to the limit of lists. */
  count: number;
}

export function AllMessagesPage(props: AllMessagesProps) {
  const { view, list, choice, page, count } = props;
  return (
    <OversightList
      view={view}
      title={view.t('oversight.messages.title')}
      choice={choice}
      page={page}
      filters={
        <SearchBar view={view} list={list} label={view.t('messages.list.search')}>
          <OwnerField view={view} choice={choice} />
        </SearchBar>
      }
      count={
        list.search === '' && count <= FOUND_LIMIT ? (
          view.t('messages.list.total', { count })
        ) : (
          <FoundCount view={view} count={count} />
        )
      }
      empty={{
        icon: 'file-text',
        title: view.t('messages.empty.title'),
        text: view.t('oversight.messages.emptyText'),
      }}
    >
      <MessageTable {...props} />
    </OversightList>
  );
}

function MessageTable({ view, list, choice, page, owners }: AllMessagesProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <OwnedSortHeader view={view} list={list} choice={choice} sort="subject">
              {view.t('messages.subject')}
            </OwnedSortHeader>
            <th scope="col">{view.t('messages.body')}</th>
            <th scope="col">{view.t('common.oversight.owner')}</th>
            <CreatedHeader view={view} list={list} choice={choice} />
            <OwnedSortHeader view={view} list={list} choice={choice} sort="updated">
              {view.t('messages.updated')}
            </OwnedSortHeader>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((message) => (
            <MessageRow view={view} message={message} owner={owners.get(message.ownerId)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Everybody's are in the order of their ids, one owner's in that of the owner's own list. */
function CreatedHeader({ view, list, choice }: Pick<AllMessagesProps, 'view' | 'list' | 'choice'>) {
  const label = view.t('messages.created');
  if (choice.owners !== 'everybody') return <th scope="col">{label}</th>;
  return (
    <SortHeader view={view} list={list} sort="written">
      {label}
    </SortHeader>
  );
}

interface MessageRowProps {
  view: View;
  message: MessageSummary;
  owner: OwnerName | undefined;
}

function MessageRow({ view, message, owner }: MessageRowProps) {
  const { id, subject, excerpt, createdAt, updatedAt } = message;
  return (
    <tr>
      <td data-label={view.t('messages.subject')}>
        <a class="row-link" href={`/messages/${id}`}>
          <bdi>{subject}</bdi>
        </a>
      </td>
      <td data-label={view.t('messages.body')} class="cell-clip">
        <bdi>{excerpt}</bdi>
      </td>
      <OwnerCell view={view} owner={owner} />
      <td data-label={view.t('messages.created')} class="cell-time">
        {formatDateTime(view, createdAt)}
      </td>
      <td data-label={view.t('messages.updated')} class="cell-time">
        {formatDateTime(view, updatedAt)}
      </td>
    </tr>
  );
}
