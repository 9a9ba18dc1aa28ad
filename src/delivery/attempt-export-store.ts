/* Everything that the journal is narrowed to, whatever its number, in batches: between two of them nothing is locked and nothing kept. */
import { sql, type RawBuilder } from 'kysely';

import type { Database } from '../lib/database.js';
import type { Owners } from '../lib/owners.js';
import { isUnsuccessfulOnly, matches } from './attempt-conditions.js';
import { findDeliveries, listTried } from './attempt-journal-store.js';
import type { AttemptFilter, AttemptScope, JournalAttempt } from './attempt-journal.js';
import { selectRows } from './attempt-row-store.js';

/** So many attempts are examined for a batch, in 20 to 40 ms. */
const BATCH = 2000;

/** Everybody's by time; those of a scope mailing by mailing, in the order in which they were written down, which there is an index for. */
export async function* readAttempts(
  db: Database,
  scope: AttemptScope,
  filter: AttemptFilter,
  batch = BATCH,
): AsyncGenerator<JournalAttempt[], void> {
  const deliveries = await findDeliveries(db, scope, filter);
  if (deliveries) {
    const attempts = sql`select * from attempts where delivery_id = any(${deliveries}::bigint[]) and ${matches(filter)}`;
    yield selectRows(db, scope.owners, attempts, sql`attempts.started_at, attempts.id`);
  } else if (scope.owners === 'everybody' && scope.mailingId === null) {
    yield* readByTime(db, filter, batch);
  } else {
    const { ids } = await listTried(db, scope, filter);
    for (const id of ids) yield* readMailing(db, scope.owners, id, filter, batch);
  }
}

async function* readMailing(
  db: Database,
  owners: Owners,
  mailingId: number,
  filter: AttemptFilter,
  batch: number,
): AsyncGenerator<JournalAttempt[], void> {
  for (let last = 0; ;) {
    const { rows: ends } = await sql<{ id: number | null; count: number }>`
      select max(id) as id, count(*) as count from (
        select id from attempts where mailing_id = ${mailingId} and id > ${last} order by id limit ${batch}::int) examined`.execute(
      db,
    );
    const [end] = ends;
    if (!end || end.id === null) return;
    const attempts = sql`
      select * from attempts where mailing_id = ${mailingId} and id > ${last} and id <= ${end.id} and ${matches(filter)} offset 0`;
    yield selectRows(db, owners, attempts, sql`attempts.id`);
    if (end.count < batch) return;
    last = end.id;
  }
}

async function* readByTime(db: Database, filter: AttemptFilter, batch: number): AsyncGenerator<JournalAttempt[], void> {
  const conditions = [
    isUnsuccessfulOnly(filter) ? sql`outcome <> 'accepted'` : sql`true`,
    filter.from ? sql`started_at >= ${filter.from}` : sql`true`,
    filter.until ? sql`started_at < ${filter.until}` : sql`true`,
  ];
  const isOnTheWay = sql.join(conditions, sql` and `);
  let isAhead: RawBuilder<unknown> = sql`true`;
  for (;;) {
    const { rows } = await sql<{ at: string; id: number; count: number }>`
      with examined as materialized (
        select started_at, id from attempts where ${isOnTheWay} and ${isAhead} order by started_at, id limit ${batch}::int
      )
      select started_at::text as at, id, (select count(*) from examined) as count from examined order by started_at desc, id desc limit 1`.execute(
      db,
    );
    const [end] = rows;
    if (!end) return;
    const edge = sql`(${end.at}::timestamptz, ${end.id}::bigint)`;
    const attempts = sql`
      select * from attempts where ${isOnTheWay} and ${isAhead} and (started_at, id) <= ${edge} and ${matches(filter)} offset 0`;
    yield selectRows(db, 'everybody', attempts, sql`attempts.started_at, attempts.id`);
    if (end.count < batch) return;
    isAhead = sql`(started_at, id) > ${edge}`;
  }
}
