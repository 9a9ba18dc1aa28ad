import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import type { OwnerSums } from './delivery.js';

/** The sums over each owner's mailings: of those with the most letters accepted. */
export async function sumCountersByOwner(db: Database, limit: number): Promise<OwnerSums[]> {
  const { rows } = await sql<OwnerSums>`
    select m.owner_id as "ownerId", count(*) as mailings,
      coalesce(sum(c.accepted), 0)::bigint as accepted,
      coalesce(sum(c.attempts_deferred + c.attempts_rejected + c.attempts_in_doubt), 0)::bigint as unsuccessful,
      max(m.started_at) as "lastStartedAt"
    from mailings m left join mailing_counters c on c.mailing_id = m.id
    group by m.owner_id
    order by accepted desc, mailings desc, m.owner_id
    limit ${limit}`.execute(db);
  return rows;
}
