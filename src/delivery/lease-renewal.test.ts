import { randomUUID } from 'node:crypto';

import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import {
  claim,
  countStates,
  expectTrueBooks,
  expireLeases,
  makeEntry,
  openMailing,
} from '../../test/support/ledger.js';
import { startDeliveryWorker } from '../../test/support/sending.js';
import { startSmtpServer } from '../../test/support/smtp-server.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { continueMailing, pauseMailing } from '../mailings/control-mailing.js';
import { reapLeases, recordEntries, renewLeases } from './lease-store.js';
import { freezePart } from './ledger-store.js';

const FREEZE_LOCK = 1_447_383_884;

const secondsLeft = async (db: Database, id: string) => {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from expires_at - clock_timestamp())::float8 as seconds from leases where id = ${id}`.execute(
    db,
  );
  return rows[0]?.seconds ?? -Infinity;
};

/** Until a statement waits for a lock of another one. */
const waiting = (db: Database, part: string) =>
  eventually(`"${part}" waits`, async () => {
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and position(${part} in query) > 0`.execute(db);
    return rows.length > 0;
  });

test('leases are renewed while one of them waits with its record for a deletion; that one is renewed by its record', async () => {
  await using mailing = await openMailing(4);
  const { db, mailingId } = mailing;
  const [first, second] = [await claim(db, mailingId, 2), await claim(db, mailingId, 2)];
  const [done, open] = first.deliveries;
  if (!done || !open) throw new Error('two are claimed');
  await expireLeases(db);
  let recording: Promise<void> | undefined;
  await db.transaction().execute(async (deletion) => {
    await sql`update deliveries set recipient_id = null where id = ${done.id}`.execute(deletion);
    recording = recordEntries(db, first.id, [makeEntry(done.id, 'accepted')], false);
    await waiting(db, 'given as materialized');
    const names = [first.id, second.id, randomUUID()];
    // Neither waits for the deletion, nor takes the one that waits for dead.
    expect(await renewLeases(db, names)).toEqual(new Set([first.id, second.id]));
    expect(await secondsLeft(db, second.id)).toBeGreaterThan(15);
    expect(await reapLeases(db)).toBe(0);
  });
  await recording;
  expect(await secondsLeft(db, first.id)).toBeGreaterThan(15);
  expect(await reapLeases(db)).toBe(0);
  expect(await countStates(db, mailingId)).toEqual({ accepted: 1, waiting: 3 });
  await expectTrueBooks(db, mailingId);
});

test('a freeze that waits for a deletion of recipients holds up neither a pause nor a continuation', async () => {
  await using mailing = await openMailing(3);
  const { db, ownerId, mailingId } = mailing;
  await sql`update mailings set frozen_at = null where id = ${mailingId}`.execute(db);
  let freezing: ReturnType<typeof freezePart> | undefined;
  await db.transaction().execute(async (deletion) => {
    await sql`select pg_advisory_xact_lock_shared(${FREEZE_LOCK}::int, ${ownerId}::int)`.execute(deletion);
    freezing = freezePart(db, mailingId);
    await waiting(db, 'pg_advisory_xact_lock');
    expect(await pauseMailing(db, TERMINAL, ownerId, mailingId, new Date())).toEqual({ ok: true });
    expect(await continueMailing(db, TERMINAL, ownerId, mailingId, new Date())).toEqual({ ok: true });
  });
  expect(await freezing).toBe('frozen');
});

test('a worker that has just started gives others the time to renew their leases before it takes any back', async () => {
  await using mailing = await openMailing(3);
  const { db, mailingId } = mailing;
  const renewed = await claim(db, mailingId, 1);
  await claim(db, mailingId, 2);
  await expireLeases(db);
  const server = await startSmtpServer();
  onTestFinished(() => server.close());
  const startedAt = performance.now();
  const worker = startDeliveryWorker(db, server.url);
  try {
    // As another worker does it within five seconds.
    await eventually('it has had a look or two', async () => performance.now() - startedAt > 4_000);
    expect(await renewLeases(db, [renewed.id])).toEqual(new Set([renewed.id]));
    await eventually('what nobody renewed is in doubt', async () => (await countStates(db, mailingId)).in_doubt === 2);
    expect(performance.now() - startedAt).toBeGreaterThan(10_000);
    expect(await countStates(db, mailingId)).toEqual({ in_doubt: 2, waiting: 1 });
  } finally {
    await worker.stop();
  }
  await expectTrueBooks(db, mailingId);
});
