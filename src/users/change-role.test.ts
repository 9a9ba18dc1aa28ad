import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import { findUserDetails } from '../accounts/user-list-store.js';
import { ROLES } from '../accounts/user.js';
import { TERMINAL, type Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { changeRole } from './change-role.js';

let database: TestDatabase;
let db: Database;
let admin: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  await sql`delete from users`.execute(db);
  admin = await addUser(db, { role: 'administrator' });
});

const asActor = (userId: number): Actor => ({ userId, name: `user ${userId}`, address: '', userAgent: '' });
const roleOf = async (id: number) => (await findUserDetails(db, id))?.role;

test('changes the role, ends the sessions, and writes down what it was and is', async () => {
  const id = await addUser(db, { email: 'anna@example.com' });
  const session = { user_id: id, token: 'a token', expires_at: new Date(Date.now() + 60_000) };
  await db.insertInto('sessions').values(session).execute();
  expect(await changeRole(db, asActor(admin), id, 'manager')).toEqual({ ok: true, from: 'user' });
  expect(await findUserDetails(db, id)).toMatchObject({ role: 'manager', sessionCount: 0 });
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'subject', 'details'])
    .where('subject_id', '=', id)
    .execute();
  const details = { from: 'user', to: 'manager' };
  expect(entries).toEqual([{ action: 'user.role_changed', actor_id: admin, subject: 'anna@example.com', details }]);
});

test('lets administrators alone change roles, and nobody their own', async () => {
  const user = await addUser(db);
  const manager = await addUser(db, { role: 'manager' });
  const forbidden = { ok: false, fault: 'forbidden' };
  for (const role of ROLES) {
    for (const id of [user, manager, admin]) {
      expect(await changeRole(db, asActor(user), id, role)).toEqual(forbidden);
      expect(await changeRole(db, asActor(manager), id, role)).toEqual(forbidden);
    }
    expect(await changeRole(db, asActor(admin), admin, role)).toEqual(forbidden);
  }
  expect([await roleOf(user), await roleOf(manager), await roleOf(admin)]).toEqual([...ROLES]);
});

test('never demotes the last administrator who can sign in', async () => {
  const blocked = await addUser(db, { role: 'administrator' });
  await db
    .updateTable('users')
    .set({ blocked: true, blocked_at: new Date(), blocked_reason: 'left' })
    .where('id', '=', blocked)
    .execute();
  expect(await changeRole(db, TERMINAL, admin, 'manager')).toEqual({ ok: false, fault: 'lastAdministrator' });
  expect(await roleOf(admin)).toBe('administrator');
  expect(await changeRole(db, asActor(admin), blocked, 'user')).toEqual({ ok: true, from: 'administrator' });
});

test('raises nobody who is blocked or whose address is not confirmed, and may lower them', async () => {
  const blocked = await addUser(db, { role: 'manager' });
  const unconfirmed = await addUser(db, { role: 'manager' });
  await sql`update users set blocked = true, blocked_at = now(), blocked_reason = 'spam' where id = ${blocked}`.execute(
    db,
  );
  await sql`update users set email_verified = false where id = ${unconfirmed}`.execute(db);
  const raise = (id: number) => changeRole(db, asActor(admin), id, 'administrator');
  expect(await raise(blocked)).toEqual({ ok: false, fault: 'blocked' });
  expect(await raise(unconfirmed)).toEqual({ ok: false, fault: 'unconfirmed' });
  for (const id of [blocked, unconfirmed])
    expect(await changeRole(db, asActor(admin), id, 'user')).toEqual({ ok: true, from: 'manager' });
});

test('tells when there is nothing to change, and nobody to change', async () => {
  const id = await addUser(db);
  expect(await changeRole(db, asActor(admin), id, 'user')).toEqual({ ok: false, fault: 'already' });
  expect(await changeRole(db, asActor(admin), 2_147_483_648, 'user')).toEqual({ ok: false, fault: 'gone' });
});
