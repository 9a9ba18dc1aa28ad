import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';

import { openDatabaseProxy } from '../../test/support/database-proxy.js';
import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing, countStates, expectTrueBooks } from '../../test/support/ledger.js';
import { parseServer, silentLog } from '../../test/support/sending.js';
import { startSmtpServer } from '../../test/support/smtp-server.js';
import { openBoundedDatabase } from '../lib/bounded-database.js';
import { systemClock } from '../lib/clock.js';
import { closeDatabase, openDatabase } from '../lib/database.js';
import { DeliveryWorker } from './delivery-worker.js';

const RECIPIENTS = 400;

/** A mailing under way through a slow mail server, by a worker whose packets to the database can vanish. */
async function open() {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { db } = database;
  const server = await startSmtpServer({ slowMs: 100, keepData: false });
  onTestFinished(() => server.close());
  const proxy = await openDatabaseProxy(database.connection);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, RECIPIENTS);
  const mailingId = await addFrozenMailing(db, ownerId);
  const workerDb = openDatabase(proxy.connection);
  onTestFinished(() => closeDatabase(workerDb));
  const watchDb = openBoundedDatabase(proxy.connection, 1_000);
  onTestFinished(() => closeDatabase(watchDb));
  const worker = new DeliveryWorker({
    db: workerDb,
    watchDb,
    clock: systemClock,
    log: silentLog,
    node: 'node',
    secret: 'a secret of the tests, long enough',
    smtp: parseServer(server.url),
    mailFrom: 'Shop <shop@example.com>',
  });
  onTestFinished(() => worker.stop());
  // Whatever vanished: the end of the test is not to wait for it.
  onTestFinished(() => {
    proxy.comeBack();
    proxy.cut();
  });
  await eventually('letters leave over every connection', async () => server.accepted.length > 30);
  return { db, server, proxy, mailingId };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** The press reaches the database, though not the worker. Watched for longer than a letter could still leave: when the last one came. */
async function pauseAndWatch({ db, server, mailingId }: Opened): Promise<number> {
  await sql`update mailings set paused_at = now() where id = ${mailingId}`.execute(db);
  const pressedAt = performance.now();
  await delay(4_000);
  expect(server.accepted.length).toBeLessThan(RECIPIENTS);
  return Math.max(...server.arrivedAt) - pressedAt;
}

test('a pause reaches a worker whose packets to the database vanish; then what was called back waits untried, and is sent', async () => {
  const opened = await open();
  const { db, server, proxy, mailingId } = opened;
  proxy.vanish();
  expect(await pauseAndWatch(opened)).toBeLessThan(2_000);
  proxy.comeBack();
  await eventually(
    'all that has left is recorded',
    async () => (await countStates(db, mailingId)).accepted === server.accepted.length,
  );
  expect(await countStates(db, mailingId)).toEqual({
    accepted: server.accepted.length,
    waiting: RECIPIENTS - server.accepted.length,
  });
  await expectTrueBooks(db, mailingId);
  await sql`update mailings set paused_at = null where id = ${mailingId}`.execute(db);
  server.options.slowMs = 0;
  await eventually('all are accepted', async () => (await countStates(db, mailingId)).accepted === RECIPIENTS);
  expect(server.counts.size).toBe(RECIPIENTS);
  expect(server.accepted).toHaveLength(RECIPIENTS);
});

test('a pause reaches a worker of which all connections to the database are gone without a word, and new ones are possible', async () => {
  const opened = await open();
  opened.proxy.vanish('those that there are');
  expect(await pauseAndWatch(opened)).toBeLessThan(2_000);
});

test('a worker of which all connections to the database are gone without a word sends everybody the letter, once, over new ones', async () => {
  const { db, server, proxy, mailingId } = await open();
  proxy.vanish('those that there are');
  await eventually('all are accepted', async () => (await countStates(db, mailingId)).accepted === RECIPIENTS, 40_000);
  expect(await countStates(db, mailingId)).toEqual({ accepted: RECIPIENTS });
  expect(server.counts.size).toBe(RECIPIENTS);
  expect(server.accepted).toHaveLength(RECIPIENTS);
  await expectTrueBooks(db, mailingId);
});

test('without a pause a worker that cannot look sends nothing either', async () => {
  const { server, proxy } = await open();
  proxy.vanish();
  const goneAt = performance.now();
  await delay(4_000);
  expect(Math.max(...server.arrivedAt) - goneAt).toBeLessThan(2_000);
  expect(server.accepted.length).toBeLessThan(RECIPIENTS);
});
