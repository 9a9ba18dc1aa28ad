import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { belongsTo, type Owners } from '../lib/owners.js';

interface Span {
  from: Date;
  until: Date;
}

/**
 * How many of those that are there were added then. Owner by owner along the index that begins with them, reading nothing else: 0.1 s
 * for 900,000 of ten owners, where one pass over all takes twice as long.
 */
export async function countAddedRecipients(db: Database, owners: Owners, { from, until }: Span): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select coalesce(sum(added.count), 0)::bigint as count
    from recipient_totals t
    cross join lateral (
      select count(*) from recipients r where r.owner_id = t.owner_id and r.created_at >= ${from} and r.created_at < ${until}
    ) added
    where t.total > 0 and ${belongsTo(owners, 't.owner_id')}`.execute(db);
  return rows[0]?.count ?? 0;
}
