import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addUser } from '../../test/support/fixtures.js';
import { readInvitation } from '../accounts/accept-invitation.js';
import { listInvitations } from '../accounts/invitation-store.js';
import { inviteUser } from '../accounts/invite-user.js';
import { lockRoles } from '../accounts/user-access-store.js';
import { findUserDetails } from '../accounts/user-list-store.js';
import { TERMINAL, type Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { blockUser, unblockUser, type BlockDeps } from './block-user.js';
import { changeRole } from './change-role.js';

let database: TestDatabase;
let db: Database;
let letters: SystemLetter[];
let deps: BlockDeps;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  await sql`delete from users`.execute(db);
  letters = [];
  const send = (letter: SystemLetter) => Promise.resolve(void letters.push(letter));
  deps = { db, baseUrl: 'http://localhost:3000', letters: { send }, defaultLocale: 'ru' };
});

const NOW = new Date('2026-05-04T10:00:00Z');
const REASON = 'Жалобы на спам';

const asActor = (userId: number): Actor => ({ userId, name: `user ${userId}`, address: '203.0.113.1', userAgent: '' });
const block = (by: number, id: number) => blockUser(deps, asActor(by), { id, reason: REASON, now: NOW });
const unblock = (by: number, id: number) => unblockUser(deps, asActor(by), { id, reason: 'разобрались' });

async function openSession(userId: number): Promise<void> {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const token = `${userId}-${Math.random()}`;
  await db.insertInto('sessions').values({ user_id: userId, token, expires_at: expiresAt }).execute();
}

const readEntries = (id: number) =>
  db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'owner_id', 'subject_id', 'subject', 'reason', 'details', 'address'])
    .where('subject_id', '=', id)
    .orderBy('id')
    .execute();

const isBlocked = async (id: number) => (await findUserDetails(db, id))?.blocked;

test('blocks with everything that belongs to it: who, when, why, sessions, log, letter', async () => {
  const manager = await addUser(db, { role: 'manager' });
  const id = await addUser(db, { email: 'anna@example.com' });
  await openSession(id);
  await openSession(id);
  await openSession(manager);
  expect(await block(manager, id)).toEqual({ ok: true });
  expect(await findUserDetails(db, id)).toMatchObject({
    blocked: true,
    blockedAt: NOW,
    blockedReason: REASON,
    blockedBy: { id: manager },
    sessionCount: 0,
  });
  expect((await findUserDetails(db, manager))?.sessionCount).toBe(1);
  expect(await readEntries(id)).toEqual([
    {
      action: 'user.blocked',
      actor_id: manager,
      owner_id: id,
      subject_id: id,
      subject: 'anna@example.com',
      reason: REASON,
      details: {},
      address: '203.0.113.1',
    },
  ]);
  expect(letters).toEqual([expect.objectContaining({ to: 'anna@example.com', purpose: 'blocked' })]);
  expect(letters[0]?.text).toContain(REASON);
});

test('unblocks, and lets no session of before come to life', async () => {
  const manager = await addUser(db, { role: 'manager' });
  const id = await addUser(db);
  await block(manager, id);
  await openSession(id);
  expect(await unblock(manager, id)).toEqual({ ok: true });
  expect(await findUserDetails(db, id)).toMatchObject({
    blocked: false,
    blockedAt: null,
    blockedReason: null,
    blockedBy: null,
    sessionCount: 0,
  });
  const entries = await readEntries(id);
  expect(entries.map(({ action, reason }) => [action, reason])).toEqual([
    ['user.blocked', REASON],
    ['user.unblocked', 'разобрались'],
  ]);
  expect(letters.map(({ purpose }) => purpose)).toEqual(['blocked', 'unblocked']);
});

test('does nothing at all when the letter cannot be queued', async () => {
  const manager = await addUser(db, { role: 'manager' });
  const id = await addUser(db);
  await openSession(id);
  deps = { ...deps, letters: { send: () => Promise.reject(new Error('no queue')) } };
  await expect(block(manager, id)).rejects.toThrow('no queue');
  expect(await findUserDetails(db, id)).toMatchObject({ blocked: false, sessionCount: 1 });
  expect(await readEntries(id)).toEqual([]);
});

test('keeps the first reason when pressed twice, and writes one letter', async () => {
  const manager = await addUser(db, { role: 'manager' });
  const id = await addUser(db);
  const results = await Promise.all([block(manager, id), block(manager, id), block(manager, id)]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(results.filter(({ ok }) => !ok)).toMatchObject([{ fault: 'already' }, { fault: 'already' }]);
  expect(letters).toHaveLength(1);
  await unblock(manager, id);
  expect(await unblock(manager, id)).toEqual({ ok: false, fault: 'already' });
});

test('lets a manager block users alone, an administrator everybody else, nobody themselves', async () => {
  const user = await addUser(db);
  const other = await addUser(db);
  const managers = [await addUser(db, { role: 'manager' }), await addUser(db, { role: 'manager' })] as const;
  const admins = [await addUser(db, { role: 'administrator' }), await addUser(db, { role: 'administrator' })] as const;
  const forbidden = { ok: false, fault: 'forbidden' };
  for (const id of [user, other, managers[0], admins[0]]) expect(await block(user, id)).toEqual(forbidden);
  for (const id of [managers[0], managers[1], admins[0]]) expect(await block(managers[0], id)).toEqual(forbidden);
  expect(await block(admins[0], admins[0])).toEqual(forbidden);
  for (const id of [user, managers[1], admins[1]]) expect(await block(admins[0], id)).toEqual({ ok: true });
  expect(await unblock(managers[0], managers[1])).toEqual(forbidden);
  expect(await block(managers[0], 999_999)).toEqual({ ok: false, fault: 'gone' });
  expect(letters).toHaveLength(3);
});

test('asks for the actor’s right anew: who was blocked or demoted a moment ago blocks nobody', async () => {
  const admin = await addUser(db, { role: 'administrator' });
  const manager = await addUser(db, { role: 'manager' });
  const demoted = await addUser(db, { role: 'manager' });
  const id = await addUser(db);
  await block(admin, manager);
  await changeRole(db, asActor(admin), demoted, 'user');
  for (const actor of [manager, demoted]) expect(await block(actor, id)).toEqual({ ok: false, fault: 'forbidden' });
  expect(await isBlocked(id)).toBe(false);
});

test('never blocks the last administrator who can sign in', async () => {
  const last = await addUser(db, { role: 'administrator' });
  const blocked = await addUser(db, { role: 'administrator' });
  const unconfirmed = await addUser(db, { role: 'administrator' });
  await block(last, blocked);
  await db.updateTable('users').set({ email_verified: false }).where('id', '=', unconfirmed).execute();
  const result = await blockUser(deps, TERMINAL, { id: last, reason: REASON, now: NOW });
  expect(result).toEqual({ ok: false, fault: 'lastAdministrator' });
  expect(await isBlocked(last)).toBe(false);
});

test('ends the invitations of an administrator who is blocked or demoted, and nobody else’s', async () => {
  const [boss, rogue, careless] = [
    await addUser(db, { role: 'administrator' }),
    await addUser(db, { role: 'administrator' }),
    await addUser(db, { role: 'administrator' }),
  ] as const;
  for (const by of [boss, rogue, careless]) {
    const values = { email: `guest-of-${by}@example.com`, role: 'administrator', locale: 'en' } as const;
    await inviteUser(deps, asActor(by), values);
  }
  await block(boss, rogue);
  await changeRole(db, asActor(boss), careless, 'manager');
  const open = (await listInvitations(db)).map(({ email }) => email);
  expect(open).toEqual([`guest-of-${boss}@example.com`]);
  const revoked = db.selectFrom('audit_entries').select(['actor_id', 'subject']).orderBy('id');
  expect(await revoked.where('action', '=', 'user.invitation_revoked').execute()).toEqual([
    { actor_id: boss, subject: `guest-of-${rogue}@example.com` },
    { actor_id: boss, subject: `guest-of-${careless}@example.com` },
  ]);
  for (const { text } of letters.filter(({ purpose }) => purpose === 'invitation').slice(1)) {
    const token = /token=([\w-]+)/.exec(text)?.[1] ?? '';
    expect(await readInvitation(db, token)).toEqual({ ok: false, fault: 'expired' });
  }
});

test('of two administrators who block each other at once, one stays', async () => {
  const [first, second] = [
    await addUser(db, { role: 'administrator' }),
    await addUser(db, { role: 'administrator' }),
  ] as const;
  const results = await raceBehindLock([() => block(first, second), () => block(second, first)]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await isBlocked(first)).toBe(!(await isBlocked(second)));
});

test('of two administrators who demote each other at once, one stays', async () => {
  const [first, second] = [
    await addUser(db, { role: 'administrator' }),
    await addUser(db, { role: 'administrator' }),
  ] as const;
  const results = await raceBehindLock([
    () => changeRole(db, asActor(first), second, 'user'),
    () => changeRole(db, asActor(second), first, 'manager'),
  ]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(results).toContainEqual({ ok: false, fault: 'forbidden' });
  const admins = await db.selectFrom('users').select('id').where('role', '=', 'administrator').execute();
  expect(admins).toHaveLength(1);
});

test('a demotion and a block of the other administrator at once leave one as well', async () => {
  const [first, second] = [
    await addUser(db, { role: 'administrator' }),
    await addUser(db, { role: 'administrator' }),
  ] as const;
  const results = await raceBehindLock<{ ok: boolean }>([
    () => changeRole(db, asActor(first), second, 'user'),
    () => block(second, first),
  ]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  const left = [await findUserDetails(db, first), await findUserDetails(db, second)];
  expect(left.filter((user) => user?.role === 'administrator' && !user.blocked)).toHaveLength(1);
});

/** Both have begun their transactions, and wait, before either may go on. */
async function raceBehindLock<T>(tasks: (() => Promise<T>)[]): Promise<T[]> {
  let racing: Promise<T[]> | undefined;
  await db.transaction().execute(async (trx) => {
    await lockRoles(trx);
    racing = Promise.all(tasks.map((task) => task()));
    await eventually('both wait for the lock', async () => (await countWaiting()) === tasks.length);
  });
  return racing ?? [];
}

async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return rows[0]?.count ?? 0;
}
