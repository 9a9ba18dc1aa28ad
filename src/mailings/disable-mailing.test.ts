import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser, setBlocked } from '../../test/support/fixtures.js';
import { TERMINAL, type Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { pauseMailing } from './control-mailing.js';
import { disableMailing, enableMailing } from './disable-mailing.js';
import { findMailing } from './mailing-store.js';
import { startDueMailings, startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let manager: number;
let letters: SystemLetter[];

const NOW = new Date();

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  letters = [];
  owner = await addUser(db);
  manager = await addUser(db, { role: 'manager' });
  await db.updateTable('users').set({ locale: 'ru' }).where('id', '=', owner).execute();
  await addRecipients(db, owner, 1);
});

const deps = () => ({
  db,
  letters: { send: (letter: SystemLetter, _within?: Transaction) => Promise.resolve(void letters.push(letter)) },
  baseUrl: 'http://vestnik.example',
});
const as = (userId: number): Actor => ({ userId, name: 'm@example.com', address: '203.0.113.7', userAgent: 'test' });
const disable = (id: number, by = manager) => disableMailing(deps(), as(by), { id, reason: 'Spam & lies', now: NOW });
const enable = (id: number, by = manager) => enableMailing(deps(), as(by), { id, reason: 'A mistake' });

test('disables and enables a mailing, tells the audit log, and writes to the owner in their language', async () => {
  const id = await addMailing(db, owner);
  await startMailing(db, TERMINAL, owner, id, NOW);
  expect(await disable(id)).toEqual({ ok: true });
  const { name } = await db.selectFrom('users').select('name').where('id', '=', manager).executeTakeFirstOrThrow();
  expect(await findMailing(db, owner, id)).toMatchObject({
    status: 'running',
    disabledAt: NOW,
    disabledByName: name,
    disabledReason: 'Spam & lies',
  });
  expect(letters).toHaveLength(1);
  expect(letters[0]?.text).toContain('Spam & lies');
  expect(letters[0]?.text).toContain(`http://vestnik.example/mailings/${id}`);
  expect(letters[0]?.text).toMatch(/отключил/);
  expect(await enable(id)).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toMatchObject({ disabledAt: null, disabledReason: null });
  expect(letters).toHaveLength(2);
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'reason', 'subject', 'subject_id'])
    .where('owner_id', '=', owner)
    .where('actor_id', '=', manager)
    .orderBy('id')
    .execute();
  const about = { actor_id: manager, subject: 'Hello', subject_id: id };
  expect(entries).toEqual([
    { ...about, action: 'mailing.disabled', reason: 'Spam & lies' },
    { ...about, action: 'mailing.enabled', reason: 'A mistake' },
  ]);
});

test('a disabled mailing starts neither by itself nor by its owner, and starts at once when it is enabled after its time', async () => {
  const id = await addMailing(db, owner, { firstSendingAt: new Date(NOW.getTime() - 1000) });
  await disable(id);
  await startDueMailings(db, NOW);
  expect(await findMailing(db, owner, id)).toMatchObject({ status: 'created' });
  expect(await startMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: false, fault: 'disabled' });
  await enable(id);
  await startDueMailings(db, NOW);
  expect(await findMailing(db, owner, id)).toMatchObject({ status: 'running' });
});

test('a paused mailing stays paused', async () => {
  const id = await addMailing(db, owner);
  await startMailing(db, TERMINAL, owner, id, NOW);
  await pauseMailing(db, TERMINAL, owner, id, NOW);
  expect(await disable(id)).toEqual({ ok: true });
  expect(await enable(id)).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toMatchObject({ pausedAt: NOW, disabledAt: null });
});

test('a second press finds it done, and says so; the first reason stays', async () => {
  const id = await addMailing(db, owner);
  expect(await enable(id)).toEqual({ ok: false, fault: 'already' });
  const results = await Promise.all([disable(id), disable(id), disable(id)]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(letters).toHaveLength(1);
});

test('what is finished is not disabled, and what does not exist is gone', async () => {
  const id = await addMailing(db, owner);
  await startMailing(db, TERMINAL, owner, id, NOW);
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  expect(await disable(id)).toEqual({ ok: false, fault: 'finished' });
  expect(await disable(999_999_999)).toEqual({ ok: false, fault: 'gone' });
});

test('is for managers who are that by now, and nobody lifts what lies on their own', async () => {
  const forbidden = { ok: false, fault: 'forbidden' };
  const id = await addMailing(db, owner);
  expect(await disable(id, owner)).toEqual(forbidden);
  const blocked = await addUser(db, { role: 'manager' });
  await setBlocked(db, blocked, true);
  expect(await disable(id, blocked)).toEqual(forbidden);
  const own = await addMailing(db, manager);
  expect(await disable(own, await addUser(db, { role: 'administrator' }))).toEqual({ ok: true });
  expect(await enable(own)).toEqual(forbidden);
  expect(await enable(own, await addUser(db, { role: 'manager' }))).toEqual({ ok: true });
  const administrator = await addUser(db, { role: 'administrator' });
  const theirs = await addMailing(db, administrator);
  expect(await disable(theirs)).toEqual({ ok: true });
  expect(await enable(theirs, administrator)).toEqual({ ok: true });
});
