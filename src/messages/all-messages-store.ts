import { sql } from 'kysely';

import { readBatches } from '../lib/batches.js';
import type { Database } from '../lib/database.js';
import type { Message } from './message.js';

/* All messages of one owner, in batches: for the export and for the deletion of a whole account. */

/** Small, because a message may have a megabyte. */
const BATCH = 10;

export type ExportedMessage = Omit<Message, 'ownerId' | 'version'>;

export function readAllMessages(db: Database, ownerId: number): AsyncGenerator<ExportedMessage[]> {
  return readBatches(BATCH, (last: ExportedMessage | undefined) =>
    db
      .selectFrom('messages')
      .select(['id', 'subject', 'body', 'created_at as createdAt', 'updated_at as updatedAt'])
      .where('owner_id', '=', ownerId)
      .where('id', '>', last?.id ?? 0)
      .orderBy('id')
      .limit(BATCH)
      .execute(),
  );
}

export async function countAllMessages(db: Database, ownerId: number): Promise<number> {
  const { count } = await db
    .selectFrom('messages')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow();
  return count;
}

/** How many were deleted: fewer than `limit` where none are left. Mailings that have not started must be gone before. */
export async function deleteSomeMessages(db: Database, ownerId: number, limit: number): Promise<number> {
  const some = db.selectFrom('messages').select('id').where('owner_id', '=', ownerId).limit(limit);
  const result = await db
    .deleteFrom('messages')
    .where('owner_id', '=', ownerId)
    .where('id', '=', sql<number>`any(array(${some}))`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
