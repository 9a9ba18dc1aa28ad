/**
 * What a finished mailing's report shows, counted once. A summary is valid for one `finished_at`: a mailing that was sent again and finishes
 * anew is summarised anew. The mailing's row is locked meanwhile, so that two callers count once, and nobody sends again what is being counted.
 * Whoever dies in between leaves the summary of before, or none: then the report counts it.
 */
import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import { mayLackAttempts } from './attempt-months-store.js';
import type { MailingDomain, MailingSummary } from './mailing-summary.js';

/** Round lengths, in seconds: up to half a year fits into the most stretches there are. */
const STRETCHES = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
];
const MOST_STRETCHES = 120;
/** `attempt_totals` are by the quarter of an hour. */
const TOTALS_SECONDS = 900;

const MOST_DOMAINS = 500;

/** Counts what is not counted yet; false for a mailing that is not finished. */
export async function summarizeMailing(db: Database, mailingId: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const mailing = await lockFinished(trx, mailingId);
    if (!mailing) return false;
    if (mailing.isCurrent) return true;
    await sumStretches(trx, mailingId, mailing.hasAttempts);
    await sumDomains(trx, mailingId);
    return true;
  });
}

interface FinishedMailing {
  isCurrent: boolean;
  /** None of its attempts was removed since. */
  hasAttempts: boolean;
}

async function lockFinished(trx: Transaction, mailingId: number): Promise<FinishedMailing | undefined> {
  const locked = await sql`
    select from mailings where id = ${mailingId} and status = 'finished' for no key update`.execute(trx);
  if (locked.rows.length === 0) return undefined;
  // The removal of old attempts (attempt-months-store.ts) comes before this with all it does, or after the end of it.
  await sql`lock table attempts in access share mode`.execute(trx);
  const { rows } = await sql<FinishedMailing>`
    select coalesce(s.finished_at = m.finished_at, false) as "isCurrent",
      not ${mayLackAttempts} as "hasAttempts"
    from mailings m left join mailing_summaries s on s.mailing_id = m.id where m.id = ${mailingId}`.execute(trx);
  return rows[0];
}

/**
 * By the second first, so that the attempts are read once, whatever length of the stretches comes of it: of a million attempts in 0.7 s, by
 * the index of the mailing.
 */
async function sumStretches(trx: Transaction, mailingId: number, hasAttempts: boolean): Promise<void> {
  await sql`
    with moments as materialized (${hasAttempts ? fromAttempts(mailingId) : fromTotals(mailingId)}),
    span as (
      select min(extract(epoch from at))::bigint as first, max(extract(epoch from at))::bigint as last, min(first_at) as first_at,
        max(last_at) as last_at from moments
    ), chosen as (
      select span.*, (
        select min(s) from unnest(${STRETCHES}::bigint[]) s
        where s >= ${hasAttempts ? 1 : TOTALS_SECONDS} and (last / s - first / s < ${MOST_STRETCHES} or s = ${STRETCHES.at(-1)}::bigint)
      ) as stretch from span
    ), counted as (
      select extract(epoch from at)::bigint / stretch - first / stretch as n, sum(tries)::int as tries, sum(accepted)::int as accepted
      from moments, chosen group by 1
    ), stretches as (
      select array_agg(coalesce(c.tries, 0) order by n) as tries, array_agg(coalesce(c.accepted, 0) order by n) as accepted
      from (select generate_series(0, last / stretch - first / stretch) as n from chosen) all_of_them left join counted c using (n)
    ), by_relay as (
      select relay, sum(tries)::int as tries, sum(accepted)::int as accepted from moments where relay <> '' group by relay
    )
    insert into mailing_summaries (mailing_id, finished_at, starts_at, stretch_seconds, tries, accepted, first_at, last_at, relays)
    select m.id, m.finished_at, coalesce(to_timestamp(first / stretch * stretch), m.finished_at), case when first is null then 1 else stretch end,
      coalesce(stretches.tries, '{}'), coalesce(stretches.accepted, '{}'), first_at, last_at,
      coalesce((select jsonb_agg(to_jsonb(r) order by r.tries desc, r.relay) from by_relay r), '[]')
    from mailings m, chosen, stretches where m.id = ${mailingId}
    on conflict (mailing_id) do update set (finished_at, starts_at, stretch_seconds, tries, accepted, first_at, last_at, relays) = (
      excluded.finished_at, excluded.starts_at, excluded.stretch_seconds, excluded.tries, excluded.accepted, excluded.first_at,
      excluded.last_at, excluded.relays)`.execute(trx);
}

const fromAttempts = (mailingId: number) => sql`
  select date_bin('1 second', started_at, 'epoch') as at, relay, count(*) as tries, count(*) filter (where outcome = 'accepted') as accepted,
    min(started_at) as first_at, max(started_at + duration_ms * interval '1 millisecond') as last_at
  from attempts where mailing_id = ${mailingId} group by 1, 2`;

/** What is left when the attempts are gone. */
const fromTotals = (mailingId: number) => sql`
  select at, '' as relay, accepted + deferred + rejected + in_doubt as tries, accepted, null::timestamptz as first_at, null::timestamptz as last_at
  from attempt_totals where mailing_id = ${mailingId}`;

/** Of a million deliveries at 8,000 domains in 0.8 s; a plan with workers of its own would take from those that send. */
async function sumDomains(trx: Transaction, mailingId: number): Promise<void> {
  await trx.deleteFrom('mailing_domains').where('mailing_id', '=', mailingId).execute();
  await sql`
    insert into mailing_domains (mailing_id, domain, audience, accepted, rejected, in_doubt, suppressed, expired, cancelled)
    select ${mailingId}, case when place <= ${MOST_DOMAINS} then domain else '' end as kept, sum(audience), sum(accepted), sum(rejected),
      sum(in_doubt), sum(suppressed), sum(expired), sum(cancelled)
    from (
      select lower(split_part(address, '@', -1)) as domain, count(*) as audience, count(*) filter (where state = 'accepted') as accepted,
        count(*) filter (where state = 'rejected') as rejected, count(*) filter (where state = 'in_doubt') as in_doubt,
        count(*) filter (where state = 'suppressed') as suppressed, count(*) filter (where state = 'expired') as expired,
        count(*) filter (where state = 'cancelled') as cancelled,
        row_number() over (order by count(*) desc, lower(split_part(address, '@', -1)) collate "C") as place
      from deliveries where mailing_id = ${mailingId} group by lower(split_part(address, '@', -1))
    ) domains group by kept`.execute(trx);
}

/** By mailing id: of those that are finished, counted now where that was not done yet. */
export async function readSummaries(
  db: Database,
  owners: Owners,
  mailingIds: number[],
): Promise<Map<number, MailingSummary>> {
  const missing = await listUnsummarized(db, owners, mailingIds);
  for (const id of missing) await summarizeMailing(db, id);
  const rows = await db
    .selectFrom('mailing_summaries')
    .innerJoin('mailings', 'mailings.id', 'mailing_summaries.mailing_id')
    .select([
      'mailing_id as mailingId',
      'starts_at',
      'stretch_seconds as stretchSeconds',
      'tries',
      'mailing_summaries.accepted',
      'first_at',
      'last_at',
      'relays',
    ])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailings.status', '=', 'finished')
    .where('mailing_id', '=', sql<number>`any(${mailingIds}::bigint[])`)
    .execute();
  return new Map(
    rows.map(({ mailingId, starts_at, first_at, last_at, ...summary }) => [
      mailingId,
      {
        ...summary,
        startsAt: starts_at.toISOString(),
        firstAt: first_at?.toISOString() ?? null,
        lastAt: last_at?.toISOString() ?? null,
      },
    ]),
  );
}

async function listUnsummarized(db: Database, owners: Owners, mailingIds: number[]): Promise<number[]> {
  const rows = await db
    .selectFrom('mailings')
    .leftJoin('mailing_summaries', 'mailing_summaries.mailing_id', 'mailings.id')
    .select('mailings.id')
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailings.id', '=', sql<number>`any(${mailingIds}::bigint[])`)
    .where('mailings.status', '=', 'finished')
    .where(sql<boolean>`mailing_summaries.finished_at is distinct from mailings.finished_at`)
    .orderBy('mailings.id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Of a summarised mailing, the domain with the most recipients first, all others together last. */
export async function listMailingDomains(db: Database, owners: Owners, mailingId: number): Promise<MailingDomain[]> {
  return db
    .selectFrom('mailing_domains')
    .innerJoin('mailings', 'mailings.id', 'mailing_domains.mailing_id')
    .select([
      'domain',
      'mailing_domains.audience',
      'accepted',
      'rejected',
      'in_doubt as inDoubt',
      'suppressed',
      'expired',
      'cancelled',
    ])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailing_id', '=', mailingId)
    .orderBy(sql`domain = ''`)
    .orderBy('mailing_domains.audience', 'desc')
    .orderBy(sql`domain collate "C"`)
    .execute();
}
