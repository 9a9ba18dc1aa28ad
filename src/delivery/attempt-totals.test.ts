import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { addFrozenMailing, claim, expireLeases, makeDue, makeEntry, openMailing } from '../../test/support/ledger.js';
import type { Database } from '../lib/database.js';
import { reapLeases, recordEntries, type Entry } from './lease-store.js';

/* The totals that outlive attempts, against a count of the attempts themselves. */

const NOW = Date.now();

const TRY = fc.record({
  state: fc.constantFrom<Entry['state'][]>('accepted', 'rejected', 'in_doubt', 'waiting'),
  minutesAgo: fc.integer({ min: 0, max: 90 }),
  stage: fc.constantFrom('rcpt', 'dot'),
  replyCode: fc.constantFrom(null, 450, 550),
  enhancedCode: fc.constantFrom(null, '', '5.1.1', '4.2.2'),
});

const STEP = fc.oneof(
  fc.record({ do: fc.constant('claim' as const), size: fc.integer({ min: 1, max: 8 }) }),
  fc.record({
    do: fc.constant('record' as const),
    lease: fc.nat(3),
    tries: fc.array(TRY, { maxLength: 6 }),
    twice: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('die' as const, 'wait' as const) }),
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;
type Try = typeof TRY extends fc.Arbitrary<infer T> ? T : never;

function toEntry(deliveryId: number, { state, minutesAgo, stage, replyCode, enhancedCode }: Try): Entry {
  const entry = makeEntry(deliveryId, state);
  const startedAt = new Date(NOW - minutesAgo * 60_000);
  return {
    ...entry,
    attempt: entry.attempt && {
      ...entry.attempt,
      startedAt,
      stage,
      replyCode,
      enhancedCode,
      reply: `said ${minutesAgo}`,
    },
  };
}

/** What a worker has in mind of its leases; one that died goes on in it, and writes nothing any more. */
type Memory = { id: string; left: number[] }[];

async function perform(db: Database, mailingId: number, memory: Memory, step: Step): Promise<void> {
  if (step.do === 'claim') {
    const { id, deliveries } = await claim(db, mailingId, step.size);
    if (deliveries.length > 0) memory.push({ id, left: deliveries.map((delivery) => delivery.id) });
  } else if (step.do === 'record') {
    const lease = memory[step.lease];
    if (!lease) return;
    const entries = lease.left.splice(0, step.tries.length).map((id, index) => toEntry(id, step.tries[index] as Try));
    const write = () => recordEntries(db, lease.id, entries, lease.left.length === 0);
    await Promise.all(step.twice ? [write(), write()] : [write()]);
  } else if (step.do === 'die') {
    await expireLeases(db);
    await reapLeases(db);
  } else {
    await makeDue(db);
  }
}

async function expectTrueTotals(db: Database, mailingId: number): Promise<void> {
  const kept = await sql`
    select extract(epoch from at)::int as at, accepted, deferred, rejected, in_doubt from attempt_totals where mailing_id = ${mailingId}
    order by at`.execute(db);
  const counted = await sql`
    select (floor(extract(epoch from started_at) / 900) * 900)::int as at, sum((outcome = 'accepted')::int)::int as accepted,
      sum((outcome = 'deferred')::int)::int as deferred, sum((outcome = 'rejected')::int)::int as rejected,
      sum((outcome = 'in_doubt')::int)::int as in_doubt
    from attempts where mailing_id = ${mailingId} group by 1 order by 1`.execute(db);
  expect(kept.rows).toEqual(counted.rows);
  const refusals = await sql`
    select domain, outcome, stage, reply_code, enhanced_code, attempts from refusals where mailing_id = ${mailingId}
    order by domain, outcome, stage, reply_code, enhanced_code`.execute(db);
  const refused = await sql`
    select lower(substring(address from '[^@]*$')) as domain, outcome, stage, coalesce(reply_code, 0)::smallint as reply_code,
      coalesce(enhanced_code, '') as enhanced_code, count(*)::int as attempts
    from attempts where mailing_id = ${mailingId} and outcome in ('deferred', 'rejected', 'in_doubt') group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`.execute(
    db,
  );
  expect(refusals.rows).toEqual(refused.rows);
  const strange = await sql`
    select from refusals f where f.mailing_id = ${mailingId} and not exists (
      select from attempts a where a.mailing_id = f.mailing_id and a.outcome = f.outcome and a.stage = f.stage and a.reply = f.reply)`.execute(
    db,
  );
  expect(strange.rows).toEqual([]);
}

test('totals by time and refusals equal a count of the attempts after any order of claims, outcomes and deaths', async () => {
  await using mailing = await openMailing(30);
  const { db, ownerId } = mailing;
  await sql`update recipients set email = 'R' || id || '@' || (array['Example.com', 'mail.example', 'пример.рф'])[1 + id % 3]`.execute(
    db,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 3, maxLength: 25 }), async (steps) => {
      const mailingId = await addFrozenMailing(db, ownerId);
      const memory: Memory = [];
      for (const step of steps) await perform(db, mailingId, memory, step);
      await expectTrueTotals(db, mailingId);
    }),
    { numRuns: 40 },
  );
});

test('and of many workers at the same time', async () => {
  await using mailing = await openMailing(400);
  const { db, mailingId } = mailing;
  const work = async (worker: number) => {
    for (let round = 0; round < 15; round += 1) {
      const lease = await claim(db, mailingId, 5 + ((worker + round) % 20));
      const entries = lease.deliveries.map(({ id }, n) =>
        toEntry(id, {
          state: (['accepted', 'rejected', 'waiting'] as const)[(n + round) % 3] ?? 'accepted',
          minutesAgo: (n * 7) % 60,
          stage: 'dot',
          replyCode: n % 2 === 0 ? 450 : 550,
          enhancedCode: null,
        }),
      );
      await recordEntries(db, lease.id, entries, (worker + round) % 4 > 0);
    }
  };
  await Promise.all([work(0), work(1), work(2), work(3)]);
  await expireLeases(db);
  await reapLeases(db);
  await expectTrueTotals(db, mailingId);
});
