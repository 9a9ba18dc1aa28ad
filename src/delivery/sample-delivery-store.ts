import type { Database } from '../lib/database.js';
import type { Attributes } from '../lib/schema-delivery.js';
import { sumAttemptsAnew } from './attempt-totals-store.js';
import type { Attempt } from './delivery.js';

export interface SampleDelivery {
  recipientId: number | null;
  address: string;
  name: string;
  attributes: Attributes;
  state: 'accepted' | 'rejected';
  attempts: Omit<Attempt, 'id' | 'deliveryId' | 'address'>[];
}

/** Writes the whole ledger of a sample mailing at once, as if it had been sent; nothing leaves. */
export async function addSampleDeliveries(
  db: Database,
  ownerId: number,
  mailingId: number,
  deliveries: SampleDelivery[],
): Promise<void> {
  await db
    .selectFrom('mailings')
    .select('id')
    .where('owner_id', '=', ownerId)
    .where('id', '=', mailingId)
    .where('is_sample', '=', true)
    .executeTakeFirstOrThrow();
  for (const delivery of deliveries) await addDelivery(db, mailingId, delivery);
  await db
    .insertInto('mailing_counters')
    .values({ mailing_id: mailingId, ...countAll(deliveries) })
    .execute();
  await sumAttemptsAnew(db, mailingId);
}

async function addDelivery(db: Database, mailingId: number, delivery: SampleDelivery): Promise<void> {
  const { recipientId, address, name, attributes, state, attempts } = delivery;
  const { id } = await db
    .insertInto('deliveries')
    .values({
      mailing_id: mailingId,
      recipient_id: recipientId,
      next_try_at: attempts.at(-1)?.startedAt ?? new Date(0),
      attempt_count: attempts.length,
      state,
      address,
      name,
      attributes: JSON.stringify(attributes),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const rows = attempts.map((attempt) => ({
    delivery_id: id,
    mailing_id: mailingId,
    started_at: attempt.startedAt,
    duration_ms: attempt.durationMs,
    outcome: attempt.outcome,
    reply_code: attempt.replyCode,
    address,
    relay: attempt.relay,
    stage: attempt.stage,
    enhanced_code: attempt.enhancedCode,
    reply: attempt.reply,
  }));
  await db.insertInto('attempts').values(rows).execute();
}

function countAll(deliveries: SampleDelivery[]) {
  const inState = (state: SampleDelivery['state']) => deliveries.filter((delivery) => delivery.state === state).length;
  const attempts = deliveries.flatMap((delivery) => delivery.attempts);
  const withOutcome = (outcome: Attempt['outcome']) => attempts.filter((attempt) => attempt.outcome === outcome).length;
  return {
    audience: deliveries.length,
    accepted: inState('accepted'),
    rejected: inState('rejected'),
    attempts_accepted: withOutcome('accepted'),
    attempts_deferred: withOutcome('deferred'),
    attempts_rejected: withOutcome('rejected'),
  };
}
