import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { sql, type KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { accept, addRunning, openLiveSite, partsOf, watch } from '../../test/support/live-site.js';
import type { Database } from '../lib/database.js';

/* What many pages cost, and what becomes of slow ones, in a stop, and while the database is away. */

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

/** The same database, with a list of what was asked of it. */
function listenTo(asked: Database) {
  const queries: string[] = [];
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      queries.push(JSON.stringify(node));
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { db: asked.withPlugin(plugin), queries };
}

/** How many queries the hub makes in eight looks at a mailing that moves, and how many of those ask for sessions. */
async function countQueries(pages: number): Promise<{ looks: number; sessions: number; others: number }> {
  const listened = listenTo(db);
  await using live = await openLiveSite(db, { sessionMs: 100_000, mostPagesOfUser: pages }, listened.db);
  const running = await addRunning(db);
  const cookie = await live.site.cookieOf(running.owner);
  const readers = await Promise.all(Array.from({ length: pages }, () => watch(live, running, cookie)));
  await Promise.all(readers.map((reader) => reader.next('parts')));
  listened.queries.length = 0;
  const count = () => {
    const looks = listened.queries.filter((query) => query.includes('pause_reason')).length;
    const sessions = listened.queries.filter((query) => query.includes('"sessions"')).length;
    return { looks, sessions, others: listened.queries.length - looks - sessions };
  };
  const counted = await eventually('eight looks', async () => {
    const now = count();
    if (now.looks < 8) return accept(db, running.mailing, 1).then(() => false as const);
    return now;
  });
  for (const reader of readers) reader[Symbol.dispose]();
  return counted;
}

test('fifty pages of a mailing cause as many queries as one', async () => {
  const [one, many] = [await countQueries(1), await countQueries(50)];
  const perLook = ({ looks, others }: typeof one) => others / looks;
  expect(many.looks).toBe(8);
  // The queries of the look that is just being made may be counted or not.
  expect(Math.abs(perLook(many) - perLook(one))).toBeLessThan(1);
  expect([one.sessions, many.sessions]).toEqual([0, 0]);
});

test('why nothing leaves is the same for all mailings, and asked for once a tick', async () => {
  const listened = listenTo(db);
  await using live = await openLiveSite(db, { tickMs: 1000, sessionMs: 100_000 }, listened.db);
  const readers = [];
  for (let count = 0; count < 8; count += 1) readers.push(await watch(live, await addRunning(db)));
  await Promise.all(readers.map((reader) => reader.next('parts')));
  listened.queries.length = 0;
  const count = (word: string) => listened.queries.filter((query) => query.includes(word)).length;
  await eventually('all were looked at twice', async () => count('pause_reason') >= 16);
  expect(count('"relays"')).toBeLessThanOrEqual(4);
  for (const reader of readers) reader[Symbol.dispose]();
});

test('the sessions of all pages are asked for in one query', async () => {
  const listened = listenTo(db);
  await using live = await openLiveSite(db, { tickMs: 100_000, sessionMs: 1000 }, listened.db);
  const running = await addRunning(db);
  const cookies = await Promise.all(Array.from({ length: 20 }, () => live.site.cookieOf(running.owner)));
  const readers = await Promise.all(cookies.map((cookie) => watch(live, running, cookie)));
  const asked = () => listened.queries.filter((query) => query.includes('"sessions"')).length;
  await eventually('the sessions were asked for', async () => asked() > 0);
  expect(asked()).toBe(1);
  expect(live.hub.size).toBe(20);
  for (const reader of readers) reader[Symbol.dispose]();
});

test('when the last page has gone, nothing goes on', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  const readers = [await watch(live, running), await watch(live, running)];
  await readers[0]?.next('parts');
  expect(live.hub.isRunning).toBe(true);
  for (const reader of readers) reader[Symbol.dispose]();
  await eventually('the hub has ended', async () => !live.hub.isRunning);
  expect(live.hub.size).toBe(0);
});

test('a page that does not read gets the latest state when it reads again, and nothing in between', async () => {
  await using live = await openLiveSite(db, { tickMs: 5, heartbeatMs: 100_000, stallMs: 100_000 });
  const running = await addRunning(db);
  // Pages are large, so that the sockets between the two are soon full.
  await sql`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select 1, ${running.mailing}, now(), 1, 'rejected', 'a@example.com', '', 'rcpt', repeat('x', 200000) from generate_series(1, 10)`.execute(
    db,
  );
  using slow = await watch(live, running);
  using quick = await watch(live, running);
  await slow.next('parts');
  slow.pause();
  const change = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      await sql`update attempts set reply = ${String(turn)} || reply where mailing_id = ${running.mailing}`.execute(db);
      await accept(db, running.mailing, 1);
      await quick.next('parts');
    }
  };
  await change(15);
  await sql`update mailing_counters set accepted = 900, waiting = 100, attempts_accepted = 900 where mailing_id = ${running.mailing}`.execute(
    db,
  );
  await eventually('the quick one is told', async () =>
    partsOf(await quick.next('parts'))['balance']?.includes('>900<'),
  );
  slow.resume();
  await eventually('the slow one is told the latest', async () =>
    slow.events.some((event) => event.name === 'parts' && partsOf(event)['balance']?.includes('>900<')),
  );
  // Beside what had filled the sockets, one message with all that it lacked.
  expect(slow.events.length).toBeLessThan(quick.events.length - 5);
});

test('a page that reads nothing for long is broken off', async () => {
  await using live = await openLiveSite(db, { tickMs: 5, heartbeatMs: 20, stallMs: 100 });
  const running = await addRunning(db);
  await sql`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select 1, ${running.mailing}, now(), 1, 'rejected', 'a@example.com', '', 'rcpt', repeat('x', 1000000) from generate_series(1, 10)`.execute(
    db,
  );
  const { port } = live.server.address() as AddressInfo;
  const cookie = await live.site.cookieOf(running.owner);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /mailings/${running.mailing}/events HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
  await eventually('the page is there', async () => live.hub.size === 1);
  await eventually('the page is broken off', async () => {
    await accept(db, running.mailing, 1);
    return live.hub.size === 0;
  });
  expect(live.hub.isRunning).toBe(false);
  socket.destroy();
});

test('more pages than there may be are told to ask by themselves', async () => {
  await using live = await openLiveSite(db, { mostPages: 3, mostPagesOfUser: 2 });
  const [one, other] = [await addRunning(db), await addRunning(db)];
  using first = await watch(live, one);
  using second = await watch(live, one);
  using third = await watch(live, one);
  expect([first.status, second.status, third.status]).toEqual([200, 200, 503]);
  expect(third.headers['retry-after']).toBe('60');
  using fourth = await watch(live, other);
  using fifth = await watch(live, other);
  expect([fourth.status, fifth.status]).toEqual([200, 503]);
});

test('a stop ends all streams at once, and nobody is let in after it', async () => {
  await using live = await openLiveSite(db, { tickMs: 100_000 });
  const running = await addRunning(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  const begun = performance.now();
  await live.hub.close();
  await eventually('the stream is over', async () => reader.isOver());
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(live.hub.isRunning).toBe(false);
  using late = await watch(live, running);
  expect(late.status).toBe(503);
});

test('a HEAD opens no stream', async () => {
  await using live = await openLiveSite(db);
  const running = await addRunning(db);
  const answer = await fetch(`${live.url}/mailings/${running.mailing}/events`, {
    method: 'HEAD',
    headers: { cookie: await live.site.cookieOf(running.owner) },
  });
  expect(answer.status).toBe(200);
  expect(live.hub.size).toBe(0);
});

/** Passes bytes on, as a proxy does that does not know what they are. */
async function openProxy(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('through a proxy each change comes as it happens, and a visitor who goes is noticed', async () => {
  await using live = await openLiveSite(db);
  using proxy = await openProxy((live.server.address() as AddressInfo).port);
  const running = await addRunning(db);
  const reader = await watch({ ...live, url: proxy.url }, running);
  await reader.next('parts');
  for (const left of [990, 980, 970]) {
    await accept(db, running.mailing, 10);
    await eventually(`${left} are left`, async () =>
      partsOf(await reader.next('parts'))['balance']?.includes(`>${left}<`),
    );
  }
  expect(live.hub.size).toBe(1);
  reader[Symbol.dispose]();
  await eventually('the page is gone', async () => live.hub.size === 0);
});

test('while the database is away pages stay open, and go on when it is back', async () => {
  let isAway = false;
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      if (isAway) throw new Error('the database is away');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  await using live = await openLiveSite(db, {}, db.withPlugin(plugin));
  const running = await addRunning(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  isAway = true;
  await reader.next('beat');
  await accept(db, running.mailing, 500);
  expect([reader.isOver(), live.hub.size]).toEqual([false, 1]);
  isAway = false;
  await eventually('it goes on', async () => partsOf(await reader.next('parts'))['balance']?.includes('>500<'));
});
