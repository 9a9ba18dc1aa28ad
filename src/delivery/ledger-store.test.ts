import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import type { DeliveryState } from '../lib/schema.js';
import { startMailing } from '../mailings/start-mailing.js';
import { readCounters } from './delivery-store.js';
import { isBalanced, type Counters } from './delivery.js';
import { findNewestAttempt, leaveDoubts, sendDoubtsAgain } from './doubt-store.js';
import {
  beginWindow,
  claimBatch,
  closeWaiting,
  endLease,
  finishMailing,
  freezeAudience,
  reapLeases,
  recordEntries,
  renewLeases,
  type Entry,
  type Lease,
} from './ledger-store.js';
import { recountMailing } from './recount-store.js';
import { findImbalances } from './recount.js';

async function openMailing(recipients: number) {
  const database = await createTestDatabase();
  const { db } = database;
  const ownerId = await addUser(db);
  const recipientIds = await addRecipients(db, ownerId, recipients);
  const mailingId = await addMailing(db, ownerId);
  expect(await startMailing(db, TERMINAL, ownerId, mailingId, new Date())).toEqual({ ok: true });
  expect(await freezeAudience(db, mailingId)).toBe(true);
  const counters = async () => found((await readCounters(db, ownerId, [mailingId])).get(mailingId));
  return { db, ownerId, recipientIds, mailingId, counters, [Symbol.asyncDispose]: () => database.close() };
}

function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('expected a thing');
  return thing;
}

function entry(deliveryId: number, state: Entry['state']): Entry {
  const outcome = state === 'waiting' ? 'deferred' : state;
  const attempt = {
    outcome,
    startedAt: new Date(),
    durationMs: 3,
    relay: 'relay:25',
    stage: 'dot',
    replyCode: 250,
    enhancedCode: '2.0.0',
    reply: 'ok',
  } as const;
  return { deliveryId, state, retryInMs: 0, isDeferral: false, attempt };
}

async function recount(db: Database, mailingId: number): Promise<Partial<Record<DeliveryState, number>>> {
  const rows = await db
    .selectFrom('deliveries')
    .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
    .where('mailing_id', '=', mailingId)
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

async function expireLeases(db: Database): Promise<void> {
  await sql`update leases set expires_at = now() - interval '1 second'`.execute(db);
}

const claim = (db: Database, mailingId: number, size = 100) => claimBatch(db, mailingId, 'node', size);

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
    await using mailing = await openMailing(5);
    const again = await Promise.all(Array.from({ length: 5 }, () => freezeAudience(mailing.db, mailing.mailingId)));
    expect(again).toEqual(Array(5).fill(false));
    expect(await mailing.counters()).toMatchObject({ audience: 5 });
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
    const freezing = freezeAudience(db, mailingId);
    await eventually('the freeze waits for the deletion', async () => {
      const { rows } =
        await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          db,
        );
      return rows.length === 1;
    });
    await deleting.commit().execute();
    expect(await freezing).toBe(true);
    const rows = await db.selectFrom('deliveries').select('address').orderBy('id').execute();
    expect(rows.map(({ address }) => address)).toEqual(['r1@example.com', 'r3@example.com']);
    expect((await readCounters(db, ownerId, [mailingId])).get(mailingId)).toMatchObject({ audience: 2, waiting: 2 });
  });
});

describe('recording', () => {
  test('counts the time to the next try from the clock of the database', async () => {
    await using mailing = await openMailing(1);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId));
    const [delivery] = lease.deliveries;
    await recordEntries(db, lease.id, [{ ...entry(found(delivery).id, 'waiting'), retryInMs: 90_500 }]);
    const { rows } = await sql<{
      seconds: number;
    }>`select extract(epoch from next_try_at - now())::float8 as seconds from deliveries`.execute(db);
    expect(found(rows[0]).seconds).toBeGreaterThan(80);
    expect(found(rows[0]).seconds).toBeLessThanOrEqual(90.5);
  });

  test('takes a reply with what PostgreSQL cannot store, and the outcomes beside it', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId));
    const [first, second] = lease.deliveries.map(({ id }) => entry(id, 'accepted'));
    await recordEntries(db, lease.id, [
      { ...found(first), attempt: { ...found(found(first).attempt ?? undefined), reply: 'o\0k \uD800' } },
      found(second),
    ]);
    expect(await mailing.counters()).toMatchObject({ accepted: 2 });
    const replies = await db.selectFrom('attempts').select('reply').orderBy('id').execute();
    expect(replies.map(({ reply }) => reply).toSorted()).toEqual(['ok', 'o\uFFFDk \uFFFD']);
  });
});

describe('claiming', () => {
  test('gives a delivery to one worker only', async () => {
    await using mailing = await openMailing(100);
    const leases = await Promise.all(Array.from({ length: 8 }, () => claim(mailing.db, mailing.mailingId, 20)));
    const ids = leases.flatMap((lease) => lease?.deliveries.map(({ id }) => id) ?? []);
    expect(ids.length).toBeGreaterThanOrEqual(80);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each([
    ['paused', sql`update mailings set paused_at = now()`],
    ['stopped', sql`update mailings set stopped_at = now()`],
    ['disabled', sql`update mailings set disabled_at = now(), disabled_reason = 'spam'`],
    ['past its end', sql`update mailings set first_sending_at = now() - interval '2 days', ends_at = now()`],
    ['of a blocked user', sql`update users set blocked = true, blocked_at = now(), blocked_reason = 'spam'`],
  ])('gives nothing of a mailing that is %s, and its gate is closed', async (_what, statement) => {
    await using mailing = await openMailing(10);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId, 5));
    expect(await beginWindow(db, lease.id, 2)).toBe(true);
    await statement.execute(db);
    expect(await beginWindow(db, lease.id, 4)).toBe(false);
    expect(await claim(db, mailingId)).toBeUndefined();
  });
});

describe('a worker that dies', () => {
  test('after the claim: what was not begun waits again, without an attempt', async () => {
    await using mailing = await openMailing(4);
    const { db, mailingId } = mailing;
    await claim(db, mailingId);
    await expireLeases(db);
    expect(await reapLeases(db)).toEqual({ inDoubt: 0, givenBack: 4 });
    expect(await recount(db, mailingId)).toEqual({ waiting: 4 });
    expect(await mailing.counters()).toMatchObject({ waiting: 4, attemptsInDoubt: 0 });
  });

  test('in the middle of a window: what was begun is in doubt, with an attempt that says so, and never claimed again', async () => {
    await using mailing = await openMailing(5);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId));
    await beginWindow(db, lease.id, 3);
    await recordEntries(db, lease.id, [entry(found(lease.deliveries[0]).id, 'accepted')]);
    await expireLeases(db);
    expect(await reapLeases(db)).toEqual({ inDoubt: 2, givenBack: 2 });
    expect(await mailing.counters()).toMatchObject({ accepted: 1, inDoubt: 2, waiting: 2, attemptsInDoubt: 2 });
    const again = found(await claim(db, mailingId));
    expect(again.deliveries.map(({ id }) => id)).toEqual(lease.deliveries.slice(3).map(({ id }) => id));
  });

  test('is not the one that asks: its own leases it renews, though they have expired', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId));
    await beginWindow(db, lease.id, 1);
    await expireLeases(db);
    expect(await reapLeases(db, [lease.id])).toEqual({ inDoubt: 0, givenBack: 0 });
    await renewLeases(db, [lease.id]);
    expect(await reapLeases(db)).toEqual({ inDoubt: 0, givenBack: 0 });
  });

  test('and wakes up past its lease changes nothing that was recorded meanwhile', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = found(await claim(db, mailingId));
    await beginWindow(db, lease.id, 1);
    await expireLeases(db);
    expect(await beginWindow(db, lease.id, 2)).toBe(false);
    await reapLeases(db);
    await recordEntries(
      db,
      lease.id,
      lease.deliveries.map(({ id }) => entry(id, 'accepted')),
    );
    expect(await recount(db, mailingId)).toEqual({ in_doubt: 1, waiting: 1 });
    expect(await mailing.counters()).toMatchObject({ accepted: 0, inDoubt: 1, waiting: 1 });
  });
});

describe('ending', () => {
  test('is refused while anything waits or is being sent', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    expect(await finishMailing(db, mailingId)).toBe(false);
    const lease = found(await claim(db, mailingId));
    expect(await finishMailing(db, mailingId)).toBe(false);
    await beginWindow(db, lease.id, 2);
    await recordEntries(
      db,
      lease.id,
      lease.deliveries.map(({ id }) => entry(id, 'rejected')),
    );
    await endLease(db, lease.id);
    expect(await finishMailing(db, mailingId)).toBe(true);
    expect(await finishMailing(db, mailingId)).toBe(false);
  });

  test('turns what waits into expired or cancelled, and leaves what is being sent', async () => {
    await using mailing = await openMailing(6);
    const { db, mailingId } = mailing;
    await claim(db, mailingId, 2);
    await closeWaiting(db, mailingId, 'expired');
    expect(await recount(db, mailingId)).toEqual({ expired: 4, sending: 2 });
    expect(await mailing.counters()).toMatchObject({ expired: 4, waiting: 2 });
  });
});

test('the books balance and equal a recount after any order of claims, beginnings, outcomes, deaths, endings and decisions', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('claim' as const), size: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant('begin' as const), lease: fc.nat(4), count: fc.integer({ min: 1, max: 9 }) }),
    fc.record({
      do: fc.constant('record' as const),
      lease: fc.nat(4),
      states: fc.array(fc.constantFrom('accepted', 'rejected', 'in_doubt', 'waiting'), { maxLength: 6 }),
    }),
    fc.record({ do: fc.constant('end' as const), lease: fc.nat(4) }),
    fc.record({ do: fc.constant('reap' as const) }),
    fc.record({ do: fc.constant('close' as const) }),
    fc.record({ do: fc.constantFrom('resend' as const, 'leave' as const), only: fc.option(fc.nat(4)) }),
  );
  await using mailing = await openMailing(40);
  const { db, ownerId } = mailing;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const mailingId = await addMailing(db, ownerId);
      await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
      await freezeAudience(db, mailingId);
      const leases: Lease[] = [];
      for (const action of steps) {
        const lease = 'lease' in action ? leases[action.lease] : undefined;
        if (action.do === 'claim')
          leases.push(...[await claim(db, mailingId, action.size)].filter((made) => made !== undefined));
        if (action.do === 'begin' && lease)
          await beginWindow(db, lease.id, Math.min(action.count, lease.deliveries.length));
        if (action.do === 'end' && lease) await endLease(db, lease.id);
        if (action.do === 'resend' || action.do === 'leave') {
          const decide = action.do === 'resend' ? sendDoubtsAgain : leaveDoubts;
          const deliveryId = action.only === null ? null : (leases[0]?.deliveries[action.only]?.id ?? 0);
          const doubts = { mailingId, deliveryId, seenAttemptId: await findNewestAttempt(db, mailingId) };
          await db.transaction().execute((trx) => decide(trx, doubts));
        }
        if (action.do === 'close') await closeWaiting(db, mailingId, 'cancelled');
        if (action.do === 'record' && lease) {
          const entries = action.states.flatMap((state, index) =>
            lease.deliveries[index] ? [entry(lease.deliveries[index].id, state)] : [],
          );
          await recordEntries(db, lease.id, entries);
        }
        if (action.do === 'reap') {
          await expireLeases(db);
          await reapLeases(db);
        }
        await expectTrueBooks(db, ownerId, mailingId);
      }
    }),
    { numRuns: 30 },
  );
});

async function expectTrueBooks(db: Database, ownerId: number, mailingId: number): Promise<void> {
  const counters: Counters = found((await readCounters(db, ownerId, [mailingId])).get(mailingId));
  const states = await recount(db, mailingId);
  expect(isBalanced(counters)).toBe(true);
  expect({
    waiting: (states.waiting ?? 0) + (states.sending ?? 0),
    accepted: states.accepted ?? 0,
    rejected: states.rejected ?? 0,
    inDoubt: states.in_doubt ?? 0,
    cancelled: states.cancelled ?? 0,
  }).toEqual({
    waiting: counters.waiting,
    accepted: counters.accepted,
    rejected: counters.rejected,
    inDoubt: counters.inDoubt,
    cancelled: counters.cancelled,
  });
  expect(findImbalances(found(await recountMailing(db, mailingId)))).toEqual([]);
  const { rows } = await sql<{
    tries: number;
  }>`select count(*)::int as tries from attempts where mailing_id = ${mailingId}`.execute(db);
  expect(rows[0]?.tries).toBe(
    counters.attemptsAccepted + counters.attemptsDeferred + counters.attemptsRejected + counters.attemptsInDoubt,
  );
}
