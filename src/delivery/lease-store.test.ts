import { randomUUID } from 'node:crypto';

import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import {
  addFrozenMailing,
  claim,
  countLeases,
  countStates,
  expectTrueBooks,
  expireLeases,
  found,
  makeDue,
  makeEntry,
  openMailing,
  type TestLease,
} from '../../test/support/ledger.js';
import type { Database } from '../lib/database.js';
import { readCounters } from './delivery-store.js';
import { isBalanced, type Counters } from './delivery.js';
import { findNewestAttempt, leaveDoubts, sendDoubtsAgain } from './doubt-store.js';
import { claimLease, reapLeases, recordEntries, releaseLease, renewLeases, type Entry } from './lease-store.js';
import { closeWaiting, finishMailing } from './ledger-store.js';

const release = (db: Database, mailingId: number, id: string = randomUUID()) =>
  releaseLease(db, { id, mailingId, node: 'node' });
const idsOf = ({ deliveries }: TestLease) => deliveries.map(({ id }) => id);

/** Everything that a record writes. */
async function readAll(db: Database) {
  return {
    deliveries: await db.selectFrom('deliveries').selectAll().orderBy('id').execute(),
    attempts: await db.selectFrom('attempts').selectAll().orderBy('id').execute(),
    queue: await db.selectFrom('queue').selectAll().orderBy('id').execute(),
    leases: await db.selectFrom('leases').selectAll().orderBy('id').execute(),
    books: await db.selectFrom('mailing_counters').selectAll().execute(),
    marks: await db.selectFrom('delivery_marks').selectAll().orderBy('delivery_id').execute(),
  };
}

describe('claiming', () => {
  test('gives a delivery to one worker only', async () => {
    await using mailing = await openMailing(500);
    const { db, mailingId } = mailing;
    const leases: TestLease[] = [];
    const work = async () => {
      for (;;) {
        const lease = await claim(db, mailingId, 20);
        if (lease.deliveries.length === 0) break;
        leases.push(lease);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    // Who came while the others held all rows went away with nothing; what they left is still there.
    await work();
    const ids = leases.flatMap(idsOf);
    expect(ids).toHaveLength(500);
    expect(new Set(ids).size).toBe(500);
    await expectTrueBooks(db, mailingId);
  });

  test.each([
    ['paused', sql`update mailings set paused_at = now()`],
    ['stopped', sql`update mailings set stopped_at = now()`],
    ['disabled', sql`update mailings set disabled_at = now(), disabled_reason = 'spam'`],
    ['past its end', sql`update mailings set first_sending_at = now() - interval '2 days', ends_at = now()`],
    ['of a blocked user', sql`update users set blocked = true, blocked_at = now(), blocked_reason = 'spam'`],
  ])('gives nothing of a mailing that is %s', async (_what, statement) => {
    await using mailing = await openMailing(10);
    const { db, mailingId } = mailing;
    expect((await claim(db, mailingId, 5)).deliveries).toHaveLength(5);
    await statement.execute(db);
    expect((await claim(db, mailingId)).deliveries).toEqual([]);
    expect(await countLeases(db)).toBe(1);
    await expectTrueBooks(db, mailingId);
  });

  test('splits a row of the queue that is longer than wanted, and loses nobody', async () => {
    await using mailing = await openMailing(64);
    const { db, mailingId } = mailing;
    const sizes = [1, 20, 42, 5, 5];
    const leases: TestLease[] = [];
    for (const size of sizes) leases.push(await claim(db, mailingId, size));
    expect(leases.map(({ deliveries }) => deliveries.length)).toEqual([1, 20, 42, 1, 0]);
    const { rows } = await sql<{ id: number }>`select id from deliveries order by id`.execute(db);
    expect(leases.flatMap(idsOf)).toEqual(rows.map(({ id }) => id));
    expect(await db.selectFrom('queue').selectAll().execute()).toEqual([]);
    await expectTrueBooks(db, mailingId);
  });

  test('takes what is due first, and nothing before its time', async () => {
    await using mailing = await openMailing(3);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const [first, second, third] = lease.deliveries.map(({ id }) => makeEntry(id, 'waiting'));
    const entries = [{ ...found(first), retryInMs: 60_000 }, { ...found(second), retryInMs: 30_000 }, found(third)];
    await recordEntries(db, lease.id, entries, true);
    expect(idsOf(await claim(db, mailingId))).toEqual([found(third).deliveryId]);
    expect((await claim(db, mailingId)).deliveries).toEqual([]);
    await sql`update queue set due_at = due_at - interval '1 minute'`.execute(db);
    expect(idsOf(await claim(db, mailingId))).toEqual([found(second).deliveryId]);
    expect(idsOf(await claim(db, mailingId))).toEqual([found(first).deliveryId]);
    await expectTrueBooks(db, mailingId);
  });

  test('tells how often the recipient’s side has put a delivery off', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const [first, second] = lease.deliveries.map(({ id }) => makeEntry(id, 'waiting'));
    await recordEntries(db, lease.id, [{ ...found(first), isDeferral: true }, found(second)], true);
    const again = await claim(db, mailingId);
    expect(again.deliveries.map(({ deferralCount }) => deferralCount)).toEqual([1, 0]);
  });
});

describe('a claim whose answer was lost', () => {
  test('is released: everybody waits again, nobody is in doubt, and no attempt was made', async () => {
    await using mailing = await openMailing(70);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId, 40);
    await release(db, mailingId, lease.id);
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(0);
    expect(await mailing.counters()).toMatchObject({ waiting: 70, inDoubt: 0, attemptsInDoubt: 0 });
    await expectTrueBooks(db, mailingId);
    const again = [await claim(db, mailingId), await claim(db, mailingId), await claim(db, mailingId)];
    expect(new Set(again.flatMap(idsOf)).size).toBe(70);
  });

  test('and that was never committed is released without anything', async () => {
    await using mailing = await openMailing(5);
    const { db, mailingId } = mailing;
    await release(db, mailingId);
    await expectTrueBooks(db, mailingId);
    expect((await claim(db, mailingId)).deliveries).toHaveLength(5);
  });

  test('is released once, however often that is tried', async () => {
    await using mailing = await openMailing(5);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    await Promise.all([1, 2, 3].map(() => release(db, mailingId, lease.id)));
    await release(db, mailingId, lease.id);
    await expectTrueBooks(db, mailingId);
  });

  test('and that PostgreSQL is still about to commit is waited for', async () => {
    await using mailing = await openMailing(5);
    const { db, mailingId } = mailing;
    const id = randomUUID();
    const claiming = await db.startTransaction().execute();
    expect(await claimLease(claiming, { id, mailingId, node: 'node', size: 5 })).toHaveLength(5);
    const releasing = release(db, mailingId, id);
    await eventually('the release waits for the claim', async () => {
      const { rows } =
        await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          db,
        );
      return rows.length === 1;
    });
    await claiming.commit().execute();
    await releasing;
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(0);
    expect(await mailing.counters()).toMatchObject({ waiting: 5, inDoubt: 0 });
    await expectTrueBooks(db, mailingId);
  });

  test('and that comes after its release takes nothing', async () => {
    await using mailing = await openMailing(5);
    const { db, mailingId } = mailing;
    const id = randomUUID();
    await release(db, mailingId, id);
    await expect(claimLease(db, { id, mailingId, node: 'node', size: 5 })).rejects.toThrow('duplicate key');
    await expectTrueBooks(db, mailingId);
    expect((await claim(db, mailingId)).deliveries).toHaveLength(5);
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(5);
    expect(await countLeases(db)).toBe(0);
  });
});

describe('recording', () => {
  test('counts the time to the next try from the clock of the database', async () => {
    await using mailing = await openMailing(1);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    await recordEntries(db, lease.id, [{ ...makeEntry(found(idsOf(lease)[0]), 'waiting'), retryInMs: 90_500 }], true);
    const { rows } = await sql<{ next: number; due: number }>`
      select extract(epoch from d.next_try_at - now())::float8 as next, extract(epoch from q.due_at - now())::float8 as due
      from deliveries d, queue q`.execute(db);
    const { next, due } = found(rows[0]);
    expect(next).toBe(due);
    expect(next).toBeGreaterThan(80);
    expect(next).toBeLessThanOrEqual(90.5);
  });

  test('takes a reply with what PostgreSQL cannot store, and the outcomes beside it', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const [first, second] = idsOf(lease).map((id) => makeEntry(id, 'accepted'));
    const attempt = { ...found(found(first).attempt ?? undefined), reply: 'o\0k \uD800' };
    await recordEntries(db, lease.id, [{ ...found(first), attempt }, found(second)], true);
    expect(await mailing.counters()).toMatchObject({ accepted: 2 });
    const replies = await db.selectFrom('attempts').select('reply').orderBy('id').execute();
    expect(replies.map(({ reply }) => reply).toSorted()).toEqual(['ok', 'o\uFFFDk \uFFFD']);
  });

  test('keeps what was said, by which server and under which encryption', async () => {
    await using mailing = await openMailing(1);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    await recordEntries(db, lease.id, [makeEntry(found(idsOf(lease)[0]), 'accepted')], true);
    const columns = ['outcome', 'relay', 'tls', 'stage', 'reply_code', 'enhanced_code', 'reply', 'address'] as const;
    expect(await db.selectFrom('attempts').select(columns).execute()).toEqual([
      {
        outcome: 'accepted',
        relay: 'relay:25',
        tls: 'TLSv1.3',
        stage: 'dot',
        reply_code: 250,
        enhanced_code: '2.0.0',
        reply: 'ok',
        address: 'r1@example.com',
      },
    ]);
  });

  test('of what was not tried leaves no attempt, and the delivery waits as before', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const entries = idsOf(lease).map((id) => toEntry(id, 'untried', 0));
    await recordEntries(db, lease.id, entries, true);
    expect(await db.selectFrom('attempts').selectAll().execute()).toEqual([]);
    const rows = await db.selectFrom('deliveries').select(['state', 'attempt_count as tries']).execute();
    expect(rows).toEqual([1, 2].map(() => ({ state: 'waiting', tries: 0 })));
    expect(idsOf(await claim(db, mailingId))).toEqual(idsOf(lease));
  });

  const STATES = ['accepted', 'rejected', 'in_doubt', 'waiting'] as const;

  test.each([
    ['the lease goes on', 8, false],
    ['the lease ends', 4, true],
  ])('a second time changes nothing, where %s', async (_what, size, isLast) => {
    await using mailing = await openMailing(size);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const entries = STATES.map((state, index) => ({
      ...makeEntry(found(idsOf(lease)[index]), state),
      retryInMs: state === 'waiting' ? 60_000 : 0,
      isDeferral: state === 'waiting',
    }));
    await recordEntries(db, lease.id, entries, isLast);
    const once = await readAll(db);
    expect(once.attempts).toHaveLength(4);
    expect(once.leases).toHaveLength(isLast ? 0 : 1);
    await recordEntries(db, lease.id, entries, isLast);
    expect(await readAll(db)).toEqual(once);
    await expectTrueBooks(db, mailingId);
  });

  test('a second time while the first is still being written changes nothing either', async () => {
    await using mailing = await openMailing(8);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const entries = idsOf(lease)
      .slice(0, 4)
      .map((id, index) => makeEntry(id, found(STATES[index])));
    const first = await db.startTransaction().execute();
    await recordEntries(first, lease.id, entries, false);
    const second = recordEntries(db, lease.id, entries, false);
    await eventually('the second waits for the first', async () => {
      const { rows } =
        await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          db,
        );
      return rows.length === 1;
    });
    await first.commit().execute();
    await second;
    expect(await mailing.counters()).toMatchObject({ accepted: 1, rejected: 1, inDoubt: 1, waiting: 5 });
    expect(await db.selectFrom('attempts').selectAll().execute()).toHaveLength(4);
    await expectTrueBooks(db, mailingId);
  });

  test('does not touch what another lease holds, though it once held it itself', async () => {
    await using mailing = await openMailing(1);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    const deferred = makeEntry(found(idsOf(lease)[0]), 'waiting');
    await recordEntries(db, lease.id, [deferred], true);
    const other = await claim(db, mailingId);
    expect(idsOf(other)).toEqual(idsOf(lease));
    await recordEntries(db, lease.id, [{ ...deferred, state: 'accepted' }], true);
    expect(await mailing.counters()).toMatchObject({ accepted: 0, waiting: 1, attemptsDeferred: 1 });
    expect(await countLeases(db)).toBe(1);
    await expectTrueBooks(db, mailingId);
  });
});

describe('a worker that dies', () => {
  test('leaves in doubt what its lease held, with an attempt that says so, and nobody claims it again', async () => {
    await using mailing = await openMailing(4);
    const { db, mailingId } = mailing;
    await claim(db, mailingId);
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(4);
    expect(await countStates(db, mailingId)).toEqual({ in_doubt: 4 });
    expect(await mailing.counters()).toMatchObject({ waiting: 0, inDoubt: 4, attemptsInDoubt: 4 });
    const attempts = await db.selectFrom('attempts').select(['outcome', 'reply']).execute();
    expect(attempts).toEqual(
      [1, 2, 3, 4].map(() => ({ outcome: 'in_doubt', reply: expect.stringContaining('process node ended') })),
    );
    expect((await claim(db, mailingId)).deliveries).toEqual([]);
    await expectTrueBooks(db, mailingId);
  });

  test('in the middle of a lease: what it recorded stays, the rest of the lease is in doubt, what nobody claimed waits', async () => {
    await using mailing = await openMailing(7);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId, 5);
    const [first, second, third] = idsOf(lease);
    await recordEntries(
      db,
      lease.id,
      [makeEntry(found(first), 'accepted'), makeEntry(found(second), 'waiting')],
      false,
    );
    await recordEntries(db, lease.id, [makeEntry(found(third), 'rejected')], false);
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(2);
    expect(await mailing.counters()).toMatchObject({
      accepted: 1,
      rejected: 1,
      inDoubt: 2,
      waiting: 3,
      attemptsInDoubt: 2,
      attemptsDeferred: 1,
    });
    await expectTrueBooks(db, mailingId);
    const again = [await claim(db, mailingId), await claim(db, mailingId)].flatMap(idsOf);
    expect(again).toHaveLength(3);
    expect(again).toContain(second);
    for (const id of idsOf(lease).slice(3)) expect(again).not.toContain(id);
  });

  test('before anything of it was to be sent leaves nothing that is ever taken for its own', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    await claim(db, mailingId);
    expect(await reapLeases(db)).toBe(0);
    expect(await countLeases(db)).toBe(1);
  });

  test('is not the one that asks: its own leases it renews, though they have expired', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    await expireLeases(db);
    expect(await reapLeases(db, [lease.id])).toBe(0);
    expect(await renewLeases(db, [lease.id])).toEqual(new Set([lease.id]));
    expect(await reapLeases(db)).toBe(0);
    expect(await mailing.counters()).toMatchObject({ waiting: 2, inDoubt: 0 });
  });

  test('and wakes up past its lease cannot record, and learns that the lease is gone', async () => {
    await using mailing = await openMailing(2);
    const { db, mailingId } = mailing;
    const lease = await claim(db, mailingId);
    await expireLeases(db);
    expect(await reapLeases(db)).toBe(2);
    const reaped = await readAll(db);
    expect(await renewLeases(db, [lease.id])).toEqual(new Set());
    const entries = idsOf(lease).map((id) => makeEntry(id, 'accepted'));
    await recordEntries(db, lease.id, entries, false);
    await recordEntries(db, lease.id, entries, true);
    await release(db, mailingId, lease.id);
    expect((await claim(db, mailingId)).deliveries).toEqual([]);
    const { deliveries, attempts, books, queue } = await readAll(db);
    expect({ deliveries, attempts, books, queue }).toEqual({
      deliveries: reaped.deliveries,
      attempts: reaped.attempts,
      books: reaped.books,
      queue: [],
    });
    expect(await mailing.counters()).toMatchObject({ accepted: 0, inDoubt: 2, waiting: 0 });
  });

  test('is taken back by one of many that look', async () => {
    await using mailing = await openMailing(60);
    const { db, mailingId } = mailing;
    for (let n = 0; n < 6; n += 1) await claim(db, mailingId, 10);
    await expireLeases(db);
    const counts = await Promise.all(Array.from({ length: 6 }, () => reapLeases(db)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(await mailing.counters()).toMatchObject({ inDoubt: 60, attemptsInDoubt: 60 });
  });
});

const STEP = fc.oneof(
  fc.record({ do: fc.constant('claim' as const), size: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    do: fc.constant('record' as const),
    lease: fc.nat(4),
    states: fc.array(fc.constantFrom('accepted', 'rejected', 'in_doubt', 'waiting', 'untried'), { maxLength: 6 }),
    inMs: fc.constantFrom(0, 0, 0, 60_000),
  }),
  fc.record({ do: fc.constantFrom('end' as const, 'release' as const, 'renew' as const), lease: fc.nat(4) }),
  fc.record({ do: fc.constantFrom('reap' as const, 'close' as const, 'due' as const, 'finish' as const) }),
  fc.record({ do: fc.constantFrom('resend' as const, 'leave' as const), only: fc.option(fc.nat(4)) }),
);

type Step = (typeof STEP extends fc.Arbitrary<infer T> ? T : never) & object;
type TriedState = Entry['state'] | 'untried';

function toEntry(id: number, state: TriedState, retryInMs: number): Entry {
  if (state === 'untried') return { ...makeEntry(id, 'waiting'), retryInMs, attempt: null };
  return { ...makeEntry(id, state), retryInMs: state === 'waiting' ? retryInMs : 0, isDeferral: state === 'waiting' };
}

/** Leases as their workers know them: what they have not recorded. One that was taken back goes on in its worker’s mind. */
type Memory = (TestLease & { left: number[] })[];

async function perform(db: Database, mailingId: number, memory: Memory, step: Step): Promise<void> {
  const lease = 'lease' in step ? memory[step.lease] : undefined;
  switch (step.do) {
    case 'claim': {
      const made = await claim(db, mailingId, step.size);
      if (made.deliveries.length > 0) memory.push({ ...made, left: idsOf(made) });
      break;
    }
    case 'record': {
      const ids = lease?.left.splice(0, step.states.length) ?? [];
      const entries = ids.map((id, index) => toEntry(id, found(step.states[index]), step.inMs));
      if (lease) await recordEntries(db, lease.id, entries, lease.left.length === 0);
      // As when its answer is lost.
      if (lease) await recordEntries(db, lease.id, entries, lease.left.length === 0);
      break;
    }
    case 'end': {
      const entries = lease?.left.splice(0).map((id) => toEntry(id, 'untried', 0)) ?? [];
      if (lease) await recordEntries(db, lease.id, entries, true);
      break;
    }
    case 'release':
      // Only what is untouched is released.
      if (lease && lease.left.length === lease.deliveries.length) {
        await release(db, mailingId, lease.id);
        lease.left = [];
      }
      break;
    case 'renew':
      if (lease) await renewLeases(db, [lease.id]);
      break;
    case 'reap':
      await expireLeases(db);
      await reapLeases(db);
      break;
    case 'close':
      await closeWaiting(db, mailingId, 'cancelled');
      break;
    case 'due':
      await makeDue(db);
      break;
    case 'finish':
      await finishMailing(db, mailingId);
      break;
    case 'resend':
    case 'leave': {
      const decide = step.do === 'resend' ? sendDoubtsAgain : leaveDoubts;
      const deliveryId = step.only === null ? null : (memory[0]?.deliveries[step.only]?.id ?? 0);
      const doubts = { mailingId, deliveryId, seenAttemptId: await findNewestAttempt(db, mailingId) };
      await db.transaction().execute((trx) => decide(trx, doubts));
      break;
    }
  }
}

test('the books balance and equal a recount, and everybody stands in one place, after any order of claims, outcomes, deaths, endings and decisions', async () => {
  await using mailing = await openMailing(40);
  const { db, ownerId } = mailing;
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 25 }), async (steps) => {
      const mailingId = await addFrozenMailing(db, ownerId);
      const memory: Memory = [];
      for (const step of steps) {
        await perform(db, mailingId, memory, step);
        await expectConserved(db, ownerId, mailingId);
      }
    }),
    { numRuns: 40 },
  );
});

test('the same holds for workers that do all this at the same time', async () => {
  await using mailing = await openMailing(600);
  const { db, ownerId, mailingId } = mailing;
  const states: TriedState[] = ['accepted', 'rejected', 'in_doubt', 'waiting', 'untried', 'accepted', 'accepted'];
  const work = async (worker: number) => {
    for (let round = 0; round < 25; round += 1) {
      const lease = await claim(db, mailingId, 1 + ((worker * 7 + round * 5) % 30));
      const ids = idsOf(lease);
      if ((worker + round) % 6 === 0) await release(db, mailingId, lease.id);
      const entries = ids.map((id, index) => toEntry(id, found(states[(worker + round + index) % states.length]), 0));
      const half = Math.ceil(entries.length / 2);
      // Every statement is tried twice at the same time, as when a connection was lost and the server has not noticed.
      const twice = (part: Entry[], isLast: boolean) =>
        Promise.all([recordEntries(db, lease.id, part, isLast), recordEntries(db, lease.id, part, isLast)]);
      await twice(entries.slice(0, half), false);
      if ((worker + round) % 5 === 0)
        await sql`update leases set expires_at = now() where id = ${lease.id}`.execute(db);
      else await twice(entries.slice(half), true);
    }
  };
  const reap = async () => {
    for (let round = 0; round < 60; round += 1) await reapLeases(db);
  };
  await Promise.all([work(0), work(1), work(2), work(3), reap(), reap()]);
  await expectConserved(db, ownerId, mailingId);
  const { accepted, rejected, inDoubt } = await mailing.counters();
  expect(accepted + rejected + inDoubt).toBeGreaterThan(300);
  await expireLeases(db);
  await reapLeases(db);
  while (await closeWaiting(db, mailingId, 'expired'));
  expect(await mailing.counters()).toMatchObject({ waiting: 0 });
  await expectConserved(db, ownerId, mailingId);
});

/** Counted here in other words than those of the recount. */
async function expectConserved(db: Database, ownerId: number, mailingId: number): Promise<void> {
  const counters: Counters = found((await readCounters(db, ownerId, [mailingId])).get(mailingId));
  const states = await countStates(db, mailingId);
  expect(isBalanced(counters)).toBe(true);
  expect({
    waiting: states.waiting ?? 0,
    accepted: states.accepted ?? 0,
    rejected: states.rejected ?? 0,
    inDoubt: states.in_doubt ?? 0,
    cancelled: states.cancelled ?? 0,
    expired: states.expired ?? 0,
  }).toEqual({
    waiting: counters.waiting,
    accepted: counters.accepted,
    rejected: counters.rejected,
    inDoubt: counters.inDoubt,
    cancelled: counters.cancelled,
    expired: counters.expired,
  });
  const { waiting, standing } = await readPlaces(db, mailingId);
  expect(standing).toEqual(waiting);
  await expectTrueBooks(db, mailingId);
  const { rows } = await sql<{
    tries: number;
  }>`select count(*)::int as tries from attempts where mailing_id = ${mailingId}`.execute(db);
  expect(rows[0]?.tries).toBe(
    counters.attemptsAccepted + counters.attemptsDeferred + counters.attemptsRejected + counters.attemptsInDoubt,
  );
}

/** Who waits, and who stands where a waiting one has to stand; twice, if in two places. */
async function readPlaces(db: Database, mailingId: number): Promise<{ waiting: number[]; standing: number[] }> {
  const [rows, queue, leases] = await Promise.all([
    db
      .selectFrom('deliveries')
      .select('id')
      .where('mailing_id', '=', mailingId)
      .where('state', '=', 'waiting')
      .execute(),
    db.selectFrom('queue').select('delivery_ids as ids').where('mailing_id', '=', mailingId).execute(),
    db.selectFrom('leases').select('delivery_ids as ids').where('mailing_id', '=', mailingId).execute(),
  ]);
  const ascending = (ids: number[]) => ids.toSorted((a, b) => a - b);
  return {
    waiting: ascending(rows.map(({ id }) => id)),
    standing: ascending([...queue, ...leases].flatMap(({ ids }) => ids)),
  };
}
