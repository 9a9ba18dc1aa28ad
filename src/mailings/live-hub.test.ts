import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { accept, addRunning, finish, openLiveSite, partsOf, watch } from '../../test/support/live-site.js';
import type { Database } from '../lib/database.js';

/* What the page of a running mailing is told, and to whom. What that costs: live-hub-load.test.ts. */

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

test('a page is sent all parts at once, and then those that change, over a stream that nothing holds up', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  using reader = await watch(live, running);
  expect(reader.status).toBe(200);
  expect(reader.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'private, no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  expect(reader.headers['content-encoding']).toBeUndefined();
  const first = partsOf(await reader.next('parts'));
  expect(Object.keys(first).toSorted()).toEqual(['attempts', 'balance', 'pace', 'refusals', 'said', 'state']);
  expect(first['balance']).toContain('1,000');
  await accept(db, running.mailing, 7);
  const second = partsOf(await reader.next('parts'));
  expect(second['balance']).toContain('>993<');
  expect(second).not.toHaveProperty('state');
  await eventually('a heartbeat', async () => reader.text().includes(': \nevent: beat'));
  expect(reader.text().startsWith('retry: 2000\n:\n\n')).toBe(true);
});

test('nothing is sent while nothing changes', async () => {
  await using live = await openLiveSite(db, { heartbeatMs: 100_000, tickMs: 10 });
  const running = await addRunning(db);
  await sql`update mailings set paused_at = now() where id = ${running.mailing}`.execute(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  await accept(db, running.mailing, 1);
  await reader.next('parts');
  expect(reader.events).toHaveLength(2);
});

test('the mailing’s end is told, and the stream ends', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  await finish(db, running.mailing);
  await reader.next('done');
  await eventually('the stream is over', async () => reader.isOver());
  expect(live.hub.size).toBe(0);
});

test.each([
  [
    'a block',
    (owner: number) =>
      sql`update users set blocked = true, blocked_at = now(), blocked_reason = 'spam' where id = ${owner}`,
  ],
  ['the end of the session', (owner: number) => sql`delete from sessions where user_id = ${owner}`],
  ['its expiry', (owner: number) => sql`update sessions set expires_at = now() where user_id = ${owner}`],
])('%s ends the stream', async (_, end) => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  using reader = await watch(live, running);
  using other = await watch(live, await addRunning(db));
  await reader.next('parts');
  await end(running.owner).execute(db);
  await reader.next('gone');
  await eventually('the stream is over', async () => reader.isOver());
  expect(other.isOver()).toBe(false);
});

test('who is no manager any more, and has a mailing of another before them, sees it no longer', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  const manager = await addUser(db, { role: 'manager' });
  using reader = await watch(live, running, await live.site.cookieOf(manager));
  await reader.next('parts');
  await sql`update users set role = 'user' where id = ${manager}`.execute(db);
  await reader.next('gone');
  using again = await watch(live, running, await live.site.cookieOf(manager));
  expect(again.status).toBe(404);
});

test('a deleted mailing ends the stream', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  await sql`delete from mailings where id = ${running.mailing}`.execute(db);
  expect((await reader.next('gone')).data).toBe('');
});

test('each sees the mailing in their own language, and a manager without the owner’s buttons', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  await sql`update users set locale = 'ru' where id = ${running.owner}`.execute(db);
  using own = await watch(live, running);
  using overseer = await watch(live, running, await live.site.signIn('manager'));
  const [first, second] = [partsOf(await own.next('parts')), partsOf(await overseer.next('parts'))];
  expect(first['state']).toContain('Приостановить');
  expect(second['state']).not.toContain('<form');
  expect(second['balance']).toContain('Accepted by the mail server');
});

test('others get no stream, and a mailing that has not started has none', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  using other = await watch(live, running, await live.site.signIn('user'));
  expect(other.status).toBe(404);
  using guest = await watch(live, running, 'none=1');
  expect(guest.status).toBe(303);
  using created = await watch(live, { ...running, mailing: await addMailing(db, running.owner) });
  expect(created.status).toBe(404);
  expect(live.hub.isRunning).toBe(false);
});
