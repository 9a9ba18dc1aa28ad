import { ATTEMPT_FILTERS, type AttemptFilter, type OverseenAttempt } from '../delivery/delivery.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Filter, SortHeader } from '../ui/list.js';
import { OversightList } from '../ui/oversight-list.js';
import { OwnerCell, OwnerField, type OwnerChoice } from '../ui/owner-filter.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { Reply } from './attempt-table.js';
import { OutcomeBadge } from './mailing-parts.js';

interface AttemptListProps {
  view: View;
  list: ListQuery;
  choice: OwnerChoice;
  page: Page<OverseenAttempt>;
  /** By mailing id. */
  subjects: Map<number, string>;
  owners: Map<number, OwnerName>;
  count: number;
}

export function AttemptListPage(props: AttemptListProps) {
  const { view, choice, page, count } = props;
  return (
    <OversightList
      view={view}
      title={view.t('oversight.attempts.title')}
      choice={choice}
      page={page}
      filters={<AttemptFilters view={view} choice={choice} />}
      count={view.t('oversight.attempts.total', { count, number: formatNumber(view, count) })}
      empty={{
        icon: 'envelope',
        title: view.t('oversight.attempts.emptyTitle'),
        text: view.t('oversight.attempts.emptyText'),
      }}
    >
      <AttemptTable {...props} />
    </OversightList>
  );
}

function AttemptFilters({ view, choice }: Pick<AttemptListProps, 'view' | 'choice'>) {
  const describe = (value: AttemptFilter) =>
    value === 'unsuccessful' ? view.t('oversight.attempts.unsuccessful') : view.t(`mailings.outcomes.${value}`);
  return (
    <form method="get" class="search-bar" role="search">
      <OwnerField view={view} choice={choice} />
      <Filter
        view={view}
        name="outcome"
        label={view.t('oversight.attempts.anyOutcome')}
        options={ATTEMPT_FILTERS.map((value) => ({ value, label: describe(value) }))}
      />
      {view.query['sort'] && <input type="hidden" name="sort" value={view.query['sort']} />}
      <button class="btn btn-outline-secondary" type="submit">
        <Icon name="search" />
        <span>{view.t('common.list.find')}</span>
      </button>
    </form>
  );
}

function AttemptTable({ view, list, page, subjects, owners }: AttemptListProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <SortHeader view={view} list={list} sort="time">
              {view.t('mailings.attempts.time')}
            </SortHeader>
            <th scope="col">{view.t('mailings.attempts.address')}</th>
            <th scope="col">{view.t('oversight.attempts.mailing')}</th>
            <th scope="col">{view.t('common.oversight.owner')}</th>
            <th scope="col">{view.t('mailings.attempts.outcome')}</th>
            <th scope="col">{view.t('mailings.attempts.reply')}</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((attempt) => (
            <AttemptRow
              view={view}
              attempt={attempt}
              subject={subjects.get(attempt.mailingId) ?? ''}
              owner={owners.get(attempt.ownerId)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface AttemptRowProps {
  view: View;
  attempt: OverseenAttempt;
  subject: string;
  owner: OwnerName | undefined;
}

function AttemptRow({ view, attempt, subject, owner }: AttemptRowProps) {
  const { mailingId, deliveryId, address, startedAt, outcome } = attempt;
  return (
    <tr>
      <td data-label={view.t('mailings.attempts.time')} class="cell-time">
        {formatTimeWithSeconds(view, startedAt)}
      </td>
      <td data-label={view.t('mailings.attempts.address')}>
        <a class="row-link" href={`/mailings/${mailingId}/deliveries/${deliveryId}`}>
          <bdi>{address}</bdi>
        </a>
      </td>
      <td data-label={view.t('oversight.attempts.mailing')} class="cell-clip">
        <a href={`/mailings/${mailingId}`}>
          <bdi>{subject}</bdi>
        </a>
      </td>
      <OwnerCell view={view} owner={owner} />
      <td data-label={view.t('mailings.attempts.outcome')}>
        <OutcomeBadge view={view} outcome={outcome} />
      </td>
      <td data-label={view.t('mailings.attempts.reply')}>
        <Reply view={view} attempt={attempt} />
      </td>
    </tr>
  );
}
