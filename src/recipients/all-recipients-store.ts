import { sql, type SqlBool } from 'kysely';

import { readBatches } from '../lib/batches.js';
import { retryDeadlock, type Database } from '../lib/database.js';
import type { Recipient } from './recipient.js';

/* All recipients of one owner, in batches: for the export and for the deletion of a whole account. */

const BATCH = 500;

export type ExportedRecipient = Omit<Recipient, 'ownerId' | 'version'>;

/** By address, along the unique key. */
export function readAllRecipients(db: Database, ownerId: number): AsyncGenerator<ExportedRecipient[]> {
  return readBatches(BATCH, (last: ExportedRecipient | undefined) =>
    db
      .selectFrom('recipients')
      .select(['id', 'email', 'name', 'comment', 'attributes', 'created_at as createdAt', 'updated_at as updatedAt'])
      .where('owner_id', '=', ownerId)
      .where(last ? sql<SqlBool>`lower(email) > lower(${last.email})` : sql<SqlBool>`true`)
      .orderBy(sql`lower(email)`)
      .limit(BATCH)
      .execute(),
  );
}

/** How many were deleted: fewer than `limit` where none are left. */
export async function deleteSomeRecipients(db: Database, ownerId: number, limit: number): Promise<number> {
  const some = db.selectFrom('recipients').select('id').where('owner_id', '=', ownerId).limit(limit);
  const deletion = db
    .deleteFrom('recipients')
    .where('owner_id', '=', ownerId)
    .where('id', '=', sql<number>`any(array(${some}))`);
  const result = await retryDeadlock(() => deletion.executeTakeFirst());
  return Number(result.numDeletedRows);
}
