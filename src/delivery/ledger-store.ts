/**
 * The ledger, from the freezing of an audience to the end of its mailing. A delivery that is waiting stands in exactly one row of the queue,
 * or in one lease (lease-store.ts); one that is settled in neither. Every statement that settles deliveries moves the counters of the
 * mailing with it.
 */
import { sql, type RawBuilder, type SqlBool } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Pacing } from './pacing.js';

/** A row of the queue is one lease, as a rule: what a process has begun, and what a crash leaves in doubt, goes by it. */
export const QUEUE_ROW = 64;

/** A statement that puts deliveries (id, mailing_id, due_at) of one mailing into the queue. */
export const enqueue = (deliveries: RawBuilder<unknown>) => sql`
  insert into queue (mailing_id, due_at, delivery_ids)
  select mailing_id, due_at, array_agg(id order by id)
  from (select *, (row_number() over (order by id) - 1) / ${QUEUE_ROW}::int as part from (${deliveries}) d) parts
  group by mailing_id, due_at, part order by part`;

/** What must hold for a letter of mailing `m` with owner `u` to leave now. */
export const maySend = sql<SqlBool>`(m.status = 'running' and m.paused_at is null and m.stopped_at is null
  and m.disabled_at is null and m.ends_at > now() and not u.blocked)`;

/** From here on the planner's old picture of the table makes pages slow: 514 ms instead of 16 ms after 100,000 new rows. */
const ANALYZE_FROM = 10_000;
/** Recipients that are listed in one transaction, in about a tenth of a second. */
const PART = 5_000;
/** The first key of the advisory lock that `forget_recipients` takes too; the second is the owner. */
const FREEZE_LOCK = 1_447_383_884;

/**
 * Makes one delivery for each recipient of a mailing that has started: one part of them. `listed`: there may be more; `frozen`: everybody is
 * listed; `busy`: another worker is at it or has done it. Who is added after the first part is left out.
 */
export async function freezePart(db: Database, mailingId: number): Promise<'listed' | 'frozen' | 'busy'> {
  const part = await db.transaction().execute((trx) => listPart(trx, mailingId));
  if (part === 'frozen' && (await countAudience(db, mailingId)) >= ANALYZE_FROM)
    await sql`analyze deliveries`.execute(db);
  return part;
}

/** All parts that are left. */
export async function freezeAudience(db: Database, mailingId: number): Promise<void> {
  while ((await freezePart(db, mailingId)) === 'listed');
}

async function listPart(trx: Transaction, mailingId: number): Promise<'listed' | 'frozen' | 'busy'> {
  const owner = await trx
    .selectFrom('mailings')
    .select('owner_id as id')
    .where('id', '=', mailingId)
    .executeTakeFirst();
  if (!owner) return 'busy';
  // Before the mailing: whoever waits here for a deletion of recipients must not hold up a pause.
  await sql`select pg_advisory_xact_lock(${FREEZE_LOCK}::int, ${owner.id}::int)`.execute(trx);
  const mailing = await trx
    .selectFrom('mailings')
    .select(['owner_id as ownerId', 'audience', 'frozen_up_to as after', 'frozen_through as through'])
    .where('id', '=', mailingId)
    .where('status', '=', 'running')
    .where('frozen_at', 'is', null)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (!mailing) return 'busy';
  const { ownerId, audience, after } = mailing;
  const through = mailing.through ?? (await findLastRecipient(trx, ownerId));
  const chosen =
    audience === 'all'
      ? sql``
      : sql`join mailing_recipients c on c.recipient_id = r.id and c.mailing_id = ${mailingId} and c.recipient_id > ${after}`;
  const { rows } = await sql<{ count: number; last: number | null }>`
    with picked as materialized (
      select r.id, r.email, r.name, r.attributes from recipients r ${chosen}
      where r.owner_id = ${ownerId} and r.id > ${after} and r.id <= ${through}
      order by r.id limit ${PART}
    ), made as (
      insert into deliveries (mailing_id, recipient_id, address, name, attributes, next_try_at)
      select ${mailingId}, id, email, name, attributes, now() from picked order by id
      -- Between two parts an address may wander from one recipient to another: it is written to once.
      on conflict (mailing_id, lower(address)) do nothing
      returning id
    ), queued as (
      ${enqueue(sql`select id, ${mailingId}::bigint as mailing_id, now() as due_at from made`)}
    ), counted as (
      insert into mailing_counters as c (mailing_id, audience, waiting) select ${mailingId}, count(*), count(*) from made
      on conflict (mailing_id) do update set audience = c.audience + excluded.audience, waiting = c.waiting + excluded.waiting
    )
    select count(*) as count, max(id) as last from picked`.execute(trx);
  const { count = 0, last = null } = rows[0] ?? {};
  const isAll = count < PART;
  await sql`
    update mailings set frozen_through = ${through}, frozen_up_to = coalesce(${last}, frozen_up_to), frozen_at = case when ${isAll} then now() end
    where id = ${mailingId}`.execute(trx);
  return isAll ? 'frozen' : 'listed';
}

async function findLastRecipient(trx: Transaction, ownerId: number): Promise<number> {
  const row = await trx
    .selectFrom('recipients')
    .select((eb) => eb.fn.max<number | null>('id').as('id'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirst();
  return row?.id ?? 0;
}

async function countAudience(db: Database, mailingId: number): Promise<number> {
  const row = await db
    .selectFrom('mailing_counters')
    .select('audience')
    .where('mailing_id', '=', mailingId)
    .executeTakeFirst();
  return row?.audience ?? 0;
}

const CLOSING_ROWS = 150;

/** Turns what still stands in the queue into `expired` or `cancelled`: some rows, so that no lock lasts long. True when there may be more. */
export async function closeWaiting(db: Database, mailingId: number, state: 'expired' | 'cancelled'): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    with picked as (
      delete from queue where id in (select id from queue where mailing_id = ${mailingId} limit ${CLOSING_ROWS} for update skip locked)
      returning delivery_ids
    ), closed as (
      update deliveries d set state = ${state}::delivery_state
      from (select unnest(delivery_ids) as id from picked) p where d.id = p.id and d.state = 'waiting' returning 1
    ), counted as (
      update mailing_counters c set waiting = c.waiting - k.n, ${sql.ref(state)} = ${sql.ref(`c.${state}`)} + k.n
      from (select count(*) as n from closed) k where c.mailing_id = ${mailingId} and k.n > 0
    )
    select count(*)::int as count from picked`.execute(db);
  return (rows[0]?.count ?? 0) >= CLOSING_ROWS;
}

/**
 * Finished is only what balances: nothing waiting, nothing being sent. The books are locked before the mailing: what sends a letter again
 * meanwhile (doubt-store.ts) is waited for, and seen.
 */
export async function finishMailing(db: Database, mailingId: number): Promise<boolean> {
  const result = await sql`
    with books as materialized (
      select mailing_id from mailing_counters where mailing_id = ${mailingId} and waiting = 0 for update
    )
    update mailings m set status = 'finished', finished_at = now()
    from books where m.id = books.mailing_id and m.status = 'running' and m.frozen_at is not null`.execute(db);
  return result.numAffectedRows === 1n;
}

export interface RunningMailing {
  id: number;
  frozen: boolean;
  /** Past its end, or stopped: what waits is to be closed as this. */
  closing: 'expired' | 'cancelled' | null;
  maySend: boolean;
  /** Something of it is due. */
  isDue: boolean;
  /** Nothing of it is waiting or being sent. */
  isSettled: boolean;
  limit: Pacing | null;
}

export async function listRunningMailings(db: Database): Promise<RunningMailing[]> {
  const { rows } = await sql<RunningMailing>`
    select m.id, m.frozen_at is not null as frozen,
      case when m.stopped_at is not null then 'cancelled' when m.ends_at <= now() then 'expired' end as closing,
      ${maySend} as "maySend", coalesce(c.waiting = 0, false) as "isSettled",
      exists (select from queue q where q.mailing_id = m.id and q.due_at <= now()) as "isDue",
      case when m.letters_limit is not null then jsonb_build_object('letters', m.letters_limit, 'seconds', m.limit_seconds) end as "limit"
    from mailings m join users u on u.id = m.owner_id left join mailing_counters c on c.mailing_id = m.id
    where m.status = 'running' order by m.id`.execute(db);
  return rows;
}

/** Those of the mailings that may still be sent. */
export async function listSendable(db: Database, mailingIds: number[]): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    select m.id from mailings m join users u on u.id = m.owner_id
    where m.id = any(${mailingIds}::bigint[]) and ${maySend}`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** What goes into the letters of a mailing, frozen at its start. */
export async function readContent(
  db: Database,
  mailingId: number,
): Promise<{ subject: string; body: string } | undefined> {
  return db
    .selectFrom('mailing_contents')
    .select(['subject', 'body'])
    .where('mailing_id', '=', mailingId)
    .executeTakeFirst();
}
