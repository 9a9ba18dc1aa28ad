import { sql } from 'kysely';

import type { Database } from '../lib/database.js';

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
