import { setImmediate } from 'node:timers/promises';

import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';

import { openDatabaseProxy } from '../../test/support/database-proxy.js';
import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { openBoundedDatabase } from './bounded-database.js';
import { closeDatabase, openDatabase } from './database.js';
import { LostConnections } from './lost-connections.js';

const LOCK = 7;

/** Looks at statements of any age, over a proxy. */
async function open(options: Parameters<typeof openDatabaseProxy>[1] = {}) {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const proxy = await openDatabaseProxy(database.connection, options);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const lostDb = openDatabase(proxy.connection);
  const watchDb = openBoundedDatabase(proxy.connection, 5_000);
  onTestFinished(async () => {
    proxy.comeBack();
    await Promise.all([closeDatabase(lostDb), closeDatabase(watchDb)]);
  });
  return { db: database.db, lostDb, proxy, connections: new LostConnections(lostDb, watchDb, 0) };
}

test('a transaction whose connection is gone without a word fails, and lets go of its locks', async () => {
  const { db, lostDb, proxy, connections } = await open();
  const gone = Promise.withResolvers<void>();
  const transaction = lostDb.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx);
    proxy.vanish('those that there are');
    gone.resolve();
    await sql`select`.execute(trx);
  });
  const failure = transaction.catch(String);
  await gone.promise;
  await eventually('it is cut', async () => (await connections.look()) === 1);
  expect(await failure).toContain('not queryable');
  await eventually('its lock is free', async () => {
    const { rows } = await sql<{ isFree: boolean }>`select pg_try_advisory_xact_lock(${LOCK}) as "isFree"`.execute(db);
    return rows[0]?.isFree;
  });
  const { rows } = await sql<{ one: number }>`select 1 as one`.execute(lostDb);
  expect(rows).toEqual([{ one: 1 }]);
});

test('a statement whose answer is late, and comes, is not cut', async () => {
  const { lostDb, proxy, connections } = await open();
  await lostDb.connection().execute(async (connection) => {
    await sql`select`.execute(connection);
    proxy.vanish('those that there are');
    const statement = sql<{ one: number }>`select 1 as one`.execute(connection);
    await setImmediate();
    expect(await connections.look()).toBe(0);
    proxy.comeBack();
    expect((await statement).rows).toEqual([{ one: 1 }]);
  });
  expect(await connections.look()).toBe(0);
});

test.each([
  { way: 'directly', isPooler: false },
  { way: 'through a pooler', isPooler: true },
])('a statement that waits for a lock, $way, is not cut', async ({ isPooler }) => {
  const { db, lostDb, connections } = await open({ isPooler });
  const statement = await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx);
    const waiting = sql`select pg_advisory_lock(${LOCK})`.execute(lostDb);
    await eventually('it waits', async () => {
      const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(trx);
      return rows.length === 1;
    });
    for (let looks = 0; looks < 4; looks += 1) expect(await connections.look()).toBe(0);
    return { waiting };
  });
  expect((await statement.waiting).rows).toHaveLength(1);
});
