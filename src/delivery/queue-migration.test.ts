import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { claim, countStates, expectTrueBooks, found } from '../../test/support/ledger.js';
import { openOldDatabase } from '../../test/support/old-database.js';
import type { Database } from '../lib/database.js';
import { migrate } from '../lib/migrate.js';
import { reapLeases } from './lease-store.js';
import { closeWaiting } from './ledger-store.js';

/** The last migration before the queue. */
const BEFORE = 6;

/** Running, with deliveries to r1@example.com, r2@example.com, …, all waiting. */
async function addOldMailing(db: Database, recipients: number): Promise<number> {
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  const { rows } = await sql<{ id: number }>`
    with written as (insert into messages (owner_id, subject, body) values (${ownerId}, 'Hello', 'Hello') returning id)
    insert into mailings (owner_id, message_id, status, audience, first_sending_at, ends_at, started_at, frozen_at)
    select ${ownerId}, id, 'running', 'all', now(), now() + interval '1 day', now(), now() from written returning id`.execute(
    db,
  );
  const id = found(rows[0]).id;
  await sql`insert into mailing_contents (mailing_id, subject, body) values (${id}, 'Hello', 'Hello')`.execute(db);
  await sql`insert into deliveries (mailing_id, recipient_id, address, name, attributes, next_try_at)
    select ${id}, id, email, name, attributes, now() - interval '1 minute' from recipients where owner_id = ${ownerId} order by id`.execute(
    db,
  );
  await sql`insert into mailing_counters (mailing_id, audience, waiting)
    select ${id}, count(*), count(*) from deliveries where mailing_id = ${id}`.execute(db);
  return id;
}

/** Under a lease of the old kind: of these recipients so many letters were begun. */
async function lease(db: Database, mailingId: number, addresses: string[], begun: number): Promise<void> {
  const { rows } = await sql<{ id: number }>`
    insert into leases (mailing_id, node, expires_at, begun_count, delivery_ids)
    select ${mailingId}, 'old', now() + interval '15 seconds', ${begun}, array_agg(id order by id)
    from deliveries where mailing_id = ${mailingId} and address = any(${addresses}) returning id`.execute(db);
  await sql`update deliveries set state = 'sending', lease_id = ${found(rows[0]).id}
    where mailing_id = ${mailingId} and address = any(${addresses})`.execute(db);
}

type SettledState = 'accepted' | 'rejected' | 'in_doubt' | 'expired';

async function settle(db: Database, mailingId: number, addresses: string[], state: SettledState): Promise<void> {
  const isTried = state !== 'expired';
  await sql`update deliveries set state = ${state}::delivery_state, attempt_count = ${Number(isTried)}
    where mailing_id = ${mailingId} and address = any(${addresses})`.execute(db);
  if (isTried)
    await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
      select id, mailing_id, now(), 3, ${state}::attempt_outcome, address, 'relay:25', 'dot', 'ok'
      from deliveries where mailing_id = ${mailingId} and address = any(${addresses})`.execute(db);
  const n = addresses.length;
  await sql`update mailing_counters set waiting = waiting - ${n}, ${sql.ref(state)} = ${sql.ref(state)} + ${n}
    where mailing_id = ${mailingId}`.execute(db);
  if (isTried) {
    const tries = sql.ref(`attempts_${state}`);
    await sql`update mailing_counters set ${tries} = ${tries} + ${n} where mailing_id = ${mailingId}`.execute(db);
  }
}

const some = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `r${from + index}@example.com`);

test('the queue takes over what waits, puts what an old process had begun in doubt, and loses nobody', async () => {
  const db = await openOldDatabase(BEFORE);
  const mailing = await addOldMailing(db, 300);
  await settle(db, mailing, some(1, 10), 'accepted');
  await settle(db, mailing, some(11, 14), 'rejected');
  await settle(db, mailing, some(15, 17), 'in_doubt');
  await settle(db, mailing, some(18, 18), 'expired');
  await sql`update deliveries set left_in_doubt = true where address = 'r15@example.com'`.execute(db);
  await sql`update mailing_counters set in_doubt_left = 1`.execute(db);
  // Of one lease a part was begun, and the first of those is recorded; of the others all, or nothing.
  await lease(db, mailing, some(20, 39), 5);
  await lease(db, mailing, some(40, 59), 20);
  await lease(db, mailing, some(60, 79), 0);
  await sql`update deliveries set state = 'waiting', lease_id = null where address = 'r20@example.com'`.execute(db);
  await settle(db, mailing, some(20, 20), 'accepted');
  await sql`update deliveries set next_try_at = now() + interval '1 hour' where address = 'r300@example.com'`.execute(
    db,
  );
  const other = await addOldMailing(db, 3);

  // And whatever came after it.
  expect(await migrate(db)).toContain('0007_queue.sql');
  for (const id of [mailing, other]) await expectTrueBooks(db, id);
  // What was being sent stands in leases that nobody renews.
  expect(await countStates(db, mailing)).toEqual({ accepted: 11, rejected: 4, in_doubt: 3, expired: 1, waiting: 281 });
  expect(await reapLeases(db)).toBe(4 + 20);
  const rows = await db
    .selectFrom('deliveries')
    .select(['address', 'left_in_doubt as left'])
    .where('state', '=', 'in_doubt')
    .execute();
  expect(rows.map(({ address }) => address).toSorted()).toEqual(
    [...some(15, 17), ...some(21, 24), ...some(40, 59)].toSorted(),
  );
  expect(rows.filter(({ left }) => left).map(({ address }) => address)).toEqual(['r15@example.com']);
  for (const id of [mailing, other]) await expectTrueBooks(db, id);

  // All others are claimed, each once and in its mailing, and what is due later stands behind.
  const claimed: string[] = [];
  for (;;) {
    const { deliveries } = await claim(db, mailing);
    if (deliveries.length === 0) break;
    expect(deliveries.length).toBeLessThanOrEqual(64);
    claimed.push(...deliveries.map(({ address }) => address));
  }
  expect(new Set(claimed).size).toBe(claimed.length);
  const waiting = [...some(19, 19), ...some(25, 39), ...some(60, 300)];
  const unclaimed = waiting.filter((address) => !claimed.includes(address));
  expect(claimed.filter((address) => !waiting.includes(address))).toEqual([]);
  expect(unclaimed).toEqual(['r300@example.com']);
  expect((await claim(db, other)).deliveries).toHaveLength(3);
  while (await closeWaiting(db, mailing, 'expired'));
  expect(await countStates(db, mailing)).toMatchObject({ expired: 2 });
});

test('the states of what was settled before can be listed as those that come after', async () => {
  const db = await openOldDatabase(BEFORE);
  const mailing = await addOldMailing(db, 30);
  await settle(db, mailing, some(1, 10), 'accepted');
  await settle(db, mailing, some(11, 14), 'rejected');
  await settle(db, mailing, some(15, 17), 'in_doubt');
  await migrate(db);
  const { rows } = await sql<{ address: string; state: string }>`
    select d.address, m.state from delivery_marks m join deliveries d on d.id = m.delivery_id and d.state = m.state order by d.id`.execute(
    db,
  );
  expect(rows).toEqual([
    ...some(11, 14).map((address) => ({ address, state: 'rejected' })),
    ...some(15, 17).map((address) => ({ address, state: 'in_doubt' })),
  ]);
});
