import type { Database } from '../lib/database.js';
import type { MessageValues } from './message.js';

/* The messages among the sample data, by their mark. */

/** Their ids, in the order given. */
export async function addSampleMessages(db: Database, ownerId: number, messages: MessageValues[]): Promise<number[]> {
  const ids: number[] = [];
  for (const values of messages) {
    const row = await db
      .insertInto('messages')
      .values({ owner_id: ownerId, ...values, is_sample: true })
      .returning('id')
      .executeTakeFirstOrThrow();
    ids.push(row.id);
  }
  return ids;
}

export async function countSampleMessages(db: Database, ownerId: number): Promise<number> {
  const row = await db
    .selectFrom('messages')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Those in `neededIds` stay, and are the owner's own from now on; tells how many stayed. */
export async function deleteSampleMessages(
  db: Database,
  ownerId: number,
  neededIds: number[],
): Promise<{ deleted: number; kept: number }> {
  let kept = 0;
  if (neededIds.length > 0) {
    const result = await db
      .updateTable('messages')
      .set({ is_sample: false })
      .where('owner_id', '=', ownerId)
      .where('is_sample', '=', true)
      .where('id', 'in', neededIds)
      .executeTakeFirst();
    kept = Number(result.numUpdatedRows);
  }
  const result = await db
    .deleteFrom('messages')
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirst();
  return { deleted: Number(result.numDeletedRows), kept };
}
