import { sql, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import {
  containsText,
  countUpTo,
  keyset,
  PAGE_SIZE,
  toPage,
  type ListQuery,
  type Page,
  type SortKey,
} from '../lib/list.js';
import type { ListedUser, UserDetails, UserFilter, UserSort } from './user.js';

/* Users as managers and administrators see them: everybody's. */

/** Who was never seen comes before all who were; a cursor takes no null, and no instant of 1970's first second. */
const NEVER = sql`'1970-01-02 00:00:00+00'::timestamptz`;

const SORT_KEYS: Record<UserSort, SortKey> = {
  email: { expression: sql`users.email`, type: 'text' },
  name: { expression: sql`lower(users.name)`, type: 'text' },
  created: { expression: sql`users.created_at`, type: 'timestamptz' },
  seen: { expression: sql`coalesce(users.last_seen_at, ${NEVER})`, type: 'timestamptz' },
};

const COLUMNS = [
  'users.id',
  'users.email',
  'users.name',
  'users.role',
  'users.email_verified as isConfirmed',
  'users.blocked',
  sql<boolean>`users.deletion_requested_at is not null`.as('isLeaving'),
  'users.created_at as createdAt',
  'users.last_seen_at as lastSeenAt',
] as const;

const SESSION_COUNT = sql<number>`
  (select count(*) from sessions where sessions.user_id = users.id and sessions.expires_at > now())`;

export async function listUsers(
  db: Database,
  list: ListQuery<UserSort>,
  filter: UserFilter,
): Promise<Page<ListedUser>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, SORT_KEYS[list.sort], sql`users.id`);
  const rows = await db
    .selectFrom('users')
    .select([...COLUMNS, cursorValue.as('cursor_value')])
    .where(matches(list.search, filter))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

/** How many match, counted up to `limit + 1`. */
export async function countFoundUsers(
  db: Database,
  search: string,
  filter: UserFilter,
  limit: number,
): Promise<number> {
  return countUpTo(db, db.selectFrom('users').where(matches(search, filter)), limit);
}

export async function findUserDetails(db: Database, id: number): Promise<UserDetails | undefined> {
  const row = await db
    .selectFrom('users')
    .leftJoin('users as blockers', 'blockers.id', 'users.blocked_by')
    .select([
      ...COLUMNS,
      'users.two_factor_enabled as hasSecondFactor',
      SESSION_COUNT.as('sessionCount'),
      'users.blocked_at as blockedAt',
      'users.blocked_reason as blockedReason',
      'blockers.id as blockerId',
      'blockers.name as blockerName',
      'blockers.email as blockerEmail',
    ])
    .where('users.id', '=', id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { blockerId, blockerName, blockerEmail, ...user } = row;
  if (blockerId === null || blockerName === null || blockerEmail === null) return { ...user, blockedBy: null };
  return { ...user, blockedBy: { id: blockerId, name: blockerName, email: blockerEmail } };
}

/** Users are thousands at most, so they are looked through; the pattern for one or two letters wants a space before each word. */
function matches(search: string, { role, state }: UserFilter) {
  const bySearch = containsText(sql`lower(' ' || users.email || ' ' || users.name)`, search);
  const byRole = role === null ? sql`true` : sql`users.role = ${role}`;
  const byState = state === null ? sql`true` : STATE_CONDITIONS[state];
  return sql<SqlBool>`${bySearch} and ${byRole} and ${byState}`;
}

const STATE_CONDITIONS = {
  active: sql`(users.email_verified and not users.blocked)`,
  unconfirmed: sql`(not users.email_verified and not users.blocked)`,
  blocked: sql`users.blocked`,
};

export async function countUsersByState(db: Database): Promise<Record<keyof typeof STATE_CONDITIONS, number>> {
  const count = (state: keyof typeof STATE_CONDITIONS) =>
    sql<number>`count(*) filter (where ${STATE_CONDITIONS[state]})`.as(state);
  return db
    .selectFrom('users')
    .select([count('active'), count('unconfirmed'), count('blocked')])
    .executeTakeFirstOrThrow();
}
