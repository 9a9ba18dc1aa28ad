import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addFrozenMailing, claim, expectTrueBooks, makeEntry, openMailing } from '../../test/support/ledger.js';
import { changeRetention, readRetention } from '../accounts/installation-store.js';
import type { Database } from '../lib/database.js';
import { addMonth, firstKept, listMissingMonths } from './attempt-months-store.js';
import { listDeliveries, readHalt } from './delivery-store.js';
import { keepAttempts } from './keep-attempts.js';
import { recordEntries } from './lease-store.js';
import { recountMailing } from './recount-store.js';

async function listPartitions(db: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'attempts'::regclass order by 1`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}

async function countIn(db: Database, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(db);
  return rows[0]?.count ?? 0;
}

/** One letter of the mailing is accepted at this time. */
async function sendAt(db: Database, mailingId: number, startedAt: Date): Promise<void> {
  const lease = await claim(db, mailingId, 1);
  const entries = lease.deliveries.map(({ id }) => {
    const entry = makeEntry(id, 'accepted');
    return { ...entry, attempt: entry.attempt && { ...entry.attempt, startedAt } };
  });
  await recordEntries(db, lease.id, entries, true);
}

const keepMonths = (db: Database, months: number | null) =>
  db.transaction().execute((trx) => changeRetention(trx, months));

/** The first day of the month of the database's clock, some months later. */
function monthFrom(months: number): Date {
  return firstKept(new Date(), -months);
}

const nameOf = (month: Date) => `attempts_${month.toISOString().slice(0, 7).replace('-', '_')}`;

test('a month has its place three months ahead, and what had none is moved into it', async () => {
  await using mailing = await openMailing(3);
  const { db, mailingId } = mailing;
  const later = new Date(monthFrom(4).getTime() + 86_400_000);
  await sendAt(db, mailingId, later);
  expect(await countIn(db, 'attempts_default')).toBe(1);
  const now = monthFrom(1);
  expect(await listMissingMonths(db, now)).toEqual([monthFrom(4)]);
  await keepAttempts({ db, now });
  expect(await listMissingMonths(db, now)).toEqual([]);
  expect(await countIn(db, 'attempts_default')).toBe(0);
  expect(await countIn(db, nameOf(later))).toBe(1);
  await keepAttempts({ db, now });
  await expectTrueBooks(db, mailingId);
});

test('the first instant that is kept is the beginning of a month in UTC', () => {
  expect(firstKept(new Date('2026-03-31T23:59:59Z'), 1)).toEqual(new Date('2026-02-01T00:00:00Z'));
  expect(firstKept(new Date('2026-03-01T00:00:00Z'), 14)).toEqual(new Date('2025-01-01T00:00:00Z'));
});

test('for ever means for ever', async () => {
  await using mailing = await openMailing(1);
  const { db, mailingId } = mailing;
  await sendAt(db, mailingId, new Date('2019-05-05'));
  await keepAttempts({ db, now: monthFrom(500) });
  expect(await countIn(db, 'attempts')).toBe(1);
  expect(await readRetention(db)).toEqual({ months: null, keptFrom: null });
});

test('whole months go, with what no month was made for; totals, deliveries and books stay, and are true', async () => {
  await using mailing = await openMailing(4);
  const { db, ownerId, mailingId } = mailing;
  for (const at of [new Date('2019-05-05'), monthFrom(0), new Date(monthFrom(1).getTime() - 1), monthFrom(1)])
    await sendAt(db, mailingId, at);
  await sql`update mailings set started_at = '2019-05-01' where id = ${mailingId}`.execute(db);
  await keepMonths(db, 2);
  await keepAttempts({ db, now: monthFrom(2) });
  expect([await countIn(db, 'attempts'), await countIn(db, 'attempts_default')]).toEqual([3, 0]);
  expect((await readRetention(db)).keptFrom).toEqual(monthFrom(0));
  await keepAttempts({ db, now: monthFrom(3) });
  expect(await listPartitions(db)).not.toContain(nameOf(monthFrom(0)));
  expect(await listPartitions(db)).toContain(nameOf(monthFrom(1)));
  expect(await countIn(db, 'attempts')).toBe(1);
  expect((await readRetention(db)).keptFrom).toEqual(monthFrom(1));
  expect(await recountMailing(db, mailingId)).toMatchObject({
    hasAllAttempts: false,
    totals: { accepted: 4 },
    counted: { attempts: { accepted: 1 } },
  });
  await expectTrueBooks(db, mailingId);
  const list = { search: '', sort: 'address', descending: false, cursor: null } as const;
  expect((await listDeliveries(db, ownerId, mailingId, list, 'accepted')).rows).toHaveLength(4);
});

test('an accepted letter is found among many though its attempt is gone', async () => {
  await using mailing = await openMailing(300);
  const { db, ownerId, mailingId } = mailing;
  await sendAt(db, mailingId, new Date('2019-05-05'));
  await sql`update mailings set started_at = '2019-05-01' where id = ${mailingId}`.execute(db);
  await keepMonths(db, 1);
  await keepAttempts({ db, now: new Date() });
  expect(await countIn(db, 'attempts')).toBe(0);
  const list = { search: '', sort: 'address', descending: false, cursor: null } as const;
  expect((await listDeliveries(db, ownerId, mailingId, list, 'accepted')).rows).toHaveLength(1);
});

test('what a wrong clock wrote at a mailing that started later stays, as its books count it', async () => {
  await using mailing = await openMailing(2);
  const { db, mailingId } = mailing;
  await sendAt(db, mailingId, new Date('2019-05-05'));
  await keepMonths(db, 1);
  await keepAttempts({ db, now: new Date() });
  expect(await countIn(db, 'attempts_default')).toBe(1);
  expect((await readRetention(db)).keptFrom).toBeNull();
  await expectTrueBooks(db, mailingId);
});

test('what a clock that was a little behind wrote into the month before its mailing started is not missed', async () => {
  await using mailing = await openMailing(2);
  const { db, mailingId } = mailing;
  await sql`update mailings set started_at = ${monthFrom(0)} where id = ${mailingId}`.execute(db);
  for (const ms of [-400, 400]) await sendAt(db, mailingId, new Date(monthFrom(0).getTime() + ms));
  // The month before, as a running installation has it.
  await addMonth(db, monthFrom(-1));
  await keepMonths(db, 1);
  await keepAttempts({ db, now: monthFrom(1) });
  expect(await countIn(db, 'attempts')).toBe(1);
  await expectTrueBooks(db, mailingId);
});

test('of a halt whose attempts are gone nobody knows how long it took', async () => {
  await using mailing = await openMailing(1);
  const { db, mailingId } = mailing;
  const pressedAt = new Date('2019-05-05T12:00:00Z');
  await sendAt(db, mailingId, new Date(pressedAt.getTime() + 700));
  await sql`update mailings set started_at = '2019-05-01' where id = ${mailingId}`.execute(db);
  const { seconds } = await readHalt(db, mailingId, pressedAt);
  expect(seconds).toBeCloseTo(0.703);
  await keepMonths(db, 1);
  await keepAttempts({ db, now: new Date() });
  expect(await readHalt(db, mailingId, pressedAt)).toEqual({ done: true, seconds: null, left: 1 });
});

test('who reads long does not make sending wait: the lock is given up, and comes with a later try', async () => {
  await using mailing = await openMailing(2);
  const { db, ownerId } = mailing;
  const month = monthFrom(4);
  const reader = db.transaction().execute(async (trx) => {
    await sql`select count(*) from attempts`.execute(trx);
    const begunAt = performance.now();
    expect(await addMonth(db, month)).toBe(false);
    expect(performance.now() - begunAt).toBeLessThan(2000);
    const mailingId = await addFrozenMailing(db, ownerId);
    await sendAt(db, mailingId, new Date());
    await expectTrueBooks(db, mailingId);
  });
  await reader;
  expect(await addMonth(db, month)).toBe(true);
  expect(await listPartitions(db)).toContain(nameOf(month));
});

test('many processes at the same time make each month once', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const now = monthFrom(6);
  await Promise.all(Array.from({ length: 4 }, () => keepAttempts({ db, now })));
  expect(await listMissingMonths(db, now)).toEqual([]);
});
