import { randomUUID } from 'node:crypto';

import { sql } from 'kysely';
import { expect } from 'vitest';

import { TERMINAL } from '../../src/audit/audit.js';
import { readCounters } from '../../src/delivery/delivery-store.js';
import { claimLease, type Entry, type LeasedDelivery } from '../../src/delivery/lease-store.js';
import { freezeAudience } from '../../src/delivery/ledger-store.js';
import { recountMailing } from '../../src/delivery/recount-store.js';
import { findImbalances } from '../../src/delivery/recount.js';
import type { Database } from '../../src/lib/database.js';
import type { DeliveryState } from '../../src/lib/schema-delivery.js';
import { startMailing } from '../../src/mailings/start-mailing.js';
import { createTestDatabase } from './database.js';
import { addMailing, addRecipients, addUser } from './fixtures.js';

/* The ledger by hand, without a worker. */

/** A database with a running mailing, whose audience is frozen. */
export async function openMailing(recipients: number) {
  const database = await createTestDatabase();
  const { db } = database;
  const ownerId = await addUser(db);
  const recipientIds = await addRecipients(db, ownerId, recipients);
  const mailingId = await addFrozenMailing(db, ownerId);
  const counters = async () => found((await readCounters(db, ownerId, [mailingId])).get(mailingId));
  return { db, ownerId, recipientIds, mailingId, counters, [Symbol.asyncDispose]: () => database.close() };
}

/** To all recipients of the owner. */
export async function addFrozenMailing(db: Database, ownerId: number): Promise<number> {
  const mailingId = await addMailing(db, ownerId);
  expect(await startMailing(db, TERMINAL, ownerId, mailingId, new Date())).toEqual({ ok: true });
  await freezeAudience(db, mailingId);
  return mailingId;
}

export interface TestLease {
  id: string;
  deliveries: LeasedDelivery[];
}

/** A lease of a worker; with no deliveries where nothing was given. */
export async function claim(db: Database, mailingId: number, size = 100): Promise<TestLease> {
  const id = randomUUID();
  return { id, deliveries: await claimLease(db, { id, mailingId, node: 'node', size }) };
}

/** What became of a delivery at one try. */
export function makeEntry(deliveryId: number, state: Entry['state']): Entry {
  const outcome = state === 'waiting' ? 'deferred' : state;
  const attempt = {
    outcome,
    startedAt: new Date(),
    durationMs: 3,
    relay: 'relay:25',
    tls: 'TLSv1.3',
    stage: 'dot',
    replyCode: 250,
    enhancedCode: '2.0.0',
    reply: 'ok',
  } as const;
  return { deliveryId, state, retryInMs: 0, isDeferral: false, attempt };
}

/** As if the workers were gone, or asleep. */
export async function expireLeases(db: Database): Promise<void> {
  await sql`update leases set expires_at = now() - interval '1 second'`.execute(db);
}

/** As if the time had come of whatever was put off. */
export async function makeDue(db: Database): Promise<void> {
  await sql`update queue set due_at = now() where due_at > now()`.execute(db);
}

/** How many deliveries stand in leases. */
export async function countSending(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select coalesce(sum(cardinality(delivery_ids)), 0)::int as count from leases`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function countLeases(db: Database): Promise<number> {
  return (await sql`select from leases`.execute(db)).rows.length;
}

/** The deliveries of a mailing by the state that their rows have. */
export async function countStates(db: Database, mailingId: number): Promise<Partial<Record<DeliveryState, number>>> {
  const rows = await db
    .selectFrom('deliveries')
    .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
    .where('mailing_id', '=', mailingId)
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** The books equal a recount, and every waiting delivery stands in exactly one row of the queue or lease. */
export async function expectTrueBooks(db: Database, mailingId: number): Promise<void> {
  expect(findImbalances(found(await recountMailing(db, mailingId)))).toEqual([]);
}

export function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('expected a thing');
  return thing;
}
