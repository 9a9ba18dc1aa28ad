import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import type { Refusal, Refusals, RefusingDomain } from './refusal.js';

/* What mail servers refused, as the statement that writes attempts keeps it: see sumAttempts in lease-store.ts. */

/** The most frequent ones, at most `limit` of each. */
export async function readRefusals(db: Database, ownerId: number, mailingId: number, limit: number): Promise<Refusals> {
  const replies = await listReplies(db, ownerId, mailingId, limit);
  const domains = await listDomains(db, ownerId, mailingId, limit);
  return { replies: replies.rows, domains: domains.rows, replyCount: replies.total, domainCount: domains.total };
}

interface WithTotal {
  /** How many there are without the limit; the same in every row. */
  total: number;
}

function takeTotal<T extends WithTotal>(rows: T[]): { rows: Omit<T, 'total'>[]; total: number } {
  let count = 0;
  const bare = rows.map(({ total, ...row }) => {
    count = total;
    return row;
  });
  return { rows: bare, total: count };
}

/**
 * The replies themselves are looked up for the few that are shown: sorting those of all for their latest one takes three times as long. Of
 * 100,000 rows, 20,000 domains with five kinds of refusals each, some 130 ms.
 */
async function listReplies(db: Database, ownerId: number, mailingId: number, limit: number) {
  const { rows } = await sql<Refusal & WithTotal>`
    with grouped as materialized (
      select r.outcome, r.stage, r.reply_code, r.enhanced_code, sum(r.attempts)::bigint as attempts, count(*)::bigint as domains,
        max(r.last_at) as last_at, count(*) over ()::bigint as total,
        row_number() over (order by sum(r.attempts) desc, r.reply_code, r.enhanced_code, r.stage, r.outcome) as place
      from refusals r join mailings m on m.id = r.mailing_id
      where r.mailing_id = ${mailingId} and m.owner_id = ${ownerId}
      group by r.outcome, r.stage, r.reply_code, r.enhanced_code
      order by place limit ${limit}
    )
    select distinct on (g.place) g.outcome, g.stage, nullif(g.reply_code, 0) as "replyCode", nullif(g.enhanced_code, '') as "enhancedCode",
      r.reply, g.attempts, g.domains, g.last_at as "lastAt", g.total
    from grouped g join refusals r on r.mailing_id = ${mailingId} and r.outcome = g.outcome and r.stage = g.stage
      and r.reply_code = g.reply_code and r.enhanced_code = g.enhanced_code and r.last_at = g.last_at
    order by g.place, r.domain`.execute(db);
  return takeTotal(rows);
}

async function listDomains(db: Database, ownerId: number, mailingId: number, limit: number) {
  const { rows } = await sql<RefusingDomain & WithTotal>`
    select r.domain, sum(r.attempts)::bigint as attempts,
      coalesce(sum(r.attempts) filter (where r.outcome = 'deferred'), 0)::bigint as deferred,
      coalesce(sum(r.attempts) filter (where r.outcome = 'rejected'), 0)::bigint as rejected,
      coalesce(sum(r.attempts) filter (where r.outcome = 'in_doubt'), 0)::bigint as "inDoubt",
      count(*) over ()::bigint as total
    from refusals r join mailings m on m.id = r.mailing_id
    where r.mailing_id = ${mailingId} and m.owner_id = ${ownerId}
    group by r.domain order by attempts desc, r.domain limit ${limit}`.execute(db);
  return takeTotal(rows);
}
