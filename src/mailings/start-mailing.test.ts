import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser, setBlocked } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { findMailing, findMailingContent } from './mailing-store.js';
import { startDueMailings, startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  await db.deleteFrom('mailings').execute();
  owner = await addUser(db);
});

const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const at = (hours: number) => new Date(NOW.getTime() + hours * HOUR);
const due = () => ({ firstSendingAt: at(-1), endsAt: at(1) });

const read = (id: number) => findMailing(db, owner, id);

test('starts at once, before the first sending time, and keeps the message as it is then', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner, { firstSendingAt: at(1) });
  expect(await startMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  await db.updateTable('messages').set({ subject: 'Later', body: 'Later' }).where('owner_id', '=', owner).execute();
  expect(await read(id)).toMatchObject({ status: 'running', startedAt: NOW, frozenAt: null, subject: 'Hello' });
  expect(await findMailingContent(db, owner, id)).toEqual({ subject: 'Hello', body: 'Dear {{ name }}!' });
});

test('a double click starts it once', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner);
  const results = await Promise.all(Array.from({ length: 5 }, () => startMailing(db, TERMINAL, owner, id, NOW)));
  expect(results.filter((result) => result.ok && !result.already)).toHaveLength(1);
  expect(results.filter((result) => result.ok && result.already)).toHaveLength(4);
});

test('refuses to start a mailing without recipients', async () => {
  const toAll = await addMailing(db, owner);
  await addRecipients(db, await addUser(db), 1);
  const noRecipients = { ok: false, fault: 'no_recipients' };
  expect(await startMailing(db, TERMINAL, owner, toAll, NOW)).toEqual(noRecipients);
  await addRecipients(db, owner, 1);
  const toChosen = await addMailing(db, owner, { chosen: [] });
  expect(await startMailing(db, TERMINAL, owner, toChosen, NOW)).toEqual(noRecipients);
  expect(await read(toChosen)).toMatchObject({ status: 'created', startFault: null });
});

test('refuses to start after the end, when disabled, and for anybody else', async () => {
  await addRecipients(db, owner, 1);
  const over = await addMailing(db, owner, { firstSendingAt: at(-2), endsAt: NOW });
  expect(await startMailing(db, TERMINAL, owner, over, NOW)).toEqual({ ok: false, fault: 'window_over' });
  const disabled = await addMailing(db, owner);
  await disable(disabled);
  expect(await startMailing(db, TERMINAL, owner, disabled, NOW)).toEqual({ ok: false, fault: 'disabled' });
  const foreign = await addMailing(db, owner);
  expect(await startMailing(db, TERMINAL, await addUser(db), foreign, NOW)).toEqual({ ok: false, fault: 'gone' });
  expect(await read(foreign)).toMatchObject({ status: 'created' });
});

test('starts what is due, and nothing else', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner, due());
  const exactly = await addMailing(db, owner, { firstSendingAt: NOW });
  const future = await addMailing(db, owner, { firstSendingAt: at(0.001) });
  const disabled = await addMailing(db, owner, due());
  await disable(disabled);
  expect(await startDueMailings(db, NOW)).toBe(2);
  expect(await startDueMailings(db, NOW)).toBe(0);
  const states = await Promise.all([id, exactly, future, disabled].map(async (each) => (await read(each))?.status));
  expect(states).toEqual(['running', 'running', 'created', 'created']);
});

test('leaves the mailings of a blocked owner until the block is over', async () => {
  await addRecipients(db, owner, 1);
  await addMailing(db, owner, due());
  const id = await addMailing(db, owner, due());
  await setBlocked(db, owner, true);
  expect(await startDueMailings(db, NOW)).toBe(0);
  expect(await startMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: false, fault: 'blocked' });
  await setBlocked(db, owner, false);
  expect(await startDueMailings(db, NOW)).toBe(2);
});

test('marks what cannot start with the reason, and does not look at it again', async () => {
  const empty = await addMailing(db, owner, due());
  const over = await addMailing(db, owner, { firstSendingAt: at(-2), endsAt: at(-1) });
  expect(await startDueMailings(db, NOW)).toBe(0);
  expect(await read(empty)).toMatchObject({ status: 'created', startFault: 'no_recipients' });
  expect(await read(over)).toMatchObject({ status: 'created', startFault: 'window_over' });
  await addRecipients(db, owner, 1);
  expect(await startDueMailings(db, NOW)).toBe(0);
  expect(await startMailing(db, TERMINAL, owner, empty, NOW)).toEqual({ ok: true });
  expect(await read(empty)).toMatchObject({ status: 'running', startFault: null });
});

test('several workers together start every due mailing once', async () => {
  await addRecipients(db, owner, 1);
  const ids: number[] = [];
  for (let n = 0; n < 20; n += 1) ids.push(await addMailing(db, owner, due()));
  const counts = await Promise.all(Array.from({ length: 4 }, () => startDueMailings(db, NOW)));
  expect(counts.reduce((sum, count) => sum + count)).toBe(20);
  const contents = await db
    .selectFrom('mailing_contents')
    .select('mailing_id')
    .where('mailing_id', 'in', ids)
    .execute();
  expect(contents).toHaveLength(20);
});

async function disable(id: number): Promise<void> {
  await db.updateTable('mailings').set({ disabled_at: NOW, disabled_reason: 'Spam' }).where('id', '=', id).execute();
}

test('tells the audit log who started it: the one who pressed, or Vestnik itself', async () => {
  await addRecipients(db, owner, 1);
  const actor = { userId: owner, name: 'o@example.com', address: '203.0.113.7', userAgent: 'test' };
  const pressed = await addMailing(db, owner, { firstSendingAt: at(1) });
  await startMailing(db, actor, owner, pressed, NOW);
  await startMailing(db, actor, owner, pressed, NOW);
  const byItself = await addMailing(db, owner, due());
  await startDueMailings(db, NOW);
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'actor', 'actor_id', 'subject', 'subject_id', 'address'])
    .where('owner_id', '=', owner)
    .orderBy('id')
    .execute();
  const started = { action: 'mailing.started', subject: 'Hello' };
  expect(entries).toEqual([
    { ...started, actor: 'o@example.com', actor_id: owner, subject_id: pressed, address: '203.0.113.7' },
    { ...started, actor: 'vestnik', actor_id: null, subject_id: byItself, address: '' },
  ]);
});
