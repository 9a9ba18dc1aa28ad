import { sql } from 'kysely';

import type { Database } from './database.js';
import { belongsTo, type Owners } from './owners.js';

export interface DataVersion {
  /** Another one after every commit that changed what these owners have; which databases are which is part of it. */
  version: string;
  /** A mailing of theirs runs: what it counts does not raise the version. */
  isRunning: boolean;
  /** Since 1970, by the clock of the database, which all processes share. */
  second: number;
}

/**
 * Versions only grow and their rows stay, so their sum is another one after each change of anybody's. The table's own number tells a
 * database that was restored, whose versions begin again, from the one before. 0.04 ms for one owner; for everybody 1.1 ms with 10,000.
 */
export async function readDataVersion(db: Database, owners: Owners): Promise<DataVersion> {
  const { rows } = await sql<DataVersion>`
    select
      concat_ws('.', 'data_versions'::regclass::oid,
        (select coalesce(sum(version), 0) from data_versions where ${belongsTo(owners)})) as version,
      exists (select from mailings where ${belongsTo(owners)} and status = 'running') as "isRunning",
      extract(epoch from now())::bigint as second`.execute(db);
  const [row] = rows;
  if (!row) throw new Error('a select without a table gave no row');
  return row;
}
