/**
 * What an owner decides about deliveries in doubt. `left` only marks them: they stay in doubt, and count so. Sent again, a delivery is
 * waiting as it was before its first try, with its attempts; the books move with it, and a mailing that had finished runs again, in the
 * same statement. Locks are taken in the order of the worker's statements: deliveries, counters, mailing.
 */
import { sql, type SqlBool } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import { enqueue } from './ledger-store.js';

export interface Doubts {
  mailingId: number;
  /** Null: all that are not decided yet. */
  deliveryId: number | null;
  /**
   * The newest attempt that the owner has seen. What became doubtful later is another doubt: the second click of a double click must not
   * send what the first one has sent.
   */
  seenAttemptId: number;
}

/**
 * How many were put back to waiting. The mailing's row is written whatever its status seems: a worker may be finishing it at this very
 * moment, and it must run in the end. One that had finished while it was paused is continued: it has no pause that its owner could see.
 */
export async function sendDoubtsAgain(trx: Transaction, doubts: Doubts): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with picked as materialized (${selectDoubts(doubts)}), again as (
      update deliveries d set state = 'waiting', left_in_doubt = false, deferral_count = 0, hang_up_count = 0, next_try_at = now()
      from picked where d.id = picked.id returning d.id, picked.was_left
    ), queued as (
      ${enqueue(sql`select id, ${doubts.mailingId}::bigint as mailing_id, now() as due_at from again`)}
    ), counted as (
      update mailing_counters c set waiting = c.waiting + k.n, in_doubt = c.in_doubt - k.n, in_doubt_left = c.in_doubt_left - k.n_left
      from (select count(*) as n, count(*) filter (where was_left) as n_left from again) k
      where c.mailing_id = ${doubts.mailingId} and k.n > 0 returning c.mailing_id
    ), reopened as (
      update mailings m set status = 'running', finished_at = null,
        paused_at = case when m.status = 'running' then m.paused_at end,
        pause_reason = case when m.status = 'running' then m.pause_reason end,
        continued_at = case when m.status = 'finished' and m.pause_reason is not null then now() else m.continued_at end
      from counted where m.id = counted.mailing_id and m.status <> 'created'
    )
    select count(*) as count from again`.execute(trx);
  return rows[0]?.count ?? 0;
}

/** How many were marked. */
export async function leaveDoubts(trx: Transaction, doubts: Doubts): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with picked as materialized (${selectDoubts(doubts)}), kept as (
      update deliveries d set left_in_doubt = true from picked where d.id = picked.id and not picked.was_left returning 1
    ), counted as (
      update mailing_counters c set in_doubt_left = c.in_doubt_left + k.n
      from (select count(*) as n from kept) k where c.mailing_id = ${doubts.mailingId} and k.n > 0
    )
    select count(*) as count from kept`.execute(trx);
  return rows[0]?.count ?? 0;
}

/** The newest attempt of a mailing; 0 where there is none. */
export async function findNewestAttempt(db: Database, mailingId: number): Promise<number> {
  const row = await db
    .selectFrom('attempts')
    .select('id')
    .where('mailing_id', '=', mailingId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? 0;
}

function selectDoubts({ mailingId, deliveryId, seenAttemptId }: Doubts) {
  const meant = deliveryId === null ? sql<SqlBool>`not d.left_in_doubt` : sql<SqlBool>`d.id = ${deliveryId}`;
  return sql`
    select d.id, d.left_in_doubt as was_left from deliveries d
    where d.id in (select delivery_id from delivery_marks where mailing_id = ${mailingId} and state = 'in_doubt') and d.state = 'in_doubt'
      and ${meant}
      and not exists (select from attempts a where a.delivery_id = d.id and a.id > ${seenAttemptId})
    order by d.id for update of d`;
}
