/**
 * The months (UTC) that attempts lie in, each a partition. A month gets its place three months ahead; where none was made in time, attempts
 * go to the default one, and are moved with the making. Making or dropping one needs a lock on the whole table, which would keep all
 * sending waiting behind any long reader: it is waited for a moment only, and what did not succeed is tried again.
 */
import { sql, type SqlBool } from 'kysely';

import { isLockTimeout, type Database, type Transaction } from '../lib/database.js';

/** Sending waits no longer than this for one try. */
const LOCK_WAIT = sql`set local lock_timeout = '200ms'`;
/** One process at a time; the others leave it to that one. */
const MONTHS_LOCK = 1_986_424_113;

const MONTHS_AHEAD = 3;

/** The first instants of the month that runs and of the next three, as far as these have no place yet. */
export async function listMissingMonths(db: Database, now: Date): Promise<Date[]> {
  const { rows } = await sql<{ month: Date }>`
    select m.month at time zone 'UTC' as month
    from generate_series(0, ${MONTHS_AHEAD}::int) n,
      lateral (select date_trunc('month', ${now}::timestamptz at time zone 'UTC') + n * interval '1 month' as month) m
    where to_regclass('attempts_' || to_char(m.month, 'YYYY_MM')) is null order by 1`.execute(db);
  return rows.map(({ month }) => month);
}

/** False where the lock could not be had. */
export async function addMonth(db: Database, month: Date): Promise<boolean> {
  return withBriefLock(db, async (trx) => {
    await sql`select add_attempts_month(${month})`.execute(trx);
  });
}

/** The first instant that is kept: `months` whole months before the one that runs. */
export function firstKept(now: Date, months: number): Date {
  const month = now.toTemporalInstant().toZonedDateTimeISO('UTC').with({ day: 1 }).startOfDay();
  return new Date(month.subtract({ months }).epochMilliseconds);
}

/** The partitions that end before or with this instant, oldest first. */
export async function listMonthsBefore(db: Database, keptFrom: Date): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'attempts'::regclass and c.relname ~ '^attempts_\\d{4}_\\d{2}$'
      and c.relname < 'attempts_' || to_char(${keptFrom}::timestamptz at time zone 'UTC', 'YYYY_MM')
    order by 1`.execute(db);
  return rows.map(({ name }) => name);
}

export async function holdAttempts(db: Database, names: string[]): Promise<boolean> {
  for (const name of names) {
    if ((await sql`select 1 from ${sql.table(name)} limit 1`.execute(db)).rows.length > 0) return true;
  }
  return false;
}

/** False where the lock could not be had. A month goes as a whole, with its file: nothing is left for vacuum. */
export async function dropMonth(db: Database, name: string): Promise<boolean> {
  return withBriefLock(db, async (trx) => {
    await sql`drop table if exists ${sql.table(name)}`.execute(trx);
  });
}

/**
 * Whether attempts of mailing `m` may have been removed: it had begun by then, or so soon afterwards that the clock of who sent may have
 * been in the month before still.
 */
export const mayLackAttempts = sql<SqlBool>`exists (
  select from installation_settings s where m.started_at < s.attempts_kept_from + interval '5 minutes')`;

const ROWS = 5000;

/** What no month was made for. Of a mailing that started later it stays: a clock was wrong, and its books are checked against all of its attempts. */
const inDefaultBefore = (keptFrom: Date) => sql`
  attempts_default a where a.started_at < ${keptFrom}
    and not exists (select from mailings m where m.id = a.mailing_id and m.started_at >= ${keptFrom})`;

export async function hasSomeBefore(db: Database, keptFrom: Date): Promise<boolean> {
  return (await sql`select 1 from ${inDefaultBefore(keptFrom)} limit 1`.execute(db)).rows.length > 0;
}

export async function deleteSomeBefore(db: Database, keptFrom: Date): Promise<{ hasMore: boolean }> {
  const { rows } = await sql`
    delete from attempts_default where (started_at, id) in (
      select a.started_at, a.id from ${inDefaultBefore(keptFrom)} order by a.started_at, a.id limit ${ROWS})
    returning 1`.execute(db);
  return { hasMore: rows.length === ROWS };
}

/** About as much a row takes of a month that was never analysed. */
const ATTEMPT_BYTES = 250;

/** What a page says before the setting is changed: how many months would go, and about how many attempts are in them. Months without any do not count. */
export async function measureMonthsBefore(db: Database, keptFrom: Date): Promise<{ months: number; attempts: number }> {
  const { rows } = await sql<{ months: number; attempts: number }>`
    select (count(*) filter (where pg_relation_size(c.oid) > 0))::int as months,
      coalesce(sum(case when c.reltuples < 0 then pg_relation_size(c.oid) / ${ATTEMPT_BYTES}::int else c.reltuples end), 0)::bigint as attempts
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'attempts'::regclass and c.relname ~ '^attempts_\\d{4}_\\d{2}$'
      and c.relname < 'attempts_' || to_char(${keptFrom}::timestamptz at time zone 'UTC', 'YYYY_MM')`.execute(db);
  return rows[0] ?? { months: 0, attempts: 0 };
}

async function withBriefLock(db: Database, action: (trx: Transaction) => Promise<void>): Promise<boolean> {
  try {
    return await db.transaction().execute(async (trx) => {
      await LOCK_WAIT.execute(trx);
      const { rows } = await sql<{ mine: boolean }>`select pg_try_advisory_xact_lock(${MONTHS_LOCK}) as mine`.execute(
        trx,
      );
      if (rows[0]?.mine !== true) return false;
      await action(trx);
      return true;
    });
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}
