import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { belongsTo, type Owners } from '../lib/owners.js';

/** Counts the totals of a mailing anew from its attempts; for what was not written by `recordEntries`, which keeps them as it goes. */
export async function sumAttemptsAnew(db: Database, mailingId: number): Promise<void> {
  await sql`
    with gone as (delete from attempt_totals where mailing_id = ${mailingId})
    , forgotten as (delete from refusals where mailing_id = ${mailingId})
    select 1`.execute(db);
  await sql`
    insert into attempt_totals (mailing_id, at, accepted, deferred, rejected, in_doubt)
    select mailing_id, date_bin('15 minutes', started_at, 'epoch') as at, count(*) filter (where outcome = 'accepted'),
      count(*) filter (where outcome = 'deferred'), count(*) filter (where outcome = 'rejected'), count(*) filter (where outcome = 'in_doubt')
    from attempts where mailing_id = ${mailingId} group by mailing_id, at`.execute(db);
  await sql`
    insert into refusals (mailing_id, domain, outcome, stage, reply_code, enhanced_code, attempts, last_at, reply)
    select mailing_id, lower(split_part(address, '@', -1)) as domain, outcome, stage, coalesce(reply_code, 0) as code,
      coalesce(enhanced_code, '') as enhanced, count(*), max(started_at), (array_agg(reply order by started_at desc, id desc))[1]
    from attempts where mailing_id = ${mailingId} and outcome <> 'accepted'
    group by mailing_id, domain, outcome, stage, code, enhanced`.execute(db);
}

/** Attempts by outcome. */
export interface AttemptSums {
  accepted: number;
  deferred: number;
  rejected: number;
  inDoubt: number;
}

/** From `from` on, up to but without `until`; borders of quarters of an hour. */
interface Span {
  from: Date;
  until: Date;
}

const SUMS = sql`
  coalesce(sum(t.accepted), 0)::bigint as accepted, coalesce(sum(t.deferred), 0)::bigint as deferred,
  coalesce(sum(t.rejected), 0)::bigint as rejected, coalesce(sum(t.in_doubt), 0)::bigint as "inDoubt"`;

const NONE: AttemptSums = { accepted: 0, deferred: 0, rejected: 0, inDoubt: 0 };

/**
 * The attempts between each two borders, and those of a time before the first. One statement, so that all of it is of one moment. An owner's
 * go along the primary key, mailing by mailing; everybody's are one pass over the totals.
 */
export async function sumAttemptsByTime(
  db: Database,
  owners: Owners,
  borders: Date[],
  before: Span,
): Promise<{ series: AttemptSums[]; before: AttemptSums }> {
  const [first = before.until, last = before.until] = [borders[0], borders.at(-1)];
  const { rows } = await sql<AttemptSums & { place: number }>`
    select width_bucket(t.at, ${borders}::timestamptz[]) as place, ${SUMS}
    from attempt_totals t ${joinMailings(owners)}
    where t.at >= ${before.from} and t.at < ${last} and (t.at >= ${first} or t.at < ${before.until}) and ${ofOwners(owners)}
    group by place`.execute(db);
  const byPlace = new Map(rows.map(({ place, ...sums }) => [place, sums]));
  return {
    series: borders.slice(1).map((_, index) => byPlace.get(index + 1) ?? NONE),
    before: byPlace.get(0) ?? NONE,
  };
}

export interface OwnerAttempts extends AttemptSums {
  ownerId: number;
  /** Those accepted in the time before. */
  acceptedBefore: number;
}

/** Of every owner who had attempts in one of the two times, the second of which is the earlier: one pass over the totals. */
export async function sumAttemptsByOwner(db: Database, { from, until }: Span, before: Span): Promise<OwnerAttempts[]> {
  const { rows } = await sql<OwnerAttempts>`
    select m.owner_id as "ownerId", sum(s.accepted)::bigint as accepted, sum(s.deferred)::bigint as deferred,
      sum(s.rejected)::bigint as rejected, sum(s."inDoubt")::bigint as "inDoubt", sum(s.before)::bigint as "acceptedBefore"
    from (
      select t.mailing_id, coalesce(sum(t.accepted) filter (where t.at >= ${from}), 0) as accepted,
        coalesce(sum(t.deferred) filter (where t.at >= ${from}), 0) as deferred,
        coalesce(sum(t.rejected) filter (where t.at >= ${from}), 0) as rejected,
        coalesce(sum(t.in_doubt) filter (where t.at >= ${from}), 0) as "inDoubt",
        coalesce(sum(t.accepted) filter (where t.at < ${from}), 0) as before
      from attempt_totals t
      where t.at >= ${before.from} and t.at < ${until} and (t.at >= ${from} or t.at < ${before.until})
      group by t.mailing_id
    ) s join mailings m on m.id = s.mailing_id
    group by m.owner_id`.execute(db);
  return rows;
}

/** Everybody's go without the mailings: their totals go with them. */
function joinMailings(owners: Owners) {
  return owners === 'everybody' ? sql`` : sql`join mailings m on m.id = t.mailing_id`;
}

function ofOwners(owners: Owners) {
  return belongsTo(owners, 'm.owner_id');
}
