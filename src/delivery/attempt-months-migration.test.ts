import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openOldDatabase } from '../../test/support/old-database.js';
import type { Database } from '../lib/database.js';
import { migrate } from '../lib/migrate.js';

/** The last migration before attempts stood by month. */
const BEFORE = 7;

test('attempts move into their months with their numbers, and the totals are counted from them', async () => {
  const db = await openOldDatabase(BEFORE);
  const owner = await addUser(db);
  await addRecipients(db, owner, 1);
  const mailing = await addMailing(db, owner);
  for (const [at, outcome, code] of TRIES)
    await sql`
      insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, reply)
      values (1, ${mailing}, ${at}, 1, ${outcome}, ${code}, 'A@Mail.Example.COM', 'r', 'rcpt', ${`said at ${at}`})`.execute(
      db,
    );
  expect((await migrate(db))[0]).toBe('0008_statistics.sql');

  const places = await sql<{ id: number; place: string }>`
    select id, tableoid::regclass::text as place from attempts order by id`.execute(db);
  expect(places.rows).toEqual([
    { id: 1, place: 'attempts_default' },
    { id: 2, place: 'attempts_2026_01' },
    { id: 3, place: 'attempts_2026_02' },
    { id: 4, place: 'attempts_2026_02' },
  ]);
  expect(await readTotals(db)).toEqual([
    { at: new Date('1999-12-31T23:45:00Z'), accepted: 1, deferred: 0 },
    { at: new Date('2026-01-31T23:45:00Z'), accepted: 0, deferred: 1 },
    { at: new Date('2026-02-01T00:00:00Z'), accepted: 1, deferred: 1 },
  ]);
  const refusals =
    await sql`select domain, outcome, reply_code, attempts, reply from refusals order by outcome`.execute(db);
  expect(refusals.rows).toEqual([
    { domain: 'mail.example.com', outcome: 'deferred', reply_code: 450, attempts: 2, reply: `said at ${TRIES[2][0]}` },
  ]);
  const next = await sql<{ id: number }>`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    values (1, ${mailing}, now(), 1, 'accepted', '', '', '', '') returning id`.execute(db);
  expect(next.rows).toEqual([{ id: 5 }]);
});

test('an empty database gets this month and the next ones, none of the past', async () => {
  const db = await openOldDatabase(BEFORE);
  await migrate(db);
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'attempts'::regclass order by name`.execute(
    db,
  );
  const months = Array.from({ length: 4 }, (_, months) =>
    Temporal.Now.plainDateISO('UTC').with({ day: 1 }).add({ months }).toString().slice(0, 7).replace('-', '_'),
  );
  expect(rows.map(({ name }) => name)).toEqual([...months.map((month) => `attempts_${month}`), 'attempts_default']);
});

const TRIES = [
  ['1999-12-31T23:59:59Z', 'accepted', 250],
  ['2026-01-31T23:59:59Z', 'deferred', 450],
  ['2026-02-01T00:14:59Z', 'deferred', 450],
  ['2026-02-01T00:00:00Z', 'accepted', 250],
] as const;

async function readTotals(db: Database) {
  return db.selectFrom('attempt_totals').select(['at', 'accepted', 'deferred']).orderBy('at').execute();
}
