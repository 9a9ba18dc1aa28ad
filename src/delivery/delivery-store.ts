import { sql, type RawBuilder, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { keyset, PAGE_SIZE, toPage, type ListQuery, type Page } from '../lib/list.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import type { DeliveryState } from '../lib/schema-delivery.js';
import { mayLackAttempts } from './attempt-months-store.js';
import type { Attempt, Counters, Delivery, Halt } from './delivery.js';

/* What pages read of the ledger. What the worker writes is in ledger-store.ts. */

const COUNTERS = [
  'mailing_counters.audience',
  'waiting',
  'accepted',
  'rejected',
  'in_doubt as inDoubt',
  'in_doubt_left as inDoubtLeft',
  'suppressed',
  'expired',
  'cancelled',
  'attempts_accepted as attemptsAccepted',
  'attempts_deferred as attemptsDeferred',
  'attempts_rejected as attemptsRejected',
  'attempts_in_doubt as attemptsInDoubt',
] as const;

const IN_LEASE = sql<SqlBool>`exists (
  select from leases l where l.mailing_id = deliveries.mailing_id and deliveries.id = any(l.delivery_ids))`;

/** What a worker has claimed is being sent; the delivery's own row does not say so. */
const SHOWN_STATE = sql<DeliveryState>`case when deliveries.state = 'waiting' and ${IN_LEASE} then 'sending' else deliveries.state end`;

const DELIVERY = [
  'deliveries.id',
  'deliveries.address',
  'deliveries.name',
  SHOWN_STATE.as('state'),
  'deliveries.attempt_count as attemptCount',
  'deliveries.next_try_at as nextTryAt',
  'deliveries.left_in_doubt as leftInDoubt',
  'deliveries.recipient_id as recipientId',
] as const;

export const ATTEMPT = [
  'attempts.id',
  'attempts.delivery_id as deliveryId',
  'attempts.address',
  'attempts.started_at as startedAt',
  'attempts.duration_ms as durationMs',
  'attempts.outcome',
  'attempts.relay',
  'attempts.stage',
  'attempts.reply_code as replyCode',
  'attempts.enhanced_code as enhancedCode',
  'attempts.reply',
] as const;

/** By mailing id. A mailing that has not been frozen yet has none. */
export async function readCounters(db: Database, owners: Owners, mailingIds: number[]): Promise<Map<number, Counters>> {
  if (mailingIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('mailing_counters')
    .innerJoin('mailings', 'mailings.id', 'mailing_counters.mailing_id')
    .select(['mailing_id as mailingId', ...COUNTERS])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailing_id', 'in', mailingIds)
    .execute();
  return new Map(rows.map(({ mailingId, ...counters }) => [mailingId, counters]));
}

/** The sums over all mailings. */
export async function sumCounters(db: Database, owners: Owners): Promise<Counters> {
  const sum = (column: string) => sql<number>`coalesce(sum(${sql.ref(`mailing_counters.${column}`)}), 0)::bigint`;
  return db
    .selectFrom('mailing_counters')
    .innerJoin('mailings', 'mailings.id', 'mailing_counters.mailing_id')
    .select([
      sum('audience').as('audience'),
      sum('waiting').as('waiting'),
      sum('accepted').as('accepted'),
      sum('rejected').as('rejected'),
      sum('in_doubt').as('inDoubt'),
      sum('in_doubt_left').as('inDoubtLeft'),
      sum('suppressed').as('suppressed'),
      sum('expired').as('expired'),
      sum('cancelled').as('cancelled'),
      sum('attempts_accepted').as('attemptsAccepted'),
      sum('attempts_deferred').as('attemptsDeferred'),
      sum('attempts_rejected').as('attemptsRejected'),
      sum('attempts_in_doubt').as('attemptsInDoubt'),
    ])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .executeTakeFirstOrThrow();
}

/** By address; the search matches the beginning of addresses, which the unique key serves at any size. */
export async function listDeliveries(
  db: Database,
  ownerId: number,
  mailingId: number,
  list: ListQuery,
  state: DeliveryState | null,
): Promise<Page<Delivery>> {
  const key = { expression: sql`lower(deliveries.address)`, type: 'text' } as const;
  const { where, orderBy, cursorValue, cursor } = keyset(list, key, sql`deliveries.id`);
  let query = selectOwned(db, ownerId, mailingId)
    .select([...DELIVERY, cursorValue.as('cursor_value')])
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1);
  if (state !== null) query = query.where(await isInState(db, mailingId, state));
  if (list.search !== '') query = query.where(startsWith(list.search));
  return toPage(await query.execute(), cursor);
}

/** From one in so many on, a state is found by walking along the addresses; fewer are gathered first, by where else they stand. */
const RARE = 200;

/**
 * No index has the state (see migration 0007). Of a million deliveries, 5,000 rejected ones are gathered and sorted in 15 ms; of a walk along the
 * addresses every two hundredth would do, which makes a page in 30 ms.
 */
async function isInState(db: Database, mailingId: number, state: DeliveryState): Promise<RawBuilder<SqlBool>> {
  const gathered = (ids: RawBuilder<unknown>) => sql<SqlBool>`deliveries.id in (${ids})`;
  if (state === 'sending')
    return gathered(sql`select unnest(delivery_ids) from leases where mailing_id = ${mailingId}`);
  const isNow = sql<SqlBool>`deliveries.state = ${state} and not ${IN_LEASE}`;
  const books = await db
    .selectFrom('mailing_counters')
    .select(['audience', `${state} as count`])
    .where('mailing_id', '=', mailingId)
    .executeTakeFirst();
  if (!books || books.count * RARE >= books.audience) return isNow;
  // Which were accepted, only attempts tell, and these may have been removed.
  if (state === 'accepted' && (await hasLostAttempts(db, mailingId))) return isNow;
  return sql<SqlBool>`${isNow} and ${gathered(listInState(mailingId, state))}`;
}

async function hasLostAttempts(db: Database, mailingId: number): Promise<boolean> {
  const { rows } = await sql`select from mailings m where m.id = ${mailingId} and ${mayLackAttempts}`.execute(db);
  return rows.length > 0;
}

function listInState(mailingId: number, state: Exclude<DeliveryState, 'sending'>): RawBuilder<unknown> {
  if (state === 'waiting') return sql`select unnest(delivery_ids) from queue where mailing_id = ${mailingId}`;
  if (state === 'accepted')
    return sql`select delivery_id from attempts where mailing_id = ${mailingId} and outcome = 'accepted'`;
  return sql`select delivery_id from delivery_marks where mailing_id = ${mailingId} and state = ${state}`;
}

export async function findDelivery(
  db: Database,
  ownerId: number,
  mailingId: number,
  id: number,
): Promise<Delivery | undefined> {
  return selectOwned(db, ownerId, mailingId).select(DELIVERY).where('deliveries.id', '=', id).executeTakeFirst();
}

/** All tries at one delivery, newest first. */
export async function listDeliveryAttempts(
  db: Database,
  ownerId: number,
  mailingId: number,
  deliveryId: number,
): Promise<Attempt[]> {
  return selectOwned(db, ownerId, mailingId)
    .innerJoin('attempts', 'attempts.delivery_id', 'deliveries.id')
    .select(ATTEMPT)
    .where('deliveries.id', '=', deliveryId)
    .orderBy('attempts.id', 'desc')
    .execute();
}

/** The newest attempts of a mailing, at most `limit`. */
export async function listLatestAttempts(
  db: Database,
  ownerId: number,
  mailingId: number,
  limit: number,
): Promise<Attempt[]> {
  return db
    .selectFrom('attempts')
    .innerJoin('mailings', 'mailings.id', 'attempts.mailing_id')
    .select(ATTEMPT)
    .where('mailings.owner_id', '=', ownerId)
    .where('attempts.mailing_id', '=', mailingId)
    .orderBy('attempts.id', 'desc')
    .limit(limit)
    .execute();
}

/** Whether the newest `count` attempts of a mailing were all made since then, and none was accepted. */
export async function haveLatestFailed(db: Database, mailingId: number, since: Date, count: number): Promise<boolean> {
  const { rows } = await sql<{ failed: number }>`
    select count(*) filter (where started_at >= ${since} and outcome <> 'accepted') as failed
    from (select started_at, outcome from attempts where mailing_id = ${mailingId} order by id desc limit ${count}) latest`.execute(
    db,
  );
  return rows[0]?.failed === count;
}

/** How the sending of a mailing came to its end after `since`, when it was disabled. */
export async function readHalt(db: Database, mailingId: number, since: Date): Promise<Halt> {
  return readHaltOf(db, since, sql<SqlBool>`m.id = ${mailingId}`);
}

/** The same over all mailings of an owner that were running then; for a block. */
export async function readOwnerHalt(db: Database, ownerId: number, since: Date): Promise<Halt> {
  return readHaltOf(
    db,
    since,
    sql<SqlBool>`m.owner_id = ${ownerId} and (m.status = 'running' or m.finished_at > ${since})`,
  );
}

/** Attempts are numbered in the order in which they are written, almost that in which they end: the last ones of each mailing suffice. */
const LAST_ATTEMPTS = 1000;

async function readHaltOf(db: Database, since: Date, condition: RawBuilder<SqlBool>): Promise<Halt> {
  const { rows } = await sql<Halt>`
    with halted as (select m.id from mailings m where ${condition})
    select
      not exists (select from leases l join halted h on l.mailing_id = h.id where cardinality(l.delivery_ids) > 0) as done,
      case when not exists (select from installation_settings s where s.attempts_kept_from > ${since}) then coalesce((
        select greatest(extract(epoch from max(a.ended_at) - ${since}::timestamptz), 0) from halted h, lateral (
          select started_at + duration_ms * interval '1 millisecond' as ended_at from attempts
          where mailing_id = h.id order by id desc limit ${LAST_ATTEMPTS}
        ) a
      ), 0)::float8 end as seconds,
      (select coalesce(sum(c.accepted + c.in_doubt), 0) from halted h join mailing_counters c on c.mailing_id = h.id)::bigint as left`.execute(
    db,
  );
  return rows[0] ?? { done: true, seconds: 0, left: 0 };
}

/** Deliveries of a mailing in one state, neither waiting nor accepted: the one that is named, or all but those that their owner has decided to leave. */
export interface Repeatable {
  mailingId: number;
  state: DeliveryState;
  deliveryId: number | null;
}

/** Their recipients that are still kept; for `insert … select` by the feature mailings. */
export function selectRecipientIds(db: Database, repeatable: Repeatable) {
  return selectRepeatable(db, repeatable).select('recipient_id').where('recipient_id', 'is not', null);
}

/** How many recipients are still kept, and how many are gone. */
export async function countRepeatable(
  db: Database,
  repeatable: Repeatable,
): Promise<{ count: number; missing: number }> {
  return selectRepeatable(db, repeatable)
    .select([
      sql<number>`count(recipient_id)`.as('count'),
      sql<number>`count(*) filter (where recipient_id is null)`.as('missing'),
    ])
    .executeTakeFirstOrThrow();
}

function selectRepeatable(db: Database, { mailingId, state, deliveryId }: Repeatable) {
  const query = db
    .selectFrom('deliveries')
    .where('mailing_id', '=', mailingId)
    .where('state', '=', state)
    .where('id', 'in', (marks) =>
      marks
        .selectFrom('delivery_marks')
        .select('delivery_id')
        .where('delivery_marks.mailing_id', '=', mailingId)
        .where('delivery_marks.state', '=', state),
    );
  return deliveryId === null ? query.where('left_in_doubt', '=', false) : query.where('id', '=', deliveryId);
}

function selectOwned(db: Database, ownerId: number, mailingId: number) {
  return db
    .selectFrom('deliveries')
    .innerJoin('mailings', 'mailings.id', 'deliveries.mailing_id')
    .where('mailings.owner_id', '=', ownerId)
    .where('deliveries.mailing_id', '=', mailingId);
}

function startsWith(search: string) {
  const from = search.toLowerCase();
  return sql<boolean>`lower(deliveries.address) >= ${from} and lower(deliveries.address) < ${`${from}\u{10ffff}`}`;
}
