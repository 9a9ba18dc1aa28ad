import { sql } from 'kysely';

import { sumAttemptsAnew } from '../../src/delivery/attempt-totals-store.js';
import type { Database } from '../../src/lib/database.js';
import type { AttemptOutcome, DeliveryState } from '../../src/lib/schema-delivery.js';
import { addMailing } from './fixtures.js';

/* A mailing that is over, written straight into the tables. */

export interface PastAttempt {
  startedAt: Date;
  durationMs?: number;
  outcome: AttemptOutcome;
  relay?: string;
  replyCode?: number;
  enhancedCode?: string;
  stage?: string;
  reply?: string;
}

export interface PastDelivery {
  address: string;
  state: Exclude<DeliveryState, 'waiting' | 'sending'>;
  recipientId?: number;
  attempts: PastAttempt[];
}

export interface PastMailing {
  startedAt: Date;
  finishedAt: Date;
  subject?: string;
  body?: string;
  chosen?: number[];
  deliveries: PastDelivery[];
}

/** With its deliveries, attempts, totals and books; without a summary. */
export async function addFinishedMailing(db: Database, ownerId: number, mailing: PastMailing): Promise<number> {
  const { startedAt, finishedAt, subject = 'Hello', body = 'Dear {{ name }}!', chosen, deliveries } = mailing;
  const window = { firstSendingAt: startedAt, endsAt: new Date(finishedAt.getTime() + 3_600_000) };
  const id = await addMailing(db, ownerId, { ...window, ...(chosen && { chosen }) });
  await db.insertInto('mailing_contents').values({ mailing_id: id, subject, body }).execute();
  await sql`
    update mailings set status = 'finished', started_at = ${startedAt}, frozen_at = ${startedAt}, finished_at = ${finishedAt}
    where id = ${id}`.execute(db);
  await addDeliveries(db, id, deliveries);
  await sumAttemptsAnew(db, id);
  await addBooks(db, id);
  return id;
}

/** In two statements, however many they are. */
async function addDeliveries(db: Database, mailingId: number, deliveries: PastDelivery[]): Promise<void> {
  const column = <T>(pick: (delivery: PastDelivery) => T) => deliveries.map(pick);
  const { rows } = await sql<{ id: number; address: string }>`
    insert into deliveries (mailing_id, recipient_id, next_try_at, state, attempt_count, address, name, attributes)
    select ${mailingId}, recipient_id, now(), state, tries, address, '', '{}' from unnest(
      ${column((d) => d.recipientId ?? null)}::bigint[], ${column((d) => d.state)}::delivery_state[],
      ${column((d) => d.attempts.length)}::int[], ${column((d) => d.address)}::text[]) as d (recipient_id, state, tries, address)
    returning id, address`.execute(db);
  const ids = new Map(rows.map(({ id, address }) => [address, id]));
  const attempts = deliveries.flatMap(({ address, attempts: tries }) => tries.map((attempt) => ({ address, attempt })));
  const pick = <T>(read: (attempt: PastAttempt) => T) => attempts.map(({ attempt }) => read(attempt));
  await sql`
    insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply_code, enhanced_code, reply)
    select a.delivery_id, ${mailingId}, a.address, a.started_at, a.duration_ms, a.outcome, a.relay, a.stage, a.reply_code, a.enhanced_code, a.reply
    from unnest(
      ${attempts.map(({ address }) => ids.get(address) ?? 0)}::bigint[], ${attempts.map(({ address }) => address)}::text[],
      ${pick((a) => a.startedAt)}::timestamptz[], ${pick((a) => a.durationMs ?? 20)}::int[], ${pick((a) => a.outcome)}::attempt_outcome[],
      ${pick((a) => a.relay ?? 'relay.example:25')}::text[], ${pick((a) => a.stage ?? 'dot')}::text[],
      ${pick((a) => a.replyCode ?? null)}::smallint[], ${pick((a) => a.enhancedCode ?? null)}::text[], ${pick((a) => a.reply ?? '')}::text[]
    ) as a (delivery_id, address, started_at, duration_ms, outcome, relay, stage, reply_code, enhanced_code, reply)
    order by a.started_at`.execute(db);
}

async function addBooks(db: Database, mailingId: number): Promise<void> {
  await sql`
    insert into mailing_counters (mailing_id, audience, accepted, rejected, in_doubt, suppressed, expired, cancelled, attempts_accepted,
      attempts_deferred, attempts_rejected, attempts_in_doubt)
    select ${mailingId}, count(*), count(*) filter (where state = 'accepted'), count(*) filter (where state = 'rejected'),
      count(*) filter (where state = 'in_doubt'), count(*) filter (where state = 'suppressed'), count(*) filter (where state = 'expired'),
      count(*) filter (where state = 'cancelled'),
      (select count(*) from attempts where mailing_id = ${mailingId} and outcome = 'accepted'),
      (select count(*) from attempts where mailing_id = ${mailingId} and outcome = 'deferred'),
      (select count(*) from attempts where mailing_id = ${mailingId} and outcome = 'rejected'),
      (select count(*) from attempts where mailing_id = ${mailingId} and outcome = 'in_doubt')
    from deliveries where mailing_id = ${mailingId}`.execute(db);
}
