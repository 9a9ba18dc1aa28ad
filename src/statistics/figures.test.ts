import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { sumAttemptsAnew, sumAttemptsByOwner, type AttemptSums } from '../delivery/attempt-totals-store.js';
import type { Database } from '../lib/database.js';
import type { Owners } from '../lib/owners.js';
import { findDifference, sumUnsuccessful } from './figures.js';
import { chooseRange, splitRange, type Range, type Span } from './range.js';
import { readFigures } from './read-figures.js';

const NOW = new Date('2026-04-01T10:20:00Z');
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];

interface Attempt {
  /** Which of them. */
  mailing: number;
  minute: number;
  outcome: string;
}

/** Minutes of a day by UTC at which days begin in the zones, and at which a range that has not ended is cut off, with those just before. */
const BORDERS = [0, 240, 300, 630, 690, 780, 840, 1095, 1320, 1380].flatMap((minute) => [minute, minute + 1439]);

/** Attempts around the change of the clocks, many of them at borders. */
const ATTEMPT: fc.Arbitrary<Attempt> = fc.record({
  mailing: fc.nat({ max: 4 }),
  minute: fc.oneof(
    fc.tuple(fc.nat({ max: 38 }), fc.constantFrom(...BORDERS)).map(([day, minute]) => day * 1440 + minute),
    fc.nat({ max: 40 * 1440 }),
  ),
  outcome: fc.constantFrom('accepted', 'deferred', 'rejected', 'in_doubt'),
});

const ASKED = fc.record({
  timeZone: fc.constantFrom(...ZONES),
  query: fc.oneof(
    fc.constantFrom({ period: 'today' }, { period: '7' }, { period: '30' }),
    fc.tuple(fc.nat({ max: 45 }), fc.nat({ max: 20 })).map(([ago, length]) => ({
      from: dayBefore(ago + length),
      until: dayBefore(ago),
    })),
  ),
});

function dayBefore(days: number): string {
  return Temporal.PlainDate.from('2026-04-01').subtract({ days }).toString();
}

test('equal a recount of the attempts by plain SQL, whoever asks for whatever days in whatever zone', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owners = [await addUser(db), await addUser(db)];
  const mailings: number[] = [];
  for (let n = 0; n < 5; n += 1) mailings.push(await addMailing(db, owners[n % 2] ?? 0));
  await fc.assert(
    fc.asyncProperty(
      fc.array(ATTEMPT, { maxLength: 150, size: 'max' }),
      fc.array(ASKED, { minLength: 3, maxLength: 3 }),
      async (attempts, asked) => {
        await fill(db, mailings, attempts);
        for (const { query, timeZone } of asked) {
          const { range, faults } = chooseRange(query, NOW, timeZone);
          expect(faults).toEqual({});
          for (const whose of [...owners, 'everybody'] as Owners[]) await expectRecounted(db, whose, range, timeZone);
          for (const { ownerId, acceptedBefore, ...sums } of await sumAttemptsByOwner(db, range, range.before)) {
            const [now, before] = await recount(db, ownerId, [range, range.before]);
            expect([sums, acceptedBefore]).toEqual([now, before?.accepted]);
          }
        }
      },
    ),
    { numRuns: 25 },
  );
});

async function fill(db: Database, mailings: number[], attempts: Attempt[]) {
  await sql`delete from attempts`.execute(db);
  const rows = attempts.map(({ mailing, minute, outcome }) => {
    const at = new Date(Date.parse('2026-02-25T00:00:00Z') + minute * 60_000).toISOString();
    return { mailing: mailings[mailing], at, outcome };
  });
  await sql`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select 1, mailing, at, 1, outcome, 'a@example.com', 'relay', 'dot', ''
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as tries (mailing bigint, at timestamptz, outcome attempt_outcome)`.execute(
    db,
  );
  for (const id of mailings) await sumAttemptsAnew(db, id);
}

async function expectRecounted(db: Database, whose: Owners, range: Range, timeZone: string): Promise<void> {
  const { series, attempts } = await readFigures(db, whose, range, timeZone);
  const borders = splitRange(range, timeZone);
  const spans = borders.slice(1).map((until, index) => ({ from: borders[index] ?? until, until }));
  expect(series).toEqual(await recount(db, whose, spans));
  const [now, before] = await recount(db, whose, [range, range.before]);
  expect(attempts).toEqual({ now, before });
}

async function recount(db: Database, whose: Owners, spans: Span[]): Promise<AttemptSums[]> {
  const { rows } = await sql<AttemptSums>`
    select count(*) filter (where outcome = 'accepted') as accepted, count(*) filter (where outcome = 'deferred') as deferred,
      count(*) filter (where outcome = 'rejected') as rejected, count(*) filter (where outcome = 'in_doubt') as "inDoubt"
    from unnest(${spans.map(({ from }) => from)}::timestamptz[], ${spans.map(({ until }) => until)}::timestamptz[])
      with ordinality as spans (begins, ends, place)
    left join (
      select a.started_at, a.outcome from attempts a join mailings m on m.id = a.mailing_id
      where ${whose === 'everybody'} or m.owner_id = ${whose === 'everybody' ? 0 : whose}
    ) tries on tries.started_at >= begins and tries.started_at < ends
    group by place order by place`.execute(db);
  return rows;
}

test('count the recipients that were added and the mailings that started, of the owner alone', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const [anna, boris] = [await addUser(db), await addUser(db)];
  let serial = 0;
  const added = ['2026-04-01T00:00:00Z', '2026-03-31T23:59:59Z', '2026-03-31T10:29:00Z', '2026-03-30T23:59:59Z'];
  for (const owner of [anna, boris, boris]) {
    for (const at of added) {
      const email = `${(serial += 1)}@example.com`;
      await db
        .insertInto('recipients')
        .values({ owner_id: owner, email, created_at: new Date(at) })
        .execute();
      const started = { status: 'finished', started_at: new Date(at), finished_at: NOW } as const;
      await db
        .updateTable('mailings')
        .set(started)
        .where('id', '=', await addMailing(db, owner))
        .execute();
    }
  }
  const { range } = chooseRange({ period: 'today' }, NOW, 'UTC');
  for (const [owners, times] of [
    [anna, 1],
    [boris, 2],
    ['everybody', 3],
  ] as [Owners, number][]) {
    const { added: recipients, started, recipients: total, mailings } = await readFigures(db, owners, range, 'UTC');
    // Before, up to the same time of day: what came at 23:59 does not count.
    expect(recipients).toEqual({ now: times, before: times });
    expect(started).toEqual({ now: times, before: times });
    expect(total).toBe(4 * times);
    expect(mailings).toEqual({ created: 0, running: 0, finished: 4 * times });
  }
});

test.each([
  [0, 0, { kind: 'same' }],
  [7, 7, { kind: 'same' }],
  [5, 0, { kind: 'more', by: { unit: 'number', value: 5 } }],
  [0, 5, { kind: 'less', by: { unit: 'percent', value: 100 } }],
  [112, 100, { kind: 'more', by: { unit: 'percent', value: 12 } }],
  [88, 100, { kind: 'less', by: { unit: 'percent', value: 12 } }],
  [800, 100, { kind: 'more', by: { unit: 'times', value: 8 } }],
  [1_000_001, 1_000_000, { kind: 'more', by: { unit: 'percent', value: 1 } }],
  [1, 1_000_000, { kind: 'less', by: { unit: 'percent', value: 99 } }],
])('tells how %i stands to %i before', (now, before, difference) => {
  expect(findDifference({ now, before })).toEqual(difference);
});

test('counts what was put off, rejected or left in doubt as not successful', () => {
  expect(sumUnsuccessful({ accepted: 100, deferred: 1, rejected: 2, inDoubt: 4 })).toBe(7);
});
