import { sql } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addRelay } from '../../test/support/fixtures.js';
import { parseServer, silentLog } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerOptions, type SmtpTestServer } from '../../test/support/smtp-server.js';
import { SMTP_URL_KEY } from '../relays/relay.js';
import { readRelayStates, readSlowings } from './relay-store.js';
import type { Route } from './route.js';
import { Routes } from './routes.js';

const SECRET = 'a secret of the tests, long enough';
const LETTER = { from: 'shop@example.com', to: 'anna@example.com', data: 'Subject: x\r\n\r\nx\r\n' };

async function open() {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const fallback = await serve();
  const smtp = parseServer(fallback.url);
  const routes = new Routes({ db: database.db, log: silentLog, secret: SECRET, smtp, node: 'one' });
  onTestFinished(() => routes.close(1000));
  return { db: database.db, routes, fallback };
}

async function serve(options: SmtpServerOptions = {}): Promise<SmtpTestServer> {
  const server = await startSmtpServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** The routes that take so many leases, one after another; with `letters` of so many letters each, none of which ends. */
function chooseTimes(routes: Routes, times: number, { letters = 0 } = {}): string[] {
  return Array.from({ length: times }, () => {
    const route = routes.choose();
    route?.take(letters || 1);
    if (letters === 0) route?.leave(1);
    return route?.key ?? 'none';
  });
}

const countOf = (chosen: string[], id: number) => chosen.filter((key) => key === String(id)).length;
const routeOf = (routes: Routes, key: number | string): Route => {
  const route = routes.all.find((one) => one.key === String(key));
  if (!route) throw new Error(`there is no route ${key}`);
  return route;
};
const send = (route: Route) => route.relay.send(LETTER, new AbortController().signal);

/** Lets it fail once, so that it rests. */
async function fail(route: Route, server: SmtpTestServer): Promise<void> {
  await server.close();
  expect(await send(route)).toMatchObject({ kind: 'lost' });
  expect(route.relay.isResting).toBe(true);
}

describe('mail servers that administrators keep', () => {
  test('take leases by their weights while all have room, each in its turn', async () => {
    const { db, routes } = await open();
    const [three, one] = [await addRelay(db, 2525, { weight: 3 }), await addRelay(db, 2526, { weight: 1 })];
    await routes.refresh(new Date());
    const chosen = chooseTimes(routes, 40);
    expect([countOf(chosen, three), countOf(chosen, one)]).toEqual([30, 10]);
    // Not ten turns of one after thirty of the other.
    for (let from = 0; from < 40; from += 4) expect(countOf(chosen.slice(from, from + 4), one)).toBe(1);
  });

  test('share by the letters that they get: a turn without any is none', async () => {
    const { db, routes } = await open();
    const [three, one] = [await addRelay(db, 2525, { weight: 3 }), await addRelay(db, 2526, { weight: 1 })];
    await routes.refresh(new Date());
    const got = new Map<string, number>();
    for (let turn = 0; turn < 4000; turn += 1) {
      const route = routes.choose();
      // Every second one finds nothing to claim, as where a limit lets one claim through and refuses the next.
      const letters = turn % 2 === 0 ? 1 + (turn % 16) : 0;
      route?.take(16);
      route?.giveUp(16 - letters);
      route?.leave(letters);
      if (route) got.set(route.key, (got.get(route.key) ?? 0) + letters);
    }
    expect((got.get(String(three)) ?? 0) / (got.get(String(one)) ?? 1)).toBeCloseTo(3, 1);
  });

  test('that were away do not get all that they have missed', async () => {
    const { db, routes } = await open();
    const present = await addRelay(db, 2525);
    await routes.refresh(new Date());
    chooseTimes(routes, 10_000);
    const late = await addRelay(db, 2526);
    await routes.refresh(new Date());
    const chosen = chooseTimes(routes, 1256);
    expect([countOf(chosen, present), countOf(chosen, late)]).toEqual([500, 756]);
  });

  test('get leases as long as they have room, whatever their weights', async () => {
    const { db, routes } = await open();
    const [three, one] = [await addRelay(db, 2525, { weight: 3 }), await addRelay(db, 2526, { weight: 1 })];
    await routes.refresh(new Date());
    const { lease, capacity } = routeOf(routes, three).pace;
    const chosen = chooseTimes(routes, 2 * (capacity / lease) + 1, { letters: lease });
    expect([countOf(chosen, three), countOf(chosen, one)]).toEqual([capacity / lease, capacity / lease]);
    expect(chosen.at(-1)).toBe('none');
    routeOf(routes, one).leave(lease);
    expect(routes.choose()?.key).toBe(String(one));
  });

  test('of weight 0 take leases only while no other takes letters', async () => {
    const { db, routes } = await open();
    const server = await serve();
    const main = await addRelay(db, server.port, { weight: 1 });
    const standby = await addRelay(db, 2526, { weight: 0 });
    await routes.refresh(new Date());
    expect(countOf(chooseTimes(routes, 20), main)).toBe(20);
    // Being busy is no absence.
    routeOf(routes, main).take(1000);
    expect(routes.choose()).toBeUndefined();
    routeOf(routes, main).leave(1000);
    await fail(routeOf(routes, main), server);
    expect(countOf(chooseTimes(routes, 20), standby)).toBe(20);
  });

  test('of weight 0 go on while the other is only tried again, until it has taken a letter', async () => {
    const { db, routes } = await open();
    const server = await serve();
    const { port } = server;
    const main = await addRelay(db, port, { weight: 5 });
    const standby = await addRelay(db, 2526, { weight: 0 });
    await routes.refresh(new Date());
    await fail(routeOf(routes, main), server);
    await eventually('its rest is over', async () => !routeOf(routes, main).relay.isResting);
    await server.listen(port);
    const chosen = chooseTimes(routes, 10, { letters: 1 });
    expect([countOf(chosen, main), countOf(chosen, standby)]).toEqual([1, 9]);
    expect(await send(routeOf(routes, main))).toMatchObject({ kind: 'accepted' });
    expect(countOf(chooseTimes(routes, 10), main)).toBe(10);
  });

  test('are tried with one letter after a rest, and with as many as before once it is accepted', async () => {
    const { db, routes } = await open();
    const server = await serve();
    const { port } = server;
    const id = await addRelay(db, port);
    await routes.refresh(new Date());
    const route = routeOf(routes, id);
    await fail(route, server);
    expect(routes.choose()).toBeUndefined();
    expect(routes.restMs).toBeGreaterThan(0);
    await eventually('its rest is over', async () => !route.relay.isResting);
    expect(route.room).toBe(1);
    route.take(1);
    expect(route.room).toBe(0);
    await server.listen(port);
    expect(await send(route)).toMatchObject({ kind: 'accepted' });
    route.leave(1);
    expect(route.room).toBe(route.pace.lease);
  });
});

test('what was under way before a relay failed lets no second letter try it', async () => {
  const { db, routes } = await open();
  const server = await serve();
  const id = await addRelay(db, server.port);
  await routes.refresh(new Date());
  const route = routeOf(routes, id);
  expect(route.take(2)).toBe(false);
  await fail(route, server);
  await eventually('its rest is over', async () => !route.relay.isResting);
  const isProbe = route.take(1);
  expect(isProbe).toBe(true);
  route.leave(2);
  expect(route.room).toBe(0);
  route.leave(1, isProbe);
  expect(route.room).toBe(1);
});

describe('what administrators change', () => {
  test('is known at the next look: relays come and go, and SMTP_URL stands in while there is none', async () => {
    const { db, routes } = await open();
    const keys = async () => {
      await routes.refresh(new Date());
      return routes.all.map(({ key }) => key);
    };
    expect(await keys()).toEqual([SMTP_URL_KEY]);
    const [first, second] = [await addRelay(db, 2525), await addRelay(db, 2526, { isEnabled: false })];
    expect(await keys()).toEqual([String(first)]);
    await sql`update relays set is_enabled = not is_enabled`.execute(db);
    expect(await keys()).toEqual([String(second)]);
    await sql`update relays set is_enabled = true`.execute(db);
    expect((await keys()).toSorted()).toEqual([first, second].map(String).toSorted());
    await db.deleteFrom('relays').execute();
    expect(await keys()).toEqual([SMTP_URL_KEY]);
  });

  test('of a relay’s address leads to a new one, and what is on the wire to the old one ends', async () => {
    const { db, routes } = await open();
    const [before, after] = [await serve({ slowMs: 300 }), await serve()];
    const id = await addRelay(db, before.port);
    await routes.refresh(new Date());
    const route = routeOf(routes, id);
    const sent = send(route);
    await eventually('the letter is on the wire', async () => before.accepted.length === 1);
    await sql`update relays set port = ${after.port}`.execute(db);
    await routes.refresh(new Date());
    expect(routeOf(routes, id)).not.toBe(route);
    expect(await sent).toMatchObject({ kind: 'accepted' });
    expect(await send(routeOf(routes, id))).toMatchObject({ kind: 'accepted' });
    expect([before.accepted.length, after.accepted.length]).toEqual([1, 1]);
  });

  test('of anything else keeps the relay, its connections and what it has learnt', async () => {
    const { db, routes } = await open();
    const server = await serve();
    const id = await addRelay(db, server.port);
    await routes.refresh(new Date());
    const route = routeOf(routes, id);
    await send(route);
    await sql`update relays set weight = 7, connections = 100, letters_limit = 5, limit_seconds = 60`.execute(db);
    await routes.refresh(new Date());
    expect(routeOf(routes, id)).toBe(route);
    expect(route).toMatchObject({ weight: 7, pacing: { letters: 5, seconds: 60 } });
    expect(route.pace.capacity).toBe(800);
    await send(route);
    expect(server.connections).toBe(1);
  });

  test('of a limit holds at once, though the one before was used up for a day', async () => {
    const { db, routes } = await open();
    const id = await addRelay(db, 2525, { limit: { letters: 1, seconds: 86_400 } });
    await routes.refresh(new Date());
    const route = routeOf(routes, id);
    route.fullUntil = performance.now() + 86_400_000;
    expect(routes.choose()).toBeUndefined();
    await routes.refresh(new Date());
    expect(routes.choose()).toBeUndefined();
    await sql`update relays set letters_limit = 1000`.execute(db);
    await routes.refresh(new Date());
    expect(routes.choose()).toBe(route);
  });

  test('leaves out a relay whose password cannot be opened, and says so', async () => {
    const { db, routes } = await open();
    const [sealed, plain] = [await addRelay(db, 2525), await addRelay(db, 2526)];
    await sql`update relays set auth = 'password', user_name = 'u', sealed_secret = 'v1.nonsense' where id = ${sealed}`.execute(
      db,
    );
    await routes.refresh(new Date());
    expect(routes.all.map(({ key }) => key)).toEqual([String(plain)]);
    const states = await eventually('it is noted', async () => {
      const known = await readRelayStates(db);
      return known.has(String(sealed)) && known;
    });
    expect(states.get(String(sealed))?.fault).toContain('cannot be opened');
  });

  test('without any relay left that can be used lets letters wait for minutes at most', async () => {
    const { db, routes } = await open();
    await addRelay(db, 2525);
    await sql`update relays set auth = 'password', user_name = 'u', sealed_secret = 'v1.nonsense'`.execute(db);
    await routes.refresh(new Date());
    expect(routes.choose()).toBeUndefined();
    expect(routes.restMs).toBeLessThanOrEqual(300_000);
  });
});

test('the connections of a relay are shared by the workers that are alive', async () => {
  const { db, routes } = await open();
  const id = await addRelay(db, 2525, { connections: 100 });
  const beat = (name: string, role: string, ago: string) =>
    sql`insert into nodes (name, roles, version, secret_digest, seen_at)
      values (${name}, array[${role}], '1', '', now() - ${ago}::interval)`.execute(db);
  const capacity = async () => {
    await routes.refresh(new Date());
    return routeOf(routes, id).pace.capacity;
  };
  expect(await capacity()).toBe(800);
  await beat('one', 'worker', '1 second');
  await beat('a web process', 'web', '1 second');
  await beat('a dead one', 'worker', '1 hour');
  expect(await capacity()).toBe(800);
  await beat('two', 'worker', '1 second');
  expect(await capacity()).toBe(400);
});

test.each([
  [8, 3],
  [2, 5],
  [1, 1],
])('%i connections are all used by %i workers, and no more', async (connections, workers) => {
  const { db, fallback } = await open();
  const server = await serve();
  const names = Array.from({ length: workers }, (_, index) => `worker ${index}`);
  await addRelay(db, server.port, { connections });
  for (const name of names)
    await sql`insert into nodes (name, roles, version, secret_digest) values (${name}, array['worker'], '1', '')`.execute(
      db,
    );
  const smtp = parseServer(fallback.url);
  const shares: number[] = [];
  for (const node of names) {
    const routes = new Routes({ db, log: silentLog, secret: SECRET, smtp, node });
    onTestFinished(() => routes.close(1000));
    await routes.refresh(new Date());
    const [route] = routes.all;
    if (!route?.room) continue;
    const before = server.openConnections;
    // The first one shows that the server takes letters, then there are as many as may be.
    expect(await send(route)).toMatchObject({ kind: 'accepted' });
    server.options.slowMs = 50;
    await Promise.all(Array.from({ length: 60 }, () => send(route)));
    server.options.slowMs = 0;
    shares.push(server.openConnections - before);
  }
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(connections);
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
});

test('connections that a relay may no longer have get no more letters', async () => {
  const { db, routes } = await open();
  const server = await serve();
  await addRelay(db, server.port, { connections: 4 });
  await routes.refresh(new Date());
  const [route] = routes.all;
  if (!route) throw new Error('there is a route');
  await send(route);
  server.options.slowMs = 50;
  await Promise.all(Array.from({ length: 40 }, () => send(route)));
  expect(route.relay.openConnections).toBe(4);
  await sql`update relays set connections = 1`.execute(db);
  await routes.refresh(new Date());
  await eventually('they are closed', async () => server.openConnections === 1);
  expect(await send(route)).toMatchObject({ kind: 'accepted' });
  expect(server.connections).toBe(4);
});

describe('a relay that asks for patience', () => {
  const PATIENCE = { reply: '421 4.7.0 try again later', thenDrop: true } as const;

  test('is slowed to half of full speed where nobody knows yet how fast it was', async () => {
    const { db, routes } = await open();
    const server = await serve({ faults: ({ stage }) => (stage === 'mail' ? PATIENCE : undefined) });
    const id = await addRelay(db, server.port);
    await routes.refresh(new Date());
    expect(await send(routeOf(routes, id))).toMatchObject({ kind: 'refused' });
    expect(routeOf(routes, id).pacing).toEqual({ letters: 3000, seconds: 60 });
    await eventually('all processes are told', async () => (await readSlowings(db)).has(`relay:${id}`));
    await routes.refresh(new Date());
    expect(routeOf(routes, id).pacing).toEqual({ letters: 3000, seconds: 60 });
    await routes.refresh(new Date(Date.now() + 70_000));
    expect(routeOf(routes, id).pacing).toEqual({ letters: 4500, seconds: 60 });
    await routes.refresh(new Date(Date.now() + 600_000));
    expect(routeOf(routes, id).pacing).toBeNull();
  });

  test('is slowed to half of what it took of late', async () => {
    const { db, routes } = await open();
    const server = await serve({ faults: ({ stage }) => (stage === 'mail' ? PATIENCE : undefined) });
    const id = await addRelay(db, server.port);
    await routes.refresh(new Date());
    routeOf(routes, id).pace.learn(10, 1000);
    await send(routeOf(routes, id));
    expect(routeOf(routes, id).pacing).toEqual({ letters: 300, seconds: 60 });
  });

  test('and fails for another reason is not slowed', async () => {
    const { db, routes } = await open();
    const server = await serve();
    const id = await addRelay(db, server.port);
    await routes.refresh(new Date());
    await fail(routeOf(routes, id), server);
    await eventually('the fault is noted', async () => (await readRelayStates(db)).get(String(id))?.fault ?? false);
    expect(routeOf(routes, id).pacing).toBeNull();
    expect((await readSlowings(db)).size).toBe(0);
  });
});
