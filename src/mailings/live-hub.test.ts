import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import { sql, type KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { readEvents, type EventReader } from '../../test/support/event-reader.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing } from '../../test/support/ledger.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { systemClock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { openLog } from '../lib/log.js';
import { LiveHub } from './live-hub.js';

/* Over real HTTP: what a browser would be told. */

let database: TestDatabase;
let db: Database;
const log = openLog('silent');

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

const QUICK = { tickMs: 50, sessionMs: 100, heartbeatMs: 200 };

type HubSettings = ConstructorParameters<typeof LiveHub>[1];

interface LiveSite extends AsyncDisposable {
  hub: LiveHub;
  site: TestSite;
  url: string;
  server: Server;
}

async function openLiveSite(settings: HubSettings = {}, hubDb = db): Promise<LiveSite> {
  const hub = new LiveHub({ db: hubDb, clock: systemClock, log }, { ...QUICK, ...settings });
  const site = openTestSite(db, { live: hub });
  const server = createAdaptorServer({ fetch: site.web.fetch }) as Server;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    await hub.close();
    server.close();
    if ('closeAllConnections' in server) (server as { closeAllConnections: () => void }).closeAllConnections();
  };
  return { hub, site, url, server, [Symbol.asyncDispose]: close };
}

interface Running {
  owner: number;
  mailing: number;
}

/** A running mailing to 1000 recipients, of which nobody has got anything. */
async function addRunning(): Promise<Running> {
  const owner = await addUser(db);
  await addRecipients(db, owner, 1000);
  return { owner, mailing: await addFrozenMailing(db, owner) };
}

/** As the worker's statement does it. */
async function accept(mailing: number, letters: number): Promise<void> {
  await sql`
    update mailing_counters set waiting = waiting - ${letters}::int, accepted = accepted + ${letters}::int,
      attempts_accepted = attempts_accepted + ${letters}::int where mailing_id = ${mailing}`.execute(db);
}

async function finish(mailing: number): Promise<void> {
  await sql`update mailings set status = 'finished', finished_at = now() where id = ${mailing}`.execute(db);
}

async function watch({ site, url }: LiveSite, { owner, mailing }: Running, cookie?: string): Promise<EventReader> {
  return readEvents(`${url}/mailings/${mailing}/events`, {
    cookie: cookie ?? (await site.cookieOf(owner)),
    'accept-encoding': 'gzip',
  });
}

const partsOf = ({ data }: { data: string }) => JSON.parse(data) as Record<string, string>;

test('a page is sent all parts at once, and then those that change, over a stream that nothing holds up', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
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
  await accept(running.mailing, 7);
  const second = partsOf(await reader.next('parts'));
  expect(second['balance']).toContain('>993<');
  expect(second).not.toHaveProperty('state');
  await eventually('a heartbeat', async () => reader.text().includes(': \nevent: beat'));
  expect(reader.text().startsWith('retry: 2000\n:\n\n')).toBe(true);
});

test('nothing is sent while nothing changes', async () => {
  await using live = await openLiveSite({ heartbeatMs: 100_000, tickMs: 10 });
  const running = await addRunning();
  await sql`update mailings set paused_at = now() where id = ${running.mailing}`.execute(db);
  using reader = await watch(live, running);
  await reader.next('parts');
  await accept(running.mailing, 1);
  await reader.next('parts');
  expect(reader.events).toHaveLength(2);
});

test('the mailing’s end is told, and the stream ends', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  using reader = await watch(live, running);
  await reader.next('parts');
  await finish(running.mailing);
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
  await using live = await openLiveSite();
  const running = await addRunning();
  using reader = await watch(live, running);
  using other = await watch(live, await addRunning());
  await reader.next('parts');
  await end(running.owner).execute(db);
  await reader.next('gone');
  await eventually('the stream is over', async () => reader.isOver());
  expect(other.isOver()).toBe(false);
});

test('who is no manager any more, and has a mailing of another before them, sees it no longer', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  const manager = await addUser(db, { role: 'manager' });
  using reader = await watch(live, running, await live.site.cookieOf(manager));
  await reader.next('parts');
  await sql`update users set role = 'user' where id = ${manager}`.execute(db);
  await reader.next('gone');
  using again = await watch(live, running, await live.site.cookieOf(manager));
  expect(again.status).toBe(404);
});

test('a deleted mailing ends the stream', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  using reader = await watch(live, running);
  await reader.next('parts');
  await sql`delete from mailings where id = ${running.mailing}`.execute(db);
  expect((await reader.next('gone')).data).toBe('');
});

test('each sees the mailing in their own language, and a manager without the owner’s buttons', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  await sql`update users set locale = 'ru' where id = ${running.owner}`.execute(db);
  using own = await watch(live, running);
  using overseer = await watch(live, running, await live.site.signIn('manager'));
  const [first, second] = [partsOf(await own.next('parts')), partsOf(await overseer.next('parts'))];
  expect(first['state']).toContain('Приостановить');
  expect(second['state']).not.toContain('<form');
  expect(second['balance']).toContain('Accepted by the mail server');
});

test('others get no stream, and a mailing that has not started has none', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  using other = await watch(live, running, await live.site.signIn('user'));
  expect(other.status).toBe(404);
  using guest = await watch(live, running, 'none=1');
  expect(guest.status).toBe(303);
  using created = await watch(live, { ...running, mailing: await addMailing(db, running.owner) });
  expect(created.status).toBe(404);
  expect(live.hub.isRunning).toBe(false);
});

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
  await using live = await openLiveSite({ sessionMs: 100_000, mostPagesOfUser: pages }, listened.db);
  const running = await addRunning();
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
    if (now.looks < 8) return accept(running.mailing, 1).then(() => false as const);
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

test('the sessions of all pages are asked for in one query', async () => {
  const listened = listenTo(db);
  await using live = await openLiveSite({ tickMs: 100_000, sessionMs: 1000 }, listened.db);
  const running = await addRunning();
  const cookies = await Promise.all(Array.from({ length: 20 }, () => live.site.cookieOf(running.owner)));
  const readers = await Promise.all(cookies.map((cookie) => watch(live, running, cookie)));
  const asked = () => listened.queries.filter((query) => query.includes('"sessions"')).length;
  await eventually('the sessions were asked for', async () => asked() > 0);
  expect(asked()).toBe(1);
  expect(live.hub.size).toBe(20);
  for (const reader of readers) reader[Symbol.dispose]();
});

test('when the last page has gone, nothing goes on', async () => {
  await using live = await openLiveSite();
  const running = await addRunning();
  const readers = [await watch(live, running), await watch(live, running)];
  await readers[0]?.next('parts');
  expect(live.hub.isRunning).toBe(true);
  for (const reader of readers) reader[Symbol.dispose]();
  await eventually('the hub has ended', async () => !live.hub.isRunning);
  expect(live.hub.size).toBe(0);
});

test('a page that does not read gets the latest state when it reads again, and nothing in between', async () => {
  await using live = await openLiveSite({ tickMs: 5, heartbeatMs: 100_000, stallMs: 100_000 });
  const running = await addRunning();
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
      await accept(running.mailing, 1);
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
  await using live = await openLiveSite({ tickMs: 5, heartbeatMs: 20, stallMs: 100 });
  const running = await addRunning();
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
    await accept(running.mailing, 1);
    return live.hub.size === 0;
  });
  expect(live.hub.isRunning).toBe(false);
  socket.destroy();
});

test('more pages than there may be are told to ask by themselves', async () => {
  await using live = await openLiveSite({ mostPages: 3, mostPagesOfUser: 2 });
  const [one, other] = [await addRunning(), await addRunning()];
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
  await using live = await openLiveSite({ tickMs: 100_000 });
  const running = await addRunning();
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
  await using live = await openLiveSite();
  const running = await addRunning();
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
  await using live = await openLiveSite();
  using proxy = await openProxy((live.server.address() as AddressInfo).port);
  const running = await addRunning();
  const reader = await watch({ ...live, url: proxy.url }, running);
  await reader.next('parts');
  for (const left of [990, 980, 970]) {
    await accept(running.mailing, 10);
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
  await using live = await openLiveSite({}, db.withPlugin(plugin));
  const running = await addRunning();
  using reader = await watch(live, running);
  await reader.next('parts');
  isAway = true;
  await reader.next('beat');
  await accept(running.mailing, 500);
  expect([reader.isOver(), live.hub.size]).toEqual([false, 1]);
  isAway = false;
  await eventually('it goes on', async () => partsOf(await reader.next('parts'))['balance']?.includes('>500<'));
});
