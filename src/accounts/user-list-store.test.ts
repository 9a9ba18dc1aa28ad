import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import type { Database } from '../lib/database.js';
import { PAGE_SIZE, parseListQuery } from '../lib/list.js';
import { countFoundUsers, findUserDetails, listUsers } from './user-list-store.js';
import { describeUser, USER_SORTS, type ListedUser, type UserFilter } from './user.js';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(() => sql`delete from users`.execute(db));

const ANY: UserFilter = { role: null, state: null };

async function add(email: string, values: { name?: string; role?: 'manager' | 'administrator' } = {}): Promise<number> {
  const id = await addUser(db, { email, ...(values.role ? { role: values.role } : {}) });
  await db
    .updateTable('users')
    .set({ name: values.name ?? '' })
    .where('id', '=', id)
    .execute();
  return id;
}

const block = (id: number, by: number | null = null) =>
  db
    .updateTable('users')
    .set({ blocked: true, blocked_at: new Date('2026-05-04T10:00:00Z'), blocked_by: by, blocked_reason: 'spam' })
    .where('id', '=', id)
    .execute();

const query = (parameters: Record<string, string>) => parseListQuery(parameters, USER_SORTS, 'email');

async function find(parameters: Record<string, string>, filter: Partial<UserFilter> = {}): Promise<string[]> {
  const { rows } = await listUsers(db, query(parameters), { ...ANY, ...filter });
  return rows.map(({ email }) => email);
}

test('finds users by any part of their address or name, whatever the case, and by the beginning of words', async () => {
  await add('anna@example.com', { name: 'Анна Иванова' });
  await add('boris@corp.example', { name: 'Борис' });
  expect(await find({ q: 'EXAMPLE.c' })).toEqual(['anna@example.com']);
  expect(await find({ q: 'иванов' })).toEqual(['anna@example.com']);
  expect(await find({ q: 'Бо' })).toEqual(['boris@corp.example']);
  expect(await find({ q: 'р' })).toEqual([]);
  expect(await find({ q: '%' })).toEqual([]);
  expect(await countFoundUsers(db, 'example', ANY, 10)).toBe(2);
  expect(await countFoundUsers(db, '', ANY, 0)).toBe(1);
});

test('filters by role and by state, and by both at once', async () => {
  const blocked = await add('blocked@example.com');
  const unconfirmed = await add('unconfirmed@example.com');
  await add('manager@example.com', { role: 'manager' });
  await add('user@example.com');
  await block(blocked);
  await db.updateTable('users').set({ email_verified: false }).where('id', '=', unconfirmed).execute();
  expect(await find({}, { role: 'manager' })).toEqual(['manager@example.com']);
  expect(await find({}, { state: 'blocked' })).toEqual(['blocked@example.com']);
  expect(await find({}, { state: 'unconfirmed' })).toEqual(['unconfirmed@example.com']);
  expect(await find({}, { state: 'active' })).toEqual(['manager@example.com', 'user@example.com']);
  expect(await find({}, { state: 'active', role: 'user' })).toEqual(['user@example.com']);
  expect(await countFoundUsers(db, 'user', { role: 'user', state: 'active' }, 10)).toBe(1);
});

test.each(USER_SORTS)('sorts by %s, and pages through everybody once in both directions', async (sort) => {
  const count = 2 * PAGE_SIZE + 7;
  await sql`
    insert into users (email, name, email_verified, created_at, last_seen_at)
    select 'u' || n || '@example.com', 'Name ' || n % 5, true, timestamptz '2026-01-01 00:00:00.123456+00' + (n % 7) * interval '1 day',
      case when n % 3 = 0 then null else timestamptz '2026-02-01 00:00:00+00' + (n % 11) * interval '1 hour' end
    from generate_series(1, ${count}::int) n`.execute(db);
  for (const direction of ['', '-']) {
    const seen: ListedUser[] = [];
    let after: string | null = '';
    while (after !== null) {
      const page: Awaited<ReturnType<typeof listUsers>> = await listUsers(
        db,
        query({ sort: `${direction}${sort}`, after }),
        ANY,
      );
      seen.push(...page.rows);
      after = page.after;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(count);
    expect(seen).toHaveLength(count);
    if (sort !== 'seen') continue;
    const isNever = seen.map(({ lastSeenAt }) => lastSeenAt === null);
    expect(isNever.indexOf(false)).toBe(direction === '' ? isNever.lastIndexOf(true) + 1 : 0);
  }
});

test('tells who blocked a user, when and why, and how many sessions are open', async () => {
  const manager = await add('manager@example.com', { role: 'manager', name: 'Вера' });
  const id = await add('user@example.com');
  await block(id, manager);
  const sessions = [
    { token: 'open', expires_at: new Date(Date.now() + 60_000) },
    { token: 'over', expires_at: new Date(Date.now() - 60_000) },
  ];
  for (const session of sessions)
    await db
      .insertInto('sessions')
      .values({ user_id: id, ...session })
      .execute();
  expect(await findUserDetails(db, id)).toMatchObject({
    email: 'user@example.com',
    blockedAt: new Date('2026-05-04T10:00:00Z'),
    blockedReason: 'spam',
    blockedBy: { id: manager, name: 'Вера', email: 'manager@example.com' },
    sessionCount: 1,
    hasSecondFactor: false,
  });
  await sql`delete from users where id = ${manager}`.execute(db);
  expect(await findUserDetails(db, id)).toMatchObject({ blocked: true, blockedBy: null });
});

test('answers an id that nobody has', async () => {
  expect(await findUserDetails(db, 1)).toBeUndefined();
});

test('calls a user by the strongest of the states', () => {
  const active = { blocked: false, isConfirmed: true, isLeaving: false };
  expect(describeUser(active)).toBe('active');
  expect(describeUser({ ...active, isConfirmed: false })).toBe('unconfirmed');
  expect(describeUser({ ...active, isConfirmed: false, blocked: true })).toBe('blocked');
  expect(describeUser({ ...active, blocked: true, isLeaving: true })).toBe('leaving');
});
