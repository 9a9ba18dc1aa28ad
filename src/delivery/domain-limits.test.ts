import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { openSending, silentLog } from '../../test/support/sending.js';
import type { Database } from '../lib/database.js';
import { DomainLimits, domainOf } from './domain-limits.js';
import type { LeasedDelivery } from './lease-store.js';
import { keepRatesInDatabase } from './rates.js';
import { readSlowings } from './relay-store.js';

const MINUTE = 60_000;

const makeLimits = (db: Database) => new DomainLimits({ db, log: silentLog, rates: keepRatesInDatabase(db) });

async function setLimit(db: Database, domain: string, letters: number, seconds: 1 | 60 | 3600 | 86_400) {
  await db.insertInto('domain_limits').values({ domain, letters_limit: letters, limit_seconds: seconds }).execute();
}

let serial = 0;
function lettersTo(domain: string, count: number): LeasedDelivery[] {
  return Array.from({ length: count }, () => {
    serial += 1;
    return { id: serial, address: `r${serial}@${domain}`, name: '', attributes: {}, deferralCount: 0, hangUpCount: 0 };
  });
}

const domainsOf = (deliveries: LeasedDelivery[]) =>
  Object.fromEntries(
    [...Map.groupBy(deliveries, ({ address }) => domainOf(address))].map(([key, { length }]) => [key, length]),
  );

describe('letters to a domain with a limit', () => {
  test('go as far as it allows, and those to others go at once', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    await setLimit(db, 'slow.example', 1, 60);
    const limits = makeLimits(db);
    await limits.refresh(new Date());
    const letters = [...lettersTo('slow.example', 5), ...lettersTo('quick.example', 5)];
    const { go, putOff } = await limits.split(letters);
    expect(domainsOf(go)).toEqual({ 'slow.example': 1, 'quick.example': 5 });
    expect(domainsOf(putOff.map(({ delivery }) => delivery))).toEqual({ 'slow.example': 4 });
    expect([...go, ...putOff.map(({ delivery }) => delivery)].map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
      letters.map(({ id }) => id),
    );
  });

  test('are put off to instants of their own, one after another, from one lease to the next', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    await setLimit(db, 'slow.example', 1, 60);
    const limits = makeLimits(db);
    await limits.refresh(new Date());
    const first = await limits.split(lettersTo('slow.example', 4));
    const second = await limits.split(lettersTo('slow.example', 3));
    expect(second.go).toEqual([]);
    const instants = [...first.putOff, ...second.putOff].map(({ inMs }) => inMs);
    expect(instants).toHaveLength(6);
    for (const [index, inMs] of instants.entries()) {
      expect(inMs).toBeGreaterThan((index + 0.9) * MINUTE);
      expect(inMs).toBeLessThanOrEqual((index + 1) * MINUTE + 1000);
      // Whole seconds: they stand together in the queue where the limit is high.
      expect(inMs % 1000).toBe(0);
    }
  });

  test('are told from others by the domain, however it is written', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    await setLimit(db, 'xn--80a1acny.example', 1, 3600);
    const limits = makeLimits(db);
    await limits.refresh(new Date());
    const letters = ['почта.example', 'ПОЧТА.example', 'XN--80A1ACNY.Example'].flatMap((domain) =>
      lettersTo(domain, 1),
    );
    const { go, putOff } = await limits.split(letters);
    expect([go.length, putOff.length]).toEqual([1, 2]);
  });

  test('go freely once the limit is removed', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    await setLimit(db, 'slow.example', 1, 86_400);
    const limits = makeLimits(db);
    await limits.refresh(new Date());
    expect((await limits.split(lettersTo('slow.example', 5))).putOff).toHaveLength(4);
    await db.deleteFrom('domain_limits').execute();
    await limits.refresh(new Date());
    expect(await limits.split(lettersTo('slow.example', 5))).toMatchObject({ go: { length: 5 }, putOff: [] });
  });
});

test.each([
  ['a@Example.COM', 'example.com'],
  ['"a@b"@example.com', 'example.com'],
  ['a@почта.рф', 'xn--80a1acny.xn--p1ai'],
  ['a@a_b.example', 'a_b.example'],
])('the domain of %s is %s', (address, domain) => {
  expect(domainOf(address)).toBe(domain);
});

describe('a domain that asks for patience', () => {
  const read = async (db: Database) => (await readSlowings(db)).get('domain:example.com')?.lettersPerMinute;

  test('is slowed once in half a minute, however many letters are told so, in however many processes', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    const [one, other] = [makeLimits(db), makeLimits(db)];
    for (let n = 0; n < 64; n += 1) one.complain(`r${n}@example.com`);
    await eventually('it is stored', async () => (await read(db)) !== undefined);
    expect(await read(db)).toBe(60);
    await other.refresh(new Date());
    for (let n = 0; n < 64; n += 1) other.complain(`r${n}@Example.com`);
    // What the other process said comes before this in the same order of statements.
    other.complain('r1@other.example');
    await eventually('the other is heard', async () => (await readSlowings(db)).has('domain:other.example'));
    expect(await read(db)).toBe(60);
  });

  test('is slowed to the half when it complains again later', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    makeLimits(db).complain('r1@example.com');
    await eventually('it is stored', async () => (await read(db)) === 60);
    await sql`update slowings set since = since - interval '31 seconds'`.execute(db);
    const later = makeLimits(db);
    await later.refresh(new Date());
    later.complain('r1@example.com');
    await eventually('it is slowed further', async () => (await read(db)) !== 60);
    expect(await read(db)).toBe(30);
  });

  test('gets its next letters more slowly at once, and others get theirs', async () => {
    await using database = await createTestDatabase();
    const limits = makeLimits(database.db);
    expect((await limits.split(lettersTo('example.com', 10))).go).toHaveLength(10);
    limits.complain('r1@example.com');
    const { go, putOff } = await limits.split([...lettersTo('example.com', 10), ...lettersTo('other.example', 10)]);
    expect(domainsOf(go)).toEqual({ 'example.com': 1, 'other.example': 10 });
    expect(putOff).toHaveLength(9);
    await eventually('it is stored', async () => (await read(database.db)) === 60);
  });
});

/** Every second recipient is at slow.example. */
async function spread(db: Database): Promise<void> {
  await sql`update recipients set email = 'r' || id || '@slow.example' where id % 2 = 0`.execute(db);
}

test('a slow domain does not hold up the others, and nothing of it is tried before its turn', async () => {
  const prepare = async (db: Database) => {
    await spread(db);
    await setLimit(db, 'slow.example', 2, 3600);
  };
  await using sending = await openSending(400, { keepData: false }, { prepare });
  const { db, server } = sending;
  await sending.start();
  await eventually('all others have theirs', async () => (await sending.counters())?.accepted === 201);
  const isSlow = ({ to }: { to: string }) => to.endsWith('@slow.example');
  expect(server.accepted.filter(isSlow)).toHaveLength(1);
  expect(await sending.counters()).toMatchObject({ waiting: 199, attemptsDeferred: 0, inDoubt: 0 });
  await eventually('nothing is under way', async () => (await sql`select from leases`.execute(db)).rows.length === 0);
  const rows = await db.selectFrom('queue').select(['due_at as at', 'delivery_ids as ids']).orderBy('due_at').execute();
  expect(rows.flatMap(({ ids }) => ids)).toHaveLength(199);
  // Half an hour each, but for the rounding and the time between two leases; after twenty of them the instants begin anew.
  const instants = rows.map(({ at }) => at.getTime());
  expect(Math.min(...instants) - Date.now()).toBeGreaterThan(25 * MINUTE);
  expect(Math.max(...instants) - Date.now()).toBeLessThan(21 * 30 * MINUTE);
  const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? 0));
  expect(gaps.filter((gap) => gap > 25 * MINUTE).length).toBeGreaterThanOrEqual(19);
});

test('a domain that asks for patience in its replies is slowed by the worker', async () => {
  const faults = ({ stage, recipient }: { stage: string; recipient: string }) =>
    stage === 'rcpt' && recipient.endsWith('@slow.example') ? { reply: '451 4.7.28 too many from you' } : undefined;
  await using sending = await openSending(100, { faults }, { prepare: spread });
  await sending.start();
  await eventually('all others have theirs', async () => (await sending.counters())?.accepted === 50);
  const slowings = await eventually('it is slowed', async () => {
    const known = await readSlowings(sending.db);
    return known.size > 0 && known;
  });
  expect([...slowings].map(([key, { lettersPerMinute }]) => [key, lettersPerMinute])).toEqual([
    ['domain:slow.example', 60],
  ]);
  expect(await sending.counters()).toMatchObject({ rejected: 0, inDoubt: 0, waiting: 50 });
});
