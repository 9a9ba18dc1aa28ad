import { sql, type SqlBool } from 'kysely';

import { readBatches } from '../lib/batches.js';
import { retryDeadlock, type Database } from '../lib/database.js';
import type { Attributes, DeliveryState } from '../lib/schema-delivery.js';
import { ATTEMPT } from './delivery-store.js';
import type { Attempt } from './delivery.js';

/* All deliveries of a mailing with their attempts, in batches: for the export and for the deletion of a whole account. */

const BATCH = 500;

export interface ExportedDelivery {
  id: number;
  recipientId: number | null;
  address: string;
  name: string;
  attributes: Attributes;
  state: DeliveryState;
  attempts: Omit<Attempt, 'id' | 'deliveryId'>[];
}

/** By address, along the unique key; attempts in their order. */
export function readAllDeliveries(
  db: Database,
  ownerId: number,
  mailingId: number,
): AsyncGenerator<ExportedDelivery[]> {
  return readBatches(BATCH, async (last: ExportedDelivery | undefined) => {
    const deliveries = await db
      .selectFrom('deliveries')
      .innerJoin('mailings', 'mailings.id', 'deliveries.mailing_id')
      .select([
        'deliveries.id',
        'deliveries.recipient_id as recipientId',
        'deliveries.address',
        'deliveries.name',
        'deliveries.attributes',
        'deliveries.state',
      ])
      .where('mailings.owner_id', '=', ownerId)
      .where('deliveries.mailing_id', '=', mailingId)
      .where(last ? sql<SqlBool>`lower(deliveries.address) > lower(${last.address})` : sql<SqlBool>`true`)
      .orderBy(sql`lower(deliveries.address)`)
      .limit(BATCH)
      .execute();
    const attempts = await readAttempts(db, ownerId, mailingId, deliveries);
    return deliveries.map((delivery) => Object.assign(delivery, { attempts: attempts.get(delivery.id) ?? [] }));
  });
}

/** How many were deleted, with their attempts: fewer than `limit` where none are left. */
export async function deleteSomeDeliveries(
  db: Database,
  ownerId: number,
  mailingId: number,
  limit: number,
): Promise<number> {
  const some = db
    .selectFrom('deliveries')
    .innerJoin('mailings', 'mailings.id', 'deliveries.mailing_id')
    .select('deliveries.id')
    .where('mailings.owner_id', '=', ownerId)
    .where('mailings.status', '<>', 'running')
    .where('deliveries.mailing_id', '=', mailingId)
    .limit(limit);
  const deletion = db.deleteFrom('deliveries').where('id', '=', sql<number>`any(array(${some}))`);
  const result = await retryDeadlock(() => deletion.executeTakeFirst());
  return Number(result.numDeletedRows);
}

async function readAttempts(db: Database, ownerId: number, mailingId: number, deliveries: { id: number }[]) {
  const ids = deliveries.map(({ id }) => id);
  const rows = await db
    .selectFrom('attempts')
    .innerJoin('mailings', 'mailings.id', 'attempts.mailing_id')
    .select(ATTEMPT)
    .where('mailings.owner_id', '=', ownerId)
    .where('attempts.mailing_id', '=', mailingId)
    .where('attempts.delivery_id', '=', sql<number>`any(${ids}::bigint[])`)
    .orderBy('attempts.id')
    .execute();
  const grouped = Map.groupBy(rows, ({ deliveryId }) => deliveryId);
  return new Map(
    [...grouped].map(([id, attempts]) => [id, attempts.map(({ id: _id, deliveryId: _deliveryId, ...rest }) => rest)]),
  );
}
