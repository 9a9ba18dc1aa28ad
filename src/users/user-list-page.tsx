import { may } from '../accounts/permissions.js';
import { describeUser, ROLES, USER_STATES, type ListedUser } from '../accounts/user.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import {
  describeSort,
  EmptyState,
  Filter,
  FOUND_LIMIT,
  FoundCount,
  Pager,
  SearchBar,
  SortHeader,
  SortLink,
} from '../ui/list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { BELONGINGS, NOTHING, type Belongings } from './belongings.js';
import { formatBelonging, UserBadge } from './user-parts.js';

interface UserListProps {
  view: View;
  list: ListQuery;
  page: Page<ListedUser>;
  belongings: Map<number, Belongings>;
  found: number;
}

export function UserListPage(props: UserListProps) {
  const { view, list, page } = props;
  const actions = may(view.user, 'users.invite') && <InviteButton view={view} />;
  return (
    <Layout view={view} title={view.t('users.list.title')} actions={actions}>
      <OversightTabs view={view} />
      <SearchBar view={view} list={list} label={view.t('users.list.search')}>
        <Filter
          view={view}
          name="role"
          label={view.t('users.list.anyRole')}
          options={ROLES.map((value) => ({ value, label: view.t(`users.roles.${value}`) }))}
        />
        <Filter
          view={view}
          name="state"
          label={view.t('users.list.anyState')}
          options={USER_STATES.map((value) => ({ value, label: view.t(`users.states.${value}`) }))}
        />
      </SearchBar>
      <ListCount {...props} />
      {page.rows.length === 0 ? <NothingFound view={view} /> : <UserTable {...props} />}
      <Pager view={view} page={page} />
    </Layout>
  );
}

function InviteButton({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/oversight/users/invitations">
      <Icon name="envelope-plus" />
      {view.t('users.list.invite')}
    </a>
  );
}

function ListCount({ view, list, found }: UserListProps) {
  const isFiltered = list.search !== '' || Boolean(view.query['role']) || Boolean(view.query['state']);
  return (
    <p class="list-count" role="status">
      {isFiltered || found > FOUND_LIMIT ? (
        <FoundCount view={view} count={found} />
      ) : (
        view.t('users.list.total', { count: found, number: formatNumber(view, found) })
      )}
    </p>
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('common.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href="/oversight/users">
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function UserTable({ view, list, page, belongings }: UserListProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <th scope="col" {...describeSort(list, ['email', 'name'])}>
              <SortLink view={view} list={list} sort="email">
                {view.t('users.email')}
              </SortLink>{' '}
              <SortLink view={view} list={list} sort="name">
                {view.t('users.name')}
              </SortLink>
            </th>
            <th scope="col">{view.t('users.role')}</th>
            {BELONGINGS.map((name) => (
              <th scope="col" class="cell-number">
                {view.t(`users.${name}`)}
              </th>
            ))}
            <SortHeader view={view} list={list} sort="seen">
              {view.t('users.lastSeen')}
            </SortHeader>
            <SortHeader view={view} list={list} sort="created">
              {view.t('users.created')}
            </SortHeader>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((user) => (
            <UserRow view={view} user={user} owned={belongings.get(user.id) ?? NOTHING} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function UserRow({ view, user, owned }: { view: View; user: ListedUser; owned: Belongings }) {
  const { id, email, name, role, lastSeenAt, createdAt } = user;
  return (
    <tr>
      <td data-label={view.t('users.email')}>
        <a class="row-link" href={`/oversight/users/${id}`}>
          <bdi>{email}</bdi>
        </a>
        <span class="row-note">
          <bdi>{name}</bdi>
          {id === view.user?.id && ` (${view.t('users.list.you')})`}
        </span>
      </td>
      <td data-label={view.t('users.role')}>
        <div>
          {view.t(`users.roles.${role}`)} {describeUser(user) !== 'active' && <UserBadge view={view} user={user} />}
        </div>
      </td>
      {BELONGINGS.map((thing) => (
        <td data-label={view.t(`users.${thing}`)} class="cell-number">
          {formatBelonging(view, thing, owned[thing])}
        </td>
      ))}
      <td data-label={view.t('users.lastSeen')}>
        {lastSeenAt ? formatDateTime(view, lastSeenAt) : view.t('users.never')}
      </td>
      <td data-label={view.t('users.created')}>{formatDateTime(view, createdAt)}</td>
    </tr>
  );
}
