import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import {
  claim,
  countStates,
  expectTrueBooks,
  found,
  makeDue,
  makeEntry,
  openMailing,
} from '../../test/support/ledger.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { startMailing } from '../mailings/start-mailing.js';
import { readCounters } from './delivery-store.js';
import { recordEntries } from './lease-store.js';
import {
  closeWaiting,
  finishMailing,
  freezeAudience,
  freezePart,
  listRunningMailings,
  QUEUE_ROW,
} from './ledger-store.js';

async function readQueue(db: Database): Promise<number[][]> {
  const rows = await db.selectFrom('queue').select('delivery_ids as ids').orderBy('id').execute();
  return rows.map(({ ids }) => ids);
}

/** A mailing that has started, and whose audience nobody has listed yet. */
async function openStarted(recipients: number) {
  const database = await createTestDatabase();
  const { db } = database;
  const ownerId = await addUser(db);
  const recipientIds = await addRecipients(db, ownerId, recipients);
  const mailingId = await addMailing(db, ownerId);
  await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
  const counters = async () => found((await readCounters(db, ownerId, [mailingId])).get(mailingId));
  return { db, ownerId, recipientIds, mailingId, counters, [Symbol.asyncDispose]: () => database.close() };
}

async function isFrozen(db: Database): Promise<boolean> {
  return (await sql`select from mailings where frozen_at is not null`.execute(db)).rows.length === 1;
}

describe('freezing', () => {
  test('makes one delivery for each recipient, and later edits of a recipient do not reach it', async () => {
    await using mailing = await openMailing(3);
    const { db, mailingId, recipientIds } = mailing;
    await db
      .updateTable('recipients')
      .set({ email: 'changed@example.com', name: 'Changed' })
      .where('id', '=', found(recipientIds[0]))
      .execute();
    await db.deleteFrom('recipients').where('id', '=', found(recipientIds[1])).execute();
    const rows = await db
      .selectFrom('deliveries')
      .select(['address', 'recipient_id'])
      .where('mailing_id', '=', mailingId)
      .orderBy('id')
      .execute();
    expect(rows).toEqual([
      { address: 'r1@example.com', recipient_id: recipientIds[0] },
      { address: 'r2@example.com', recipient_id: null },
      { address: 'r3@example.com', recipient_id: recipientIds[2] },
    ]);
    expect(await mailing.counters()).toMatchObject({ audience: 3, waiting: 3 });
  });

  test('happens once, however many workers try', async () => {
    await using starting = await openStarted(12_000);
    const { db, mailingId } = starting;
    const freeze = async () => {
      let part;
      do part = await freezePart(db, mailingId);
      while (part === 'listed' || (part === 'busy' && !(await isFrozen(db))));
      return part;
    };
    const ends = await Promise.all(Array.from({ length: 5 }, freeze));
    expect(ends.filter((part) => part === 'frozen')).toHaveLength(1);
    expect(await starting.counters()).toMatchObject({ audience: 12_000, waiting: 12_000 });
    await expectTrueBooks(db, mailingId);
    expect(await freezePart(db, mailingId)).toBe('busy');
  });

  test('of many recipients goes in parts: what is listed can leave, and the books balance in between', async () => {
    await using starting = await openStarted(5_001);
    const { db, mailingId, ownerId } = starting;
    expect(await freezePart(db, mailingId)).toBe('listed');
    expect(await starting.counters()).toMatchObject({ audience: 5_000, waiting: 5_000 });
    await expectTrueBooks(db, mailingId);
    const lease = await claim(db, mailingId);
    expect(lease.deliveries).toHaveLength(QUEUE_ROW);
    await sql`insert into recipients (owner_id, email, name) values (${ownerId}, 'late@example.com', 'Late')`.execute(
      db,
    );
    expect(await freezePart(db, mailingId)).toBe('frozen');
    // Who was added after the first part is left out.
    expect(await starting.counters()).toMatchObject({ audience: 5_001, waiting: 5_001 });
    await expectTrueBooks(db, mailingId);
  });

  test('does not end a mailing whose first part is settled before the rest is listed', async () => {
    await using starting = await openStarted(5_001);
    const { db, mailingId } = starting;
    await freezePart(db, mailingId);
    while (await closeWaiting(db, mailingId, 'expired'));
    expect(await starting.counters()).toMatchObject({ waiting: 0, expired: 5_000 });
    expect(await finishMailing(db, mailingId)).toBe(false);
    await freezeAudience(db, mailingId);
    await closeWaiting(db, mailingId, 'expired');
    expect(await finishMailing(db, mailingId)).toBe(true);
  });

  test('writes once to an address that has wandered to another recipient between two parts', async () => {
    await using starting = await openStarted(5_001);
    const { db, mailingId, recipientIds } = starting;
    await freezePart(db, mailingId);
    const [first, last] = [found(recipientIds[0]), found(recipientIds.at(-1))];
    await sql`update recipients set email = 'moved@example.com' where id = ${first}`.execute(db);
    await sql`update recipients set email = 'R1@example.com' where id = ${last}`.execute(db);
    expect(await freezePart(db, mailingId)).toBe('frozen');
    expect(await starting.counters()).toMatchObject({ audience: 5_000, waiting: 5_000 });
    await expectTrueBooks(db, mailingId);
  });

  test('reaches those that were chosen, and nobody else', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    const ownerId = await addUser(db);
    const ids = await addRecipients(db, ownerId, 4);
    const chosen = [found(ids[3]), found(ids[1])];
    const mailingId = await addMailing(db, ownerId, { chosen });
    await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
    await freezeAudience(db, mailingId);
    const rows = await db.selectFrom('deliveries').select('address').orderBy('id').execute();
    expect(rows.map(({ address }) => address)).toEqual(['r2@example.com', 'r4@example.com']);
    await expectTrueBooks(db, mailingId);
  });

  test('puts every delivery into one row of the queue, in their order, as many to a row as one lease takes', async () => {
    await using mailing = await openMailing(2 * QUEUE_ROW + 1);
    const queue = await readQueue(mailing.db);
    expect(queue.map(({ length }) => length)).toEqual([QUEUE_ROW, QUEUE_ROW, 1]);
    const rows = await mailing.db.selectFrom('deliveries').select('id').orderBy('id').execute();
    expect(queue.flat()).toEqual(rows.map(({ id }) => id));
  });
});

describe('freezing while recipients are deleted', () => {
  test('leaves those out that were deleted meanwhile, at the first try', async () => {
    await using database = await createTestDatabase();
    const { db } = database;
    const ownerId = await addUser(db);
    const [, second] = await addRecipients(db, ownerId, 3);
    const mailingId = await addMailing(db, ownerId);
    await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
    const deleting = await db.startTransaction().execute();
    await deleting.deleteFrom('recipients').where('id', '=', found(second)).execute();
    const freezing = freezePart(db, mailingId);
    await eventually('the freeze waits for the deletion', async () => {
      const { rows } =
        await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          db,
        );
      return rows.length === 1;
    });
    await deleting.commit().execute();
    expect(await freezing).toBe('frozen');
    const rows = await db.selectFrom('deliveries').select('address').orderBy('id').execute();
    expect(rows.map(({ address }) => address)).toEqual(['r1@example.com', 'r3@example.com']);
    expect((await readCounters(db, ownerId, [mailingId])).get(mailingId)).toMatchObject({ audience: 2, waiting: 2 });
    await expectTrueBooks(db, mailingId);
  });
});

describe('what a worker sees of running mailings', () => {
  const look = async (db: Database) => found((await listRunningMailings(db))[0]);

  test('is whether something is due, and when all is settled', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    expect(await look(db)).toMatchObject({ isDue: true, isSettled: false, maySend: true, closing: null, limit: null });
    const lease = await claim(db, mailingId);
    expect(await look(db)).toMatchObject({ isDue: false, isSettled: false });
    const [first, second] = lease.deliveries.map(({ id }) => id);
    const putOff = { ...makeEntry(found(second), 'waiting'), retryInMs: 60_000 };
    await recordEntries(db, lease.id, [makeEntry(found(first), 'accepted'), putOff], true);
    expect(await look(db)).toMatchObject({ isDue: false, isSettled: false });
    await makeDue(db);
    expect(await look(db)).toMatchObject({ isDue: true, isSettled: false });
    await closeWaiting(db, mailingId, 'cancelled');
    expect(await look(db)).toMatchObject({ isDue: false, isSettled: true });
  });

  test('has the limit of each', async () => {
    await using mailing = await openMailing(1);
    await sql`update mailings set letters_limit = 5, limit_seconds = 60`.execute(mailing.db);
    expect((await look(mailing.db)).limit).toEqual({ letters: 5, seconds: 60 });
  });
});

describe('ending', () => {
  test('is refused while anything waits or is being sent', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    expect(await finishMailing(db, mailingId)).toBe(false);
    const lease = await claim(db, mailingId);
    expect(await finishMailing(db, mailingId)).toBe(false);
    const [first, second] = lease.deliveries.map(({ id }) => makeEntry(id, 'rejected'));
    await recordEntries(db, lease.id, [found(first)], false);
    expect(await finishMailing(db, mailingId)).toBe(false);
    await recordEntries(db, lease.id, [found(second)], true);
    expect(await finishMailing(db, mailingId)).toBe(true);
    expect(await finishMailing(db, mailingId)).toBe(false);
  });

  test('turns what waits into expired or cancelled, and leaves what is being sent', async () => {
    await using mailing = await openMailing(6);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId, 2);
    await closeWaiting(db, mailingId, 'expired');
    expect(await countStates(db, mailingId)).toEqual({ expired: 4, waiting: 2 });
    expect(await mailing.counters()).toMatchObject({ expired: 4, waiting: 2 });
    await expectTrueBooks(db, mailingId);
    await recordEntries(
      db,
      lease.id,
      lease.deliveries.map(({ id }) => makeEntry(id, 'accepted')),
      true,
    );
    expect(await mailing.counters()).toMatchObject({ expired: 4, accepted: 2, waiting: 0 });
  });

  test('closes also what was put off for later, and what came back from a lease', async () => {
    await using mailing = await openMailing(3);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const entries = lease.deliveries.map(({ id }) => ({ ...makeEntry(id, 'waiting'), retryInMs: 3_600_000 }));
    await recordEntries(db, lease.id, entries, true);
    expect(await closeWaiting(db, mailingId, 'cancelled')).toBe(false);
    expect(await mailing.counters()).toMatchObject({ cancelled: 3, waiting: 0 });
    await expectTrueBooks(db, mailingId);
  });

  test('takes a great number in several steps, and each is told of', async () => {
    await using mailing = await openMailing(12_000);
    const { db, mailingId } = mailing;
    expect(await closeWaiting(db, mailingId, 'expired')).toBe(true);
    const { expired, waiting } = await mailing.counters();
    expect(expired).toBeGreaterThan(5_000);
    expect(waiting).toBeGreaterThan(0);
    await expectTrueBooks(db, mailingId);
    expect(await closeWaiting(db, mailingId, 'expired')).toBe(false);
    expect(await mailing.counters()).toMatchObject({ expired: 12_000, waiting: 0 });
    await expectTrueBooks(db, mailingId);
  });
});

test('a mailing that is removed takes its place in the queue, its leases and its marks along', async () => {
  await using mailing = await openMailing(100);
  const { db, mailingId } = mailing;
  const lease = await claim(db, mailingId, 10);
  await recordEntries(db, lease.id, [makeEntry(found(lease.deliveries[0]).id, 'rejected')], false);
  await db.deleteFrom('mailings').where('id', '=', mailingId).execute();
  for (const table of ['queue', 'leases', 'deliveries', 'attempts', 'delivery_marks'] as const)
    expect(await db.selectFrom(table).selectAll().execute()).toEqual([]);
});
