import { setTimeout as delay } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { hasRedis, startRedis } from '../../test/support/redis.js';
import { openCache, type Cache, type CacheEntry } from './cache.js';
import { openLog } from './log.js';

const SECRET = 'a secret of the tests, long enough';
const VISITOR = { role: 'user', locale: 'en', timeZone: 'UTC' };

let database: TestDatabase;
let owner: number;
/** Counts computations, so that each gives another value. */
let computed: number;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  owner = await addUser(database.db);
  computed = 0;
});

async function open(redisUrl?: string, secret = SECRET): Promise<Cache> {
  const cache = await openCache({ db: database.db, log: openLog('silent'), redisUrl, secret });
  onTestFinished(() => cache.close());
  return cache;
}

const entry = (more: Partial<CacheEntry> = {}): CacheEntry => ({
  name: 'test',
  visitor: VISITOR,
  owners: owner,
  params: { days: 7 },
  ...more,
});

function read(cache: Cache, more: Partial<CacheEntry> = {}) {
  return cache.read(entry(more), async () => {
    computed += 1;
    return { number: computed };
  });
}

async function timed<T>(task: () => Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  return [await task(), performance.now() - begun];
}

describe('a cache in memory', () => {
  it('computes once for everything that the value depends on', async () => {
    const cache = await open();
    const others: Partial<CacheEntry>[] = [
      {},
      { name: 'other' },
      { owners: await addUser(database.db) },
      { owners: 'everybody' },
      { visitor: { ...VISITOR, role: 'manager' } },
      { visitor: { ...VISITOR, locale: 'ru' } },
      { visitor: { ...VISITOR, timeZone: 'Asia/Tokyo' } },
      { params: { days: 30 } },
      { params: { days: '7' } },
      { params: {} },
    ];
    for (const [index, other] of others.entries()) expect(await read(cache, other)).toEqual({ number: index + 1 });
    for (const [index, other] of others.entries()) expect(await read(cache, other)).toEqual({ number: index + 1 });
    expect(computed).toBe(others.length);
  });

  it('takes parameters in any order', async () => {
    const cache = await open();
    expect(await read(cache, { params: { a: 1, b: null } })).toEqual({ number: 1 });
    expect(await read(cache, { params: { b: null, a: 1 } })).toEqual({ number: 1 });
  });

  it('computes anew after what the owner has changes, and not when it is another’s', async () => {
    const cache = await open();
    const other = await addUser(database.db);
    await read(cache);
    await addRecipients(database.db, other, 1);
    expect(await read(cache)).toEqual({ number: 1 });
    await addRecipients(database.db, owner, 1);
    expect(await read(cache)).toEqual({ number: 2 });
    await addMailing(database.db, owner);
    expect(await read(cache)).toEqual({ number: 3 });
    await database.db.updateTable('users').set({ name: 'Anna' }).where('id', '=', owner).execute();
    expect(await read(cache)).toEqual({ number: 4 });
    await database.db.updateTable('messages').set({ subject: 'News' }).where('owner_id', '=', owner).execute();
    expect(await read(cache)).toEqual({ number: 5 });
    await database.db.updateTable('messages').set({ body: 'Dear all!' }).where('owner_id', '=', owner).execute();
    expect(await read(cache)).toEqual({ number: 5 });
  });

  it('does not show what a transaction has not committed, and everybody’s numbers change with anybody’s', async () => {
    const cache = await open();
    await read(cache, { owners: 'everybody' });
    await database.db.transaction().execute(async (trx) => {
      await trx.insertInto('recipients').values({ owner_id: owner, email: 'anna@example.com' }).execute();
      expect(await read(cache, { owners: 'everybody' })).toEqual({ number: 1 });
    });
    expect(await read(cache, { owners: 'everybody' })).toEqual({ number: 2 });
  });

  it('keeps a value within its second while a mailing of the owner runs', async () => {
    const cache = await open();
    await read(cache);
    await database.db
      .updateTable('mailings')
      .set({ status: 'running', started_at: new Date() })
      .where('id', '=', await addMailing(database.db, owner))
      .execute();
    const from = performance.now();
    const before = await read(cache);
    await eventually('the second ends', async () => (await read(cache)).number > before.number);
    expect(performance.now() - from).toBeLessThan(2000);
    const reads = await Promise.all(Array.from({ length: 50 }, () => read(cache)));
    expect(new Set(reads.map(({ number }) => number)).size).toBeLessThanOrEqual(2);
  });

  it('computes once however many ask at a time', async () => {
    const cache = await open();
    const slow = () => cache.read(entry(), async () => (await delay(50), (computed += 1)));
    expect(new Set(await Promise.all(Array.from({ length: 100 }, slow)))).toEqual(new Set([1]));
    expect(computed).toBe(1);
  });

  it('gives an error to all who wait for it, and does not keep it', async () => {
    const cache = await open();
    const fault = new Error('the database is away');
    const failing = () =>
      cache.read(entry(), async () => {
        computed += 1;
        await delay(20);
        throw fault;
      });
    const failures = await Promise.allSettled([failing(), failing(), failing()]);
    expect(failures).toEqual(failures.map(() => ({ status: 'rejected', reason: fault })));
    expect(computed).toBe(1);
    expect(await read(cache)).toEqual({ number: 2 });
  });

  it('gives what is computed and what is kept in the same shape', async () => {
    const cache = await open();
    const shape = () => cache.read<unknown>(entry(), async () => ({ at: new Date(0), none: undefined, list: [null] }));
    const json = { at: '1970-01-01T00:00:00.000Z', list: [null] };
    expect([await shape(), await shape()]).toStrictEqual([json, json]);
  });

  it('hands out what nobody can change for others', async () => {
    const cache = await open();
    for (const _ of [1, 2, 3]) {
      const value = await read(cache);
      expect(value).toEqual({ number: 1 });
      value.number = 99;
    }
  });

  it('keeps null and false, and computes each time what is too large to keep', async () => {
    const cache = await open();
    for (const value of [null, false, 0, '']) {
      let times = 0;
      const of = { ...entry(), name: `value ${JSON.stringify(value)}` };
      for (const _ of [1, 2]) expect(await cache.read(of, async () => ((times += 1), value))).toBe(value);
      expect([value, times]).toEqual([value, 1]);
    }
    const large = () => cache.read(entry(), async () => ((computed += 1), 'x'.repeat(3_000_000)));
    expect([(await large()).length, (await large()).length, computed]).toEqual([3_000_000, 3_000_000, 2]);
  });

  it('derives a value once from one input, whoever’s it is', async () => {
    const cache = await open();
    const derive = (input: unknown) => cache.derive({ name: 'test', input }, async () => (computed += 1));
    expect([await derive(['a', 'b']), await derive(['a', 'b']), await derive(['ab'])]).toEqual([1, 1, 2]);
    await addRecipients(database.db, owner, 1);
    expect(await derive(['a', 'b'])).toBe(1);
  });

  it('begins anew where a database was restored, whose versions begin again', async () => {
    const cache = await open();
    await read(cache);
    await database.db.transaction().execute(async (trx) => {
      for (const statement of ['create table restored as table data_versions', 'drop table data_versions'])
        await trx.executeQuery({ ...trx.selectNoFrom([]).compile(), sql: statement, parameters: [] });
      await trx.schema.alterTable('restored').renameTo('data_versions').execute();
      await trx.schema
        .alterTable('data_versions')
        .addPrimaryKeyConstraint('data_versions_pkey', ['owner_id'])
        .execute();
      await trx.schema
        .alterTable('data_versions')
        .alterColumn('version', (column) => column.setDefault(1))
        .execute();
    });
    expect(await read(cache)).toEqual({ number: 2 });
  });
});

describe.skipIf(!hasRedis)('a cache with Redis', () => {
  it('gives a process what another one computed, but not another installation', async () => {
    const redis = await startRedis();
    const [one, other, stranger] = [await open(redis.url), await open(redis.url), await open(redis.url, 'another')];
    expect(await read(one)).toEqual({ number: 1 });
    expect(await read(other)).toEqual({ number: 1 });
    expect(await read(stranger)).toEqual({ number: 2 });
    await addRecipients(database.db, owner, 1);
    expect(await read(other)).toEqual({ number: 3 });
    expect(await read(one)).toEqual({ number: 3 });
  });

  it('lets go of everything by itself', async () => {
    const redis = await startRedis();
    await read(await open(redis.url));
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const keys = await client.keys('*');
    const lives = await Promise.all(keys.map((key) => client.ttl(key)));
    expect(lives.length).toBe(1);
    expect(lives.every((seconds) => seconds > 200 && seconds <= 300)).toBe(true);
  });

  it('goes on by itself while Redis is dead, and uses it when it is back', async () => {
    const redis = await startRedis();
    const [one, other] = [await open(redis.url), await open(redis.url)];
    await read(one);
    await redis.stop();
    const [kept, keptMs] = await timed(() => read(one));
    const [fresh, freshMs] = await timed(() => read(one, { name: 'while it is dead' }));
    expect([kept, fresh]).toEqual([{ number: 1 }, { number: 2 }]);
    expect(Math.max(keptMs, freshMs)).toBeLessThan(100);
    await redis.start();
    await eventually('Redis is used again', async () => {
      const name = `back ${computed}`;
      const [first, second] = [await read(one, { name }), await read(other, { name })];
      return first.number === second.number;
    });
  });

  it('waits once for Redis when it hangs, and then no more', async () => {
    const redis = await startRedis();
    const cache = await open(redis.url);
    await read(cache);
    redis.freeze();
    const [, firstMs] = await timed(() => read(cache, { name: 'first' }));
    expect(firstMs).toBeLessThan(400);
    let slowest = 0;
    for (let number = 0; number < 30; number += 1) {
      const [, ms] = await timed(() => read(cache, { name: `then ${number}` }));
      slowest = Math.max(slowest, ms);
      await delay(100);
    }
    expect(slowest).toBeLessThan(100);
  });

  it('works where there is no Redis at the address', async () => {
    const cache = await open('redis://127.0.0.1:1');
    expect([await read(cache), await read(cache)]).toEqual([{ number: 1 }, { number: 1 }]);
  });

  it('takes nothing from Redis that is no entry', async () => {
    const redis = await startRedis();
    const [one, other] = [await open(redis.url), await open(redis.url)];
    await read(one);
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    for (const key of await client.keys('*')) await client.set(key, 'garbage');
    expect(await read(other)).toEqual({ number: 2 });
  });

  it('takes nothing that others wrote into Redis, nor what was kept there for another key', async () => {
    const redis = await startRedis();
    const [one, other, third] = [await open(redis.url), await open(redis.url), await open(redis.url)];
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    await read(one);
    const [key = ''] = await client.keys('*');
    const kept = (await client.get(key)) ?? '';
    expect(kept).toContain('{"number":1}');
    await client.set(key, kept.replace('{"number":1}', '{"number":9}'));
    expect(await read(other)).toEqual({ number: 2 });
    await read(one, { name: 'another' });
    const anotherKey = (await client.keys('*')).find((name) => name !== key) ?? '';
    await client.set(key, (await client.get(anotherKey)) ?? '');
    expect(await read(third)).toEqual({ number: 4 });
  });
});
