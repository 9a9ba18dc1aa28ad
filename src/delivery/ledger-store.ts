/**
 * The ledger, which is the queue as well. A delivery is made `waiting` when the audience is frozen; a worker's lease makes it
 * `sending`; recording an outcome settles it, or makes it wait again. Before a byte of a letter leaves, `beginWindow` has
 * committed that it may: whatever dies then, `reapLeases` finds the lease expired, and what was begun is `in_doubt`, what was not
 * is `waiting` again. Only the lease that a delivery carries can settle it, so a worker that slept past its lease changes nothing.
 * Every statement that settles deliveries moves the counters of the mailing with it.
 */
import { sql, type SqlBool } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { AttemptOutcome, Attributes } from '../lib/schema.js';

const LEASE_SECONDS = 20;

export interface LeasedDelivery {
  id: number;
  address: string;
  name: string;
  attributes: Attributes;
  /** How often the recipient's side has put it off. */
  deferralCount: number;
}

export interface Lease {
  id: number;
  mailingId: number;
  /** In the order in which they are begun. */
  deliveries: LeasedDelivery[];
}

/** What became of one leased delivery. Without an attempt it was not tried. */
export interface Entry {
  deliveryId: number;
  state: 'accepted' | 'rejected' | 'in_doubt' | 'waiting';
  /** From now on the clock of the database, which decides what is due. */
  retryInMs: number;
  /** Whether the recipient's side put it off. */
  isDeferral: boolean;
  attempt: {
    outcome: AttemptOutcome;
    startedAt: Date;
    durationMs: number;
    relay: string;
    stage: string;
    replyCode: number | null;
    enhancedCode: string | null;
    reply: string;
  } | null;
}

/** What must hold for a letter of mailing `m` with owner `u` to leave now. */
const maySend = sql<SqlBool>`(m.status = 'running' and m.frozen_at is not null and m.paused_at is null and m.stopped_at is null
  and m.disabled_at is null and m.ends_at > now() and not u.blocked)`;

/** From here on the planner's old picture of the table makes pages slow: 514 ms instead of 16 ms after 100,000 new rows. */
const ANALYZE_FROM = 10_000;

/** Makes one delivery for each recipient of a mailing that has started; false when another worker is at it or has done it. */
export async function freezeAudience(db: Database, mailingId: number): Promise<boolean> {
  const audience = await db.transaction().execute((trx) => makeDeliveries(trx, mailingId));
  if (audience !== undefined && audience >= ANALYZE_FROM) await sql`analyze deliveries`.execute(db);
  return audience !== undefined;
}

async function makeDeliveries(trx: Transaction, mailingId: number): Promise<number | undefined> {
  const mailing = await trx
    .selectFrom('mailings')
    .select(['owner_id as ownerId', 'audience'])
    .where('id', '=', mailingId)
    .where('status', '=', 'running')
    .where('frozen_at', 'is', null)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (!mailing) return undefined;
  const chosen =
    mailing.audience === 'all'
      ? sql``
      : sql`join mailing_recipients c on c.recipient_id = r.id and c.mailing_id = ${mailingId}`;
  // The lock makes a deletion wait, or be waited for. Without it one recipient deleted meanwhile undoes the whole freeze (foreign key).
  const { rows } = await sql<{ audience: number }>`
    with made as (
      insert into deliveries (mailing_id, recipient_id, address, name, attributes, next_try_at)
      select ${mailingId}, r.id, r.email, r.name, r.attributes, now()
      from recipients r ${chosen} where r.owner_id = ${mailing.ownerId} order by r.id for key share of r
      returning 1
    )
    insert into mailing_counters (mailing_id, audience, waiting) select ${mailingId}, count(*), count(*) from made
    returning audience`.execute(trx);
  await sql`update mailings set frozen_at = now() where id = ${mailingId}`.execute(trx);
  return rows[0]?.audience;
}

/** Leases up to `size` deliveries whose turn has come; committed before it returns. Undefined when there is none, or sending is not allowed. */
export async function claimBatch(
  db: Database,
  mailingId: number,
  node: string,
  size: number,
): Promise<Lease | undefined> {
  const { rows } = await sql<LeasedDelivery & { leaseId: number }>`
    with picked as materialized (
      select d.id from deliveries d
      where d.mailing_id = ${mailingId} and d.state = 'waiting' and d.next_try_at <= now()
        and exists (select from mailings m join users u on u.id = m.owner_id where m.id = ${mailingId} and ${maySend})
      order by d.next_try_at limit ${size} for update skip locked
    ), lease as (
      insert into leases (mailing_id, node, expires_at, delivery_ids)
      select ${mailingId}, ${node}, now() + make_interval(secs => ${LEASE_SECONDS}), array_agg(id order by id) from picked
      having count(*) > 0 returning id
    )
    update deliveries d set state = 'sending', lease_id = lease.id from picked, lease where d.id = picked.id
    returning lease.id as "leaseId", d.id, d.address, d.name, d.attributes, d.deferral_count as "deferralCount"`.execute(
    db,
  );
  const [first] = rows;
  if (!first) return undefined;
  const deliveries = rows.toSorted((a, b) => a.id - b.id);
  return { id: first.leaseId, mailingId, deliveries };
}

/**
 * The gate: commits that the first `count` deliveries of the lease may leave, and lets nothing more out from the moment of pausing,
 * stopping, disabling, blocking and the end time. False: nothing beyond what was begun may leave. Of what was begun, the worker calls
 * back what is not on the wire yet.
 */
export async function beginWindow(db: Database, leaseId: number, count: number): Promise<boolean> {
  const result = await sql`
    update leases l set begun_count = ${count}, expires_at = now() + make_interval(secs => ${LEASE_SECONDS})
    from mailings m, users u
    where l.id = ${leaseId} and l.expires_at > now() and m.id = l.mailing_id and u.id = m.owner_id and ${maySend}`.execute(
    db,
  );
  return result.numAffectedRows === 1n;
}

/**
 * Keeps leases alive while a slow server holds their letters. One that has expired and was not taken back yet lives on: only this
 * process can still learn what became of its letters.
 */
export async function renewLeases(db: Database, leaseIds: number[]): Promise<void> {
  if (leaseIds.length === 0) return;
  await sql`update leases set expires_at = now() + make_interval(secs => ${LEASE_SECONDS})
    where id = any(${leaseIds})`.execute(db);
}

/** Writes attempts, deliveries and counters in one statement; what the lease no longer holds is left as it is. */
export async function recordEntries(db: Database, leaseId: number, entries: Entry[]): Promise<void> {
  if (entries.length === 0) return;
  // In the order in which a deletion of recipients comes past them: the two then wait for each other more seldom.
  const ordered = entries.toSorted((a, b) => a.deliveryId - b.deliveryId);
  const column = <T>(pick: (entry: Entry) => T) => ordered.map(pick);
  await sql`
    with given as (
      select * from unnest(
        ${column((e) => e.deliveryId)}::bigint[], ${column((e) => e.state)}::delivery_state[], ${column((e) => e.retryInMs)}::float8[],
        ${column((e) => e.attempt?.outcome ?? null)}::attempt_outcome[], ${column((e) => e.attempt?.startedAt ?? null)}::timestamptz[],
        ${column((e) => e.attempt?.durationMs ?? null)}::int[], ${column((e) => e.attempt?.relay ?? null)}::text[],
        ${column((e) => e.attempt?.stage ?? null)}::text[], ${column((e) => e.attempt?.replyCode ?? null)}::smallint[],
        ${column((e) => e.attempt?.enhancedCode ?? null)}::text[], ${column((e) => toStorable(e.attempt?.reply))}::text[],
        ${column((e) => e.isDeferral)}::boolean[]
      ) as g (delivery_id, new_state, retry_in_ms, outcome, started_at, duration_ms, relay, stage, reply_code, enhanced_code, reply, is_deferral)
    ), settled as (
      update deliveries d
      set state = g.new_state, lease_id = null, next_try_at = now() + make_interval(secs => g.retry_in_ms / 1000),
        attempt_count = d.attempt_count + (g.outcome is not null)::int, deferral_count = d.deferral_count + g.is_deferral::int
      from given g where d.id = g.delivery_id and d.lease_id = ${leaseId} and d.state = 'sending'
      returning d.mailing_id, d.address, g.*
    ), tried as (
      insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply_code, enhanced_code, reply)
      select delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply_code, enhanced_code, reply
      from settled where outcome is not null order by started_at
    )
    ${moveCounters}`.execute(db);
}

/** PostgreSQL takes no NUL in a text; one reply with it would keep the outcomes beside it from being written. */
function toStorable(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null;
}

/** The end of statements that leave `settled (mailing_id, new_state, outcome)` behind: settled deliveries were waiting before. */
const moveCounters = sql`
  update mailing_counters c set
    waiting = c.waiting - k.accepted - k.rejected - k.in_doubt,
    accepted = c.accepted + k.accepted, rejected = c.rejected + k.rejected, in_doubt = c.in_doubt + k.in_doubt,
    attempts_accepted = c.attempts_accepted + k.tries_accepted, attempts_deferred = c.attempts_deferred + k.tries_deferred,
    attempts_rejected = c.attempts_rejected + k.tries_rejected, attempts_in_doubt = c.attempts_in_doubt + k.tries_in_doubt
  from (
    select mailing_id,
      count(*) filter (where new_state = 'accepted') as accepted, count(*) filter (where new_state = 'rejected') as rejected,
      count(*) filter (where new_state = 'in_doubt') as in_doubt,
      count(*) filter (where outcome = 'accepted') as tries_accepted, count(*) filter (where outcome = 'deferred') as tries_deferred,
      count(*) filter (where outcome = 'rejected') as tries_rejected, count(*) filter (where outcome = 'in_doubt') as tries_in_doubt
    from settled group by mailing_id
  ) k
  where c.mailing_id = k.mailing_id`;

/** Ends a lease whose deliveries are all recorded; what is left of it (never begun) waits again. */
export async function endLease(db: Database, leaseId: number): Promise<void> {
  await sql`
    with ended as (delete from leases where id = ${leaseId} returning id, delivery_ids)
    update deliveries d set state = 'waiting', lease_id = null
    from ended where d.id = any(ended.delivery_ids) and d.lease_id = ended.id and d.state = 'sending'`.execute(db);
}

/**
 * Takes back the leases whose worker is gone, which `own`, those of the process that asks, is not: what may have left is in doubt and is
 * never sent again by itself, the rest waits again. Tells how many deliveries of each kind.
 */
export async function reapLeases(db: Database, own: number[] = []): Promise<{ inDoubt: number; givenBack: number }> {
  const { rows } = await sql<{ inDoubt: number; givenBack: number }>`
    with dead as (
      delete from leases where id in (select id from leases where expires_at < now() and id <> all(${own}::bigint[]) for update skip locked)
      returning id, node, expires_at, begun_count, delivery_ids
    ), held as (
      select dead.id as lease_id, dead.node, dead.expires_at, item.delivery_id, item.position <= dead.begun_count as begun
      from dead, unnest(dead.delivery_ids) with ordinality as item (delivery_id, position)
    ), settled as (
      update deliveries d
      set state = case when h.begun then 'in_doubt' else 'waiting' end::delivery_state, lease_id = null,
        attempt_count = d.attempt_count + h.begun::int
      from held h where d.id = h.delivery_id and d.lease_id = h.lease_id and d.state = 'sending'
      returning d.id as delivery_id, d.mailing_id, d.address, h.node, h.expires_at, d.state as new_state,
        case when h.begun then 'in_doubt'::attempt_outcome end as outcome
    ), tried as (
      insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply)
      select delivery_id, mailing_id, address, expires_at - make_interval(secs => ${LEASE_SECONDS}), 0, outcome, '', 'dot',
        'The sending process ' || node || ' ended before a reply was stored.'
      from settled where outcome is not null
    ), counted as (${moveCounters} returning 1)
    select count(*) filter (where outcome is not null)::int as "inDoubt", count(*) filter (where outcome is null)::int as "givenBack"
    from settled, (select count(*) from counted) c`.execute(db);
  return rows[0] ?? { inDoubt: 0, givenBack: 0 };
}

const CLOSING_CHUNK = 10_000;

/** Turns what still waits into `expired` or `cancelled`: one chunk, so that no lock lasts long. True when there may be more. */
export async function closeWaiting(db: Database, mailingId: number, state: 'expired' | 'cancelled'): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    with picked as (
      select id from deliveries where mailing_id = ${mailingId} and state = 'waiting' limit ${CLOSING_CHUNK} for update skip locked
    ), closed as (
      update deliveries d set state = ${state}::delivery_state from picked where d.id = picked.id returning 1
    ), counted as (
      update mailing_counters c set waiting = c.waiting - k.n, ${sql.ref(state)} = ${sql.ref(`c.${state}`)} + k.n
      from (select count(*) as n from closed) k where c.mailing_id = ${mailingId} and k.n > 0
    )
    select count(*)::int as count from closed`.execute(db);
  return rows[0]?.count === CLOSING_CHUNK;
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
}

export async function listRunningMailings(db: Database): Promise<RunningMailing[]> {
  const { rows } = await sql<RunningMailing>`
    select m.id, m.frozen_at is not null as frozen,
      case when m.stopped_at is not null then 'cancelled' when m.ends_at <= now() then 'expired' end as closing,
      ${maySend} as "maySend"
    from mailings m join users u on u.id = m.owner_id
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
