/**
 * Leases: what a worker has taken out of the queue to send. `claimLease` commits that its deliveries may leave before a byte of them is
 * sent, and is the gate: it succeeds only while the mailing may send. `recordEntries` takes deliveries out of the lease, settled or back
 * into the queue. Whatever dies in between, `reapLeases` finds the lease expired, and what it still holds is `in_doubt`. What is not in a
 * lease any more is left as it is: neither a worker that slept past its lease nor a statement that is tried again changes anything.
 */
import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { PREPARED } from '../lib/prepared-statements.js';
import type { AttemptOutcome, Attributes } from '../lib/schema-delivery.js';
import { maySend } from './ledger-store.js';

const LEASE_SECONDS = 20;

export interface LeasedDelivery {
  id: number;
  address: string;
  name: string;
  attributes: Attributes;
  /** How often the recipient's side has put it off. */
  deferralCount: number;
  /** How often the mail server has hung up at it. */
  hangUpCount: number;
}

/** What became of one leased delivery. Without an attempt it was not tried. */
export interface Entry {
  deliveryId: number;
  state: 'accepted' | 'rejected' | 'in_doubt' | 'waiting';
  /** From now on the clock of the database, which decides what is due. */
  retryInMs: number;
  /** Whether the recipient's side put it off. */
  isDeferral: boolean;
  /** Whether the mail server hung up at it. */
  isHangUp?: boolean;
  attempt: {
    outcome: AttemptOutcome;
    startedAt: Date;
    durationMs: number;
    relay: string;
    tls: string | null;
    stage: string;
    replyCode: number | null;
    enhancedCode: string | null;
    reply: string;
  } | null;
}

interface Claim {
  /** A UUID of the caller's: when the answer is lost, `releaseLease` undoes what may have been committed. */
  id: string;
  mailingId: number;
  node: string;
  /** At most. */
  size: number;
}

/** Leases deliveries whose turn has come, in their order; none when nothing is due, or the mailing may not send now. */
export async function claimLease(db: Database, { id, mailingId, node, size }: Claim): Promise<LeasedDelivery[]> {
  const { rows } = await sql<LeasedDelivery>`${PREPARED}
    with picked as materialized (
      select q.id, q.delivery_ids as ids from queue q
      where q.mailing_id = ${mailingId} and q.due_at <= now()
        and exists (select from mailings m join users u on u.id = m.owner_id where m.id = ${mailingId} and ${maySend})
      order by q.due_at, q.id limit 1 for update skip locked
    ), emptied as (
      delete from queue q using picked where q.id = picked.id and cardinality(picked.ids) <= ${size}::int
    ), shortened as (
      update queue q set delivery_ids = picked.ids[${size}::int + 1:] from picked where q.id = picked.id and cardinality(picked.ids) > ${size}::int
    ), lease as (
      insert into leases (id, mailing_id, node, expires_at, delivery_ids)
      select ${id}::uuid, ${mailingId}, ${node}, now() + make_interval(secs => ${LEASE_SECONDS}), ids[1:${size}::int] from picked
      returning delivery_ids
    )
    select d.id, d.address, d.name, d.attributes, d.deferral_count as "deferralCount", d.hang_up_count as "hangUpCount"
    from lease join deliveries d on d.id = any(lease.delivery_ids) order by d.id`.execute(db);
  return rows;
}

/**
 * Gives everything back that a lease holds. Only for one of which nothing was sent. PostgreSQL may be at the claim still, though its connection
 * is lost to this side: the empty lease of the same name waits for it, and keeps one that is yet to come from taking anything.
 */
export async function releaseLease(db: Database, { id, mailingId, node }: Omit<Claim, 'size'>): Promise<void> {
  await sql`
    insert into leases (id, mailing_id, node, expires_at, delivery_ids)
    values (${id}::uuid, ${mailingId}, ${node}, now() + make_interval(secs => ${LEASE_SECONDS}), '{}') on conflict (id) do nothing`.execute(
    db,
  );
  await sql`
    with released as (
      delete from leases where id = ${id}::uuid and cardinality(delivery_ids) > 0 returning mailing_id, delivery_ids
    )
    insert into queue (mailing_id, due_at, delivery_ids) select mailing_id, now(), delivery_ids from released`.execute(
    db,
  );
}

/**
 * Keeps leases alive, also one that has expired and was not taken back yet; the names of those that there still are. One whose outcomes are
 * being written is passed over: that may wait for a deletion of recipients, nobody takes it back meanwhile, and its end extends it.
 */
export async function renewLeases(db: Database, ids: string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    with free as materialized (
      select id from leases where id = any(${ids}::uuid[]) for update skip locked
    ), renewed as (
      update leases l set expires_at = now() + make_interval(secs => ${LEASE_SECONDS}) from free where l.id = free.id
    )
    select id from leases where id = any(${ids}::uuid[])`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** Writes attempts, deliveries, queue and counters in one statement. With `isLast` the lease ends. */
export async function recordEntries(db: Database, leaseId: string, entries: Entry[], isLast: boolean): Promise<void> {
  // In the order in which a deletion of recipients comes past them: the two then wait for each other more seldom.
  const ordered = entries.toSorted((a, b) => a.deliveryId - b.deliveryId);
  const column = <T>(pick: (entry: Entry) => T) => ordered.map(pick);
  const ids = column((entry) => entry.deliveryId);
  await sql`${PREPARED}
    with lease as materialized (
      select id, mailing_id, delivery_ids from leases where id = ${leaseId}::uuid for update
    ), ${isLast ? endLease : shortenLease(ids)}, given as materialized (
      select g.*, lease.mailing_id from lease, unnest(
        ${ids}::bigint[], ${column((e) => e.state)}::delivery_state[], ${column((e) => e.retryInMs)}::float8[],
        ${column((e) => e.attempt?.outcome ?? null)}::attempt_outcome[], ${column((e) => e.attempt?.startedAt ?? null)}::timestamptz[],
        ${column((e) => e.attempt?.durationMs ?? null)}::int[], ${column((e) => e.attempt?.relay ?? null)}::text[],
        ${column((e) => e.attempt?.tls ?? null)}::text[], ${column((e) => e.attempt?.stage ?? null)}::text[],
        ${column((e) => e.attempt?.replyCode ?? null)}::smallint[], ${column((e) => e.attempt?.enhancedCode ?? null)}::text[],
        ${column((e) => toStorable(e.attempt?.reply))}::text[], ${column((e) => e.isDeferral)}::boolean[],
        ${column((e) => e.isHangUp ?? false)}::boolean[]
      ) as g (delivery_id, new_state, retry_in_ms, outcome, started_at, duration_ms, relay, tls, stage, reply_code, enhanced_code, reply,
        is_deferral, is_hang_up)
      where g.delivery_id = any(lease.delivery_ids)
    ), queued as (
      insert into queue (mailing_id, due_at, delivery_ids)
      select mailing_id, now() + make_interval(secs => retry_in_ms / 1000), array_agg(delivery_id order by delivery_id)
      from given where new_state = 'waiting' group by mailing_id, retry_in_ms
    ), settled as (
      update deliveries d
      set state = g.new_state, next_try_at = now() + make_interval(secs => g.retry_in_ms / 1000),
        attempt_count = d.attempt_count + 1, deferral_count = d.deferral_count + g.is_deferral::int,
        hang_up_count = d.hang_up_count + g.is_hang_up::int
      from given g where d.id = g.delivery_id and d.state = 'waiting' and g.outcome is not null
      returning d.address, g.*
    ), tried as (
      insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, tls, stage, reply_code, enhanced_code,
        reply)
      select delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, tls, stage, reply_code, enhanced_code, reply
      from settled order by started_at
    ), ${sumAttempts}
    ${moveCounters}`.execute(db);
}

const endLease = sql`ended as (delete from leases l using lease where l.id = lease.id)`;

const shortenLease = (ids: number[]) => sql`shortened as (
  update leases l set delivery_ids = array(select id from unnest(lease.delivery_ids) id where id <> all(${ids}::bigint[])),
    expires_at = greatest(l.expires_at, clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}))
  from lease where l.id = lease.id and lease.delivery_ids && ${ids}::bigint[])`;

/** PostgreSQL takes no NUL in a text; one reply with it would keep the outcomes beside it from being written. */
function toStorable(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null;
}

/**
 * The totals that outlive the attempts, from `settled`. They are written after the counters of the mailing, which the end of the statement
 * locks first: two writers of one mailing never wait for each other crosswise.
 */
const sumAttempts = sql`totalled as (
      insert into attempt_totals as t (mailing_id, at, accepted, deferred, rejected, in_doubt)
      select mailing_id, date_bin('15 minutes', started_at, 'epoch') as at, count(*) filter (where outcome = 'accepted'),
        count(*) filter (where outcome = 'deferred'), count(*) filter (where outcome = 'rejected'), count(*) filter (where outcome = 'in_doubt')
      from settled group by mailing_id, at
      on conflict (mailing_id, at) do update set accepted = t.accepted + excluded.accepted, deferred = t.deferred + excluded.deferred,
        rejected = t.rejected + excluded.rejected, in_doubt = t.in_doubt + excluded.in_doubt
    ), refused as (
      insert into refusals as r (mailing_id, domain, outcome, stage, reply_code, enhanced_code, attempts, last_at, reply)
      select mailing_id, lower(split_part(address, '@', -1)) as domain, outcome, stage, coalesce(reply_code, 0) as code,
        coalesce(enhanced_code, '') as enhanced, count(*), max(started_at), (array_agg(reply order by started_at desc))[1]
      from settled where outcome <> 'accepted' group by mailing_id, domain, outcome, stage, code, enhanced
      on conflict (mailing_id, domain, outcome, stage, reply_code, enhanced_code) do update
        set attempts = r.attempts + excluded.attempts, last_at = excluded.last_at, reply = excluded.reply
    )`;

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

/**
 * Takes back the leases whose worker is gone, which `own`, those of the process that asks, are not: what they hold may have left, is in doubt,
 * and is never sent again by itself. Tells how many deliveries.
 */
export async function reapLeases(db: Database, own: string[] = []): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with dead as (
      delete from leases where id in (select id from leases where expires_at < now() and id <> all(${own}::uuid[]) for update skip locked)
      returning mailing_id, node, expires_at, delivery_ids
    ), settled as (
      update deliveries d set state = 'in_doubt', attempt_count = d.attempt_count + 1
      from dead where d.id = any(dead.delivery_ids) and d.state = 'waiting'
      returning d.id as delivery_id, d.mailing_id, d.address, d.state as new_state, 'in_doubt'::attempt_outcome as outcome, 'dot' as stage,
        null::smallint as reply_code, null as enhanced_code, dead.expires_at - make_interval(secs => ${LEASE_SECONDS}) as started_at,
        'The sending process ' || dead.node || ' ended before a reply was stored.' as reply
    ), tried as (
      insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply)
      select delivery_id, mailing_id, address, started_at, 0, outcome, '', stage, reply from settled
    ), ${sumAttempts}, counted as (${moveCounters} returning 1)
    select count(*)::int as count from settled, (select count(*) from counted) c`.execute(db);
  return rows[0]?.count ?? 0;
}
