import type { Database } from '../lib/database.js';
import type { RecipientValues } from './recipient.js';

/* The recipients among the sample data, by their mark. */

/** Adds those whose address the owner does not have yet; tells id and address of each. */
export async function addSampleRecipients(
  db: Database,
  ownerId: number,
  recipients: RecipientValues[],
): Promise<{ id: number; email: string }[]> {
  const rows = recipients.map(({ attributes, ...values }) => ({
    owner_id: ownerId,
    ...values,
    attributes: JSON.stringify(attributes),
    is_sample: true,
  }));
  return db
    .insertInto('recipients')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .returning(['id', 'email'])
    .execute();
}

export async function countSampleRecipients(db: Database, ownerId: number): Promise<number> {
  const row = await db
    .selectFrom('recipients')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function deleteSampleRecipients(db: Database, ownerId: number): Promise<number> {
  const result = await db
    .deleteFrom('recipients')
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
