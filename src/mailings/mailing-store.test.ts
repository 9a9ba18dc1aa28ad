import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing as insertMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import {
  addFoundToAudience,
  addToAudience,
  clearAudience,
  countAudience,
  listAudience,
  removeFromAudience,
} from './audience-store.js';
import { continueMailing, pauseMailing, stopMailing } from './control-mailing.js';
import {
  addMailing,
  changeMailing,
  countFoundMailings,
  deleteMailing,
  findMailing,
  findMailingContent,
  hasMailings,
  listMailings,
  listMailingsUsingMessage,
} from './mailing-store.js';
import { MAILING_SORTS, type MailingValues } from './mailing.js';
import { startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let stranger: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  [owner, stranger] = [await addUser(db), await addUser(db)];
});

const NOW = new Date('2026-03-01T12:00:00Z');
const START = new Date('2026-03-02T12:00:00Z');
const END = new Date('2026-03-03T12:00:00Z');
const byEmail = (q = '') => parseListQuery({ q }, ['email'], 'email');
const byStart = (q = '', more = {}) => parseListQuery({ q, ...more }, MAILING_SORTS, '-start');

async function makeValues(changes: Partial<MailingValues> = {}): Promise<MailingValues> {
  const messageId = changes.messageId ?? (await addMessage(db, owner));
  return { firstSendingAt: START, endsAt: END, audience: 'all', rate: null, ...changes, messageId };
}

async function makeRunning(): Promise<number> {
  const [recipient = 0] = await addRecipients(db, owner, 1);
  const id = await insertMailing(db, owner, { firstSendingAt: START, chosen: [recipient] });
  expect(await startMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  return id;
}

test('adds a mailing and finds it with the subject of its message', async () => {
  const messageId = await addMessage(db, owner, 'Spring');
  const saved = await addMailing(db, owner, await makeValues({ messageId, audience: 'chosen' }));
  if (!saved.ok) throw new Error(saved.fault);
  expect(await findMailing(db, owner, saved.id)).toMatchObject({
    subject: 'Spring',
    messageId,
    status: 'created',
    audience: 'chosen',
    firstSendingAt: START,
    endsAt: END,
    version: 1,
  });
  expect(await findMailing(db, 'everybody', saved.id)).toMatchObject({ ownerId: owner, subject: 'Spring' });
});

test('says of another owner’s message the same as of one that does not exist', async () => {
  const foreign = await addMessage(db, stranger);
  const unknown = { ok: false, fault: 'messageUnknown' };
  expect(await addMailing(db, owner, await makeValues({ messageId: foreign }))).toEqual(unknown);
  expect(await addMailing(db, owner, await makeValues({ messageId: 999_999_999 }))).toEqual(unknown);
  const id = await insertMailing(db, owner);
  expect(await changeMailing(db, owner, id, 1, await makeValues({ messageId: foreign }))).toEqual(unknown);
  expect(await changeMailing(db, owner, id, 1, await makeValues({ messageId: 999_999_999 }))).toEqual(unknown);
});

test('tells the later of two tabs, and loses neither change', async () => {
  const id = await insertMailing(db, owner);
  const [first, second] = [await makeValues({ audience: 'chosen' }), await makeValues()];
  expect(await changeMailing(db, owner, id, 1, first)).toEqual({ ok: true, id });
  expect(await changeMailing(db, owner, id, 1, second)).toEqual({ ok: false, fault: 'changed' });
  expect(await findMailing(db, owner, id)).toMatchObject({
    audience: 'chosen',
    messageId: first.messageId,
    version: 2,
  });
  expect(await changeMailing(db, owner, id, 2, second)).toEqual({ ok: true, id });
});

test('an edit clears the reason why it did not start', async () => {
  const id = await insertMailing(db, owner);
  await db.updateTable('mailings').set({ start_fault: 'window_over' }).where('id', '=', id).execute();
  await changeMailing(db, owner, id, 1, await makeValues());
  expect(await findMailing(db, owner, id)).toMatchObject({ startFault: null });
});

test('changes no mailing that has started, and does not delete a running one', async () => {
  const id = await makeRunning();
  expect(await changeMailing(db, owner, id, 1, await makeValues())).toEqual({ ok: false, fault: 'started' });
  expect(await deleteMailing(db, owner, id)).toEqual({ ok: false, fault: 'running' });
  expect(await findMailing(db, owner, id)).toMatchObject({ status: 'running' });
});

test('deletes a mailing with its audience, and leaves recipients and message', async () => {
  const recipients = await addRecipients(db, owner, 2);
  const id = await insertMailing(db, owner, { chosen: recipients });
  expect(await deleteMailing(db, owner, id)).toEqual({ ok: true });
  expect(await deleteMailing(db, owner, id)).toEqual({ ok: false, fault: 'gone' });
  const { rows } = await sql<{ chosen: number; kept: number }>`
    select (select count(*) from mailing_recipients where mailing_id = ${id}) as chosen,
      (select count(*) from recipients where owner_id = ${owner}) as kept`.execute(db);
  expect(rows).toEqual([{ chosen: 0, kept: 2 }]);
});

test('lists by first sending time in pages, and finds by subject and status', async () => {
  const messageId = await addMessage(db, owner, 'Зимняя распродажа');
  for (let day = 1; day <= 60; day += 1) {
    const firstSendingAt = new Date(START.getTime() + day * 86_400_000);
    const values = { messageId, firstSendingAt, endsAt: new Date(firstSendingAt.getTime() + 1000) };
    await addMailing(db, owner, await makeValues(values));
  }
  const running = await makeRunning();
  const first = await listMailings(db, owner, byStart(), null);
  const second = await listMailings(db, owner, byStart('', { after: first.after }), null);
  const times = [...first.rows, ...second.rows].map(({ firstSendingAt }) => firstSendingAt.getTime());
  expect(times).toHaveLength(61);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(await countFoundMailings(db, owner, 'зимн', null, 1000)).toBe(60);
  expect(await countFoundMailings(db, owner, 'ра', null, 1000)).toBe(60);
  expect(await countFoundMailings(db, owner, '%', null, 1000)).toBe(0);
  expect(await countFoundMailings(db, owner, '', null, 10)).toBe(11);
  const found = await listMailings(db, owner, byStart('hell'), 'running');
  expect(found.rows.map(({ id }) => id)).toEqual([running]);
  expect((await listMailings(db, owner, byStart(), 'finished')).rows).toEqual([]);
});

test('names the mailings that a message is still needed for', async () => {
  const messageId = await addMessage(db, owner);
  await addMailing(db, owner, await makeValues({ messageId }));
  const started = await addMailing(db, owner, await makeValues({ messageId }));
  await addRecipients(db, owner, 1);
  await startMailing(db, TERMINAL, owner, started.ok ? started.id : 0, NOW);
  expect(await listMailingsUsingMessage(db, owner, messageId)).toHaveLength(1);
});

test('pauses, continues and stops a running mailing; a second press changes nothing', async () => {
  const id = await makeRunning();
  const later = new Date(NOW.getTime() + 1000);
  expect(await pauseMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  expect(await pauseMailing(db, TERMINAL, owner, id, later)).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toMatchObject({ pausedAt: NOW });
  expect(await continueMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  expect(await continueMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  expect(await stopMailing(db, TERMINAL, owner, id, NOW)).toEqual({ ok: true });
  expect(await stopMailing(db, TERMINAL, owner, id, later)).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toMatchObject({ pausedAt: null, stoppedAt: NOW, status: 'running' });
  const refused = { ok: false, fault: 'notRunning' };
  expect(await pauseMailing(db, TERMINAL, owner, id, NOW)).toEqual(refused);
  expect(await continueMailing(db, TERMINAL, owner, id, NOW)).toEqual(refused);
});

test('refuses to pause, continue or stop what does not run', async () => {
  const id = await insertMailing(db, owner);
  const refused = { ok: false, fault: 'notRunning' };
  expect(await pauseMailing(db, TERMINAL, owner, id, NOW)).toEqual(refused);
  expect(await continueMailing(db, TERMINAL, owner, id, NOW)).toEqual(refused);
  expect(await stopMailing(db, TERMINAL, owner, id, NOW)).toEqual(refused);
});

test('chooses ticked recipients once, removes them, and lists who is chosen', async () => {
  const [a = 0, b = 0, c = 0] = await addRecipients(db, owner, 3);
  const id = await insertMailing(db, owner, { chosen: [] });
  expect(await addToAudience(db, owner, id, [a, b])).toEqual({ ok: true, count: 2 });
  expect(await addToAudience(db, owner, id, [b, c])).toEqual({ ok: true, count: 1 });
  expect(await removeFromAudience(db, owner, id, [a, 999_999_999])).toEqual({ ok: true, count: 1 });
  const all = await listAudience(db, owner, id, byEmail(), false);
  expect(all.rows.map((row) => [row.id, row.chosen])).toEqual([
    [a, false],
    [b, true],
    [c, true],
  ]);
  const chosen = await listAudience(db, owner, id, byEmail('r3'), true);
  expect(chosen.rows.map((row) => row.id)).toEqual([c]);
  expect(await clearAudience(db, owner, id)).toEqual({ ok: true, count: 2 });
  expect(await countAudience(db, owner, id, 'chosen')).toEqual({ count: 0, exact: true });
});

test('never chooses another owner’s recipient', async () => {
  const [foreign = 0] = await addRecipients(db, stranger, 1);
  const id = await insertMailing(db, owner, { chosen: [] });
  expect(await addToAudience(db, owner, id, [foreign])).toEqual({ ok: true, count: 0 });
  expect(await addFoundToAudience(db, owner, id, '')).toEqual({ ok: true, count: 0 });
});

test('chooses everything that a search finds, 10,000 rows and more', async () => {
  await addRecipients(db, owner, 12_000);
  const id = await insertMailing(db, owner, { chosen: [] });
  // r1000@ to r1999@, r10000@ to r12000@, and r100@ to r199@, r10@ to r19@, r1@.
  const ofOne = 1000 + 2001 + 100 + 10 + 1;
  expect(await addFoundToAudience(db, owner, id, 'r1')).toEqual({ ok: true, count: ofOne });
  expect(await addFoundToAudience(db, owner, id, '')).toEqual({ ok: true, count: 12_000 - ofOne });
  expect(await countAudience(db, owner, id, 'chosen')).toEqual({ count: 12_000, exact: true });
  const page = await listAudience(db, owner, id, byEmail(), true);
  expect(page.rows).toHaveLength(50);
  expect(page.after).not.toBeNull();
});

test('changes no audience of a mailing that has started', async () => {
  const id = await makeRunning();
  const refused = { ok: false, fault: 'started' };
  expect(await addToAudience(db, owner, id, [1])).toEqual(refused);
  expect(await addFoundToAudience(db, owner, id, '')).toEqual(refused);
  expect(await removeFromAudience(db, owner, id, [1])).toEqual(refused);
  expect(await clearAudience(db, owner, id)).toEqual(refused);
});

test('shows and does nothing to anybody but the owner', async () => {
  const messageId = await addMessage(db, owner, 'Secret');
  const added = await addMailing(db, owner, await makeValues({ messageId, audience: 'chosen' }));
  const id = added.ok ? added.id : 0;
  const recipients = await addRecipients(db, owner, 2);
  await addToAudience(db, owner, id, recipients);
  const running = await insertMailing(db, owner, { chosen: recipients });
  await startMailing(db, TERMINAL, owner, running, NOW);
  const gone = { ok: false, fault: 'gone' };

  expect(await hasMailings(db, stranger)).toBe(false);
  expect((await listMailings(db, stranger, byStart(), null)).rows).toEqual([]);
  expect(await countFoundMailings(db, stranger, 'Secret', null, 10)).toBe(0);
  expect(await findMailing(db, stranger, id)).toBeUndefined();
  expect(await findMailingContent(db, stranger, running)).toBeUndefined();
  expect(await listMailingsUsingMessage(db, stranger, messageId)).toEqual([]);
  expect(await changeMailing(db, stranger, id, 1, await makeValues())).toEqual(gone);
  expect(await deleteMailing(db, stranger, id)).toEqual(gone);
  expect(await pauseMailing(db, TERMINAL, stranger, running, NOW)).toEqual(gone);
  expect(await continueMailing(db, TERMINAL, stranger, running, NOW)).toEqual(gone);
  expect(await stopMailing(db, TERMINAL, stranger, running, NOW)).toEqual(gone);
  expect(await addToAudience(db, stranger, id, recipients)).toEqual(gone);
  expect(await addFoundToAudience(db, stranger, id, '')).toEqual(gone);
  expect(await removeFromAudience(db, stranger, id, recipients)).toEqual(gone);
  expect(await clearAudience(db, stranger, id)).toEqual(gone);
  expect((await listAudience(db, stranger, id, byEmail(), false)).rows).toEqual([]);
  expect(await countAudience(db, stranger, id, 'chosen')).toEqual({ count: 0, exact: true });

  expect(await findMailing(db, owner, id)).toMatchObject({ version: 1 });
  expect(await findMailing(db, owner, running)).toMatchObject({ pausedAt: null, stoppedAt: null });
  expect(await countAudience(db, owner, id, 'chosen')).toEqual({ count: 2, exact: true });
});
