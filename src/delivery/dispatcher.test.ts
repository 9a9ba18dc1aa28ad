import { sql, type KyselyPlugin } from 'kysely';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addRecipients, addRelay, addUser } from '../../test/support/fixtures.js';
import {
  addFrozenMailing,
  countSending,
  countStates,
  expectTrueBooks,
  expireLeases,
} from '../../test/support/ledger.js';
import { parseServer, silentLog } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerOptions } from '../../test/support/smtp-server.js';
import { Activity } from '../nodes/activity.js';
import { Dispatcher, type DispatcherDeps } from './dispatcher.js';
import { DomainLimits } from './domain-limits.js';
import { reapLeases, renewLeases } from './lease-store.js';
import type { Pacing } from './pacing.js';
import { keepRatesInDatabase, type Rates } from './rates.js';
import { Routes } from './routes.js';

interface Options {
  server?: SmtpServerOptions;
  /** With what the relay's address ends: `?connections=1`. */
  query?: string;
  rates?: (rates: Rates) => Rates;
  relayLimit?: Pacing & { seconds: 1 | 60 | 3600 | 86_400 };
  domainLimit?: boolean;
  /** Relays in place of the one of SMTP_URL, by the port of the mail server. */
  relays?: (port: number) => number[];
  /** Of the dispatcher's database. */
  plugin?: KyselyPlugin;
  deps?: Partial<DispatcherDeps>;
}

/** A mailing, a mail server, and a dispatcher between them, without the loops of a worker. */
async function open(recipients: number, options: Options = {}) {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { db } = database;
  const server = await startSmtpServer(options.server);
  onTestFinished(() => server.close());
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  const mailingId = await addFrozenMailing(db, ownerId);
  if (options.relayLimit) await addRelay(db, server.port, { limit: options.relayLimit });
  for (const port of options.relays?.(server.port) ?? []) await addRelay(db, port);
  if (options.domainLimit)
    await db
      .insertInto('domain_limits')
      .values({ domain: 'example.com', letters_limit: 1000, limit_seconds: 1 })
      .execute();
  const smtp = parseServer(server.url + (options.query ?? ''));
  const routes = new Routes({ db, log: silentLog, secret: 'a secret of the tests, long enough', smtp, node: 'node' });
  const rates = options.rates?.(keepRatesInDatabase(db)) ?? keepRatesInDatabase(db);
  const domains = new DomainLimits({ db, log: silentLog, rates });
  await routes.refresh(new Date());
  await domains.refresh(new Date());
  const idle: number[] = [];
  const stopping = new AbortController();
  const dispatcher = new Dispatcher({
    db: options.plugin ? db.withPlugin(options.plugin) : db,
    log: silentLog,
    node: 'node',
    routes,
    domains,
    rates,
    activity: new Activity(),
    sender: 'shop@example.com',
    retryMinutes: [1],
    prepare: async () => () => 'Subject: x\r\n\r\nx\r\n',
    onPolicy: () => {},
    onIdle: (id) => idle.push(id),
    mayBegin: () => true,
    stopping: stopping.signal,
    ...options.deps,
  });
  const give = (limit: Pacing | null = null) => dispatcher.give([{ id: mailingId, limit, isDue: true }]);
  onTestFinished(async () => {
    stopping.abort();
    await routes.close(1000);
    await dispatcher.close();
  });
  return { db, server, mailingId, dispatcher, give, idle };
}

test('sends all that is due of what it is given, and tells when nothing is left', async () => {
  const { server, give, idle, mailingId, dispatcher, db } = await open(500);
  give();
  await eventually('it is idle', async () => idle.includes(mailingId));
  expect(server.counts.size).toBe(500);
  expect(dispatcher.mailingIds).toEqual([]);
  expect(dispatcher.leaseIds).toEqual([]);
  expect(await countStates(db, mailingId)).toEqual({ accepted: 500 });
});

test('calls letters back whose lease was taken by another worker, and records nothing of them', async () => {
  const { db, server, mailingId, dispatcher, give } = await open(200, {
    server: { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) },
  });
  const held = 64;
  const known = await eventually('as many are held as may be under way, and wait for the server', async () => {
    give();
    const isFull = (await countSending(db)) === held && server.openConnections > 0;
    return isFull && dispatcher.leaseIds.length === 4 && dispatcher.leaseIds;
  });
  await expireLeases(db);
  expect(await reapLeases(db)).toBe(held);
  const alive = await renewLeases(db, known);
  expect(alive).toEqual(new Set());
  await sql`update mailings set paused_at = now()`.execute(db);
  dispatcher.dropLeases(known, alive);
  await eventually('nothing is under way', async () => dispatcher.mailingIds.length === 0);
  expect(server.letters).toBe(0);
  expect(await countStates(db, mailingId)).toEqual({ in_doubt: held, waiting: 200 - held });
  await expectTrueBooks(db, mailingId);
});

test('drops only leases that it had when it asked: one that came meanwhile goes on', async () => {
  const { db, server, dispatcher, give, mailingId } = await open(64, { server: { slowMs: 20 } });
  give();
  await eventually('a lease is held', async () => dispatcher.leaseIds.length > 0);
  dispatcher.dropLeases([], new Set());
  await eventually('all that it holds is sent', async () => dispatcher.mailingIds.length === 0);
  const { accepted = 0 } = await countStates(db, mailingId);
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBe(server.counts.size);
});

test('a mailing that is halted keeps no letter back from the queue, and goes on when it is given again', async () => {
  const { db, server, mailingId, dispatcher, give, idle } = await open(300, {
    server: { slowMs: 100 },
    query: '?connections=1',
  });
  give();
  await eventually('some have left', async () => server.accepted.length > 1);
  await sql`update mailings set paused_at = now()`.execute(db);
  dispatcher.halt(mailingId);
  await eventually('nothing is under way', async () => dispatcher.mailingIds.length === 0);
  const left = server.accepted.length;
  expect(left).toBeLessThan(20);
  expect(await countStates(db, mailingId)).toEqual({ accepted: left, waiting: 300 - left });
  await expectTrueBooks(db, mailingId);
  await sql`update mailings set paused_at = null`.execute(db);
  server.options.slowMs = 0;
  const before = idle.length;
  give();
  await eventually('it is idle again', async () => idle.length > before && dispatcher.mailingIds.length === 0);
  expect(server.counts.size).toBe(300);
});

test('a limit that was loosened holds at once', async () => {
  const { server, give } = await open(20);
  give({ letters: 1, seconds: 86_400 });
  await eventually('the only one of today has left', async () => server.accepted.length === 1);
  give({ letters: 1, seconds: 86_400 });
  give({ letters: 1000, seconds: 1 });
  await eventually('the others leave', async () => {
    give({ letters: 1000, seconds: 1 });
    return server.accepted.length >= 20;
  });
  expect(server.counts.size).toBe(20);
});

test('what was granted and did not leave is granted to others', async () => {
  const pacing: Pacing = { letters: 100, seconds: 1 };
  const { db, server, give, idle, mailingId } = await open(10, {
    server: { faults: ({ stage }) => (stage === 'connect' ? { reply: '421 go away', thenDrop: true } : undefined) },
  });
  give(pacing);
  await eventually('it is idle', async () => idle.includes(mailingId));
  expect(server.accepted).toHaveLength(0);
  // One letter was the try at the server; 16 were granted, of which 10 were there.
  const { granted } = await keepRatesInDatabase(db).take(`mailing:${mailingId}`, pacing, 1000);
  expect(granted).toBeGreaterThanOrEqual(24);
});

test.each<[what: string, options: Options]>([
  [
    'given back',
    {
      relayLimit: { letters: 1000, seconds: 1 },
      rates: (rates) => ({ ...rates, giveBack: (_key, _pacing, count) => (count > 0 ? failing() : Promise.resolve()) }),
    },
  ],
  ['asked', { relayLimit: { letters: 1000, seconds: 1 }, rates: (rates) => ({ ...rates, take: failFirst(rates, 2) }) }],
  ['asked for domains', { domainLimit: true, rates: (rates) => ({ ...rates, take: failFirst(rates, 2) }) }],
])('limits that cannot be %s put no letter in doubt', async (_what, options) => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const { db, server, give, mailingId, dispatcher } = await open(100, { ...options, deps: { log } });
  await eventually('all are accepted', async () => {
    give();
    return (await countStates(db, mailingId)).accepted === 100;
  });
  await eventually('nothing is under way', async () => dispatcher.mailingIds.length === 0);
  expect(lines.length).toBeGreaterThan(0);
  expect(server.counts.size).toBe(100);
  expect(await countSending(db)).toBe(0);
  await expectTrueBooks(db, mailingId);
});

test('a lease is its own from the claim on, however long a limit takes to be given back what was granted for nothing', async () => {
  const { promise: givenBack, resolve: giveBackNow } = Promise.withResolvers<void>();
  const { db, server, give, dispatcher, mailingId } = await open(10, {
    server: { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) },
    relayLimit: { letters: 1000, seconds: 1 },
    rates: (rates) => ({ ...rates, giveBack: (_key, _pacing, count) => (count > 0 ? givenBack : Promise.resolve()) }),
  });
  onTestFinished(() => giveBackNow());
  give();
  await eventually('all are claimed', async () => (await countSending(db)) === 10);
  await expireLeases(db);
  expect(await reapLeases(db, dispatcher.ownIds)).toBe(0);
  await eventually('the server is asked', async () => server.connections > 0);
  expect(dispatcher.leaseIds).toHaveLength(1);
  expect(await countStates(db, mailingId)).toEqual({ waiting: 10 });
});

test('begins nothing while it may not, and what is given later leaves', async () => {
  let mayBegin = false;
  const { db, server, give, mailingId } = await open(20, { deps: { mayBegin: () => mayBegin } });
  give();
  expect(await countSending(db)).toBe(0);
  expect(server.connections).toBe(0);
  mayBegin = true;
  give();
  await eventually('all are accepted', async () => (await countStates(db, mailingId)).accepted === 20);
});

test('a claim that was asked for before its mailing was halted is given back', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: answer, resolve: answerNow } = Promise.withResolvers<void>();
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      if (JSON.stringify(node).includes('emptied as')) claims.add(queryId);
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      if (!claims.has(queryId)) return result;
      ask();
      await answer;
      return result;
    },
  };
  const claims = new WeakSet<object>();
  const { db, server, give, dispatcher, mailingId } = await open(20, { plugin });
  give();
  await asked;
  dispatcher.halt(mailingId);
  answerNow();
  await eventually('nothing is under way', async () => dispatcher.mailingIds.length === 0);
  expect(server.letters).toBe(0);
  expect(await countSending(db)).toBe(0);
  await expectTrueBooks(db, mailingId);
});

test('a relay that hangs with letters of several mailings keeps none of them from another relay', async () => {
  const steady = await startSmtpServer();
  onTestFinished(() => steady.close());
  const hanging: SmtpServerOptions = { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) };
  const { db, server, dispatcher } = await open(1, { server: hanging, relays: (port) => [port, steady.port] });
  const mailings: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const ownerId = await addUser(db);
    await addRecipients(db, ownerId, 200);
    mailings.push(await addFrozenMailing(db, ownerId));
  }
  const giveAll = (ids: number[]) => dispatcher.give(ids.map((id) => ({ id, limit: null, isDue: true })));
  // The first one alone fills the relay that hangs; then the others come.
  await eventually('the first has done what it can', async () => {
    giveAll(mailings.slice(0, 1));
    return server.openConnections > 0 && (await countStates(db, mailings[0] ?? 0)).accepted === 200 - 64;
  });
  await eventually('the others are sent past it', async () => {
    giveAll(mailings);
    const counts = await Promise.all(mailings.slice(1).map((id) => countStates(db, id)));
    return counts.every(({ accepted = 0 }) => accepted === 200);
  });
  expect(server.letters).toBe(0);
});

const failing = () => Promise.reject(new Error('Connection terminated unexpectedly'));

function failFirst(rates: Rates, times: number): Rates['take'] {
  let left = times;
  return (...request) => (left-- > 0 ? failing() : rates.take(...request));
}
