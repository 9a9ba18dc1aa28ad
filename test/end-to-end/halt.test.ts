import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { readCounters, readOwnerHalt } from '../../src/delivery/delivery-store.js';
import { isBalanced } from '../../src/delivery/delivery.js';
import type { Database } from '../../src/lib/database.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { addMailing, addRecipients, addUser, setBlocked } from '../support/fixtures.js';
import { startSmtpServer } from '../support/smtp-server.js';
import { openDataFolder, startVestnik } from '../support/vestnik-process.js';

const RECIPIENTS = 1000;
/** A letter, at each of eight connections a process. */
const SLOW_MS = 300;
/** What may leave after a press. */
const HALTED_WITHIN_MS = 2000;
/** For how long it is watched that nothing leaves. */
const WATCHED_MS = 5000;

test('a user with 1,000 running deliveries is blocked: two seconds later no letter leaves, in either of two processes', async () => {
  await using database = await createTestDatabase();
  await using folder = await openDataFolder();
  await using sink = await startSmtpServer({ slowMs: SLOW_MS, keepData: false });
  const { db } = database;
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, RECIPIENTS);
  const environment = { DATABASE_URL: database.url, DATA_DIR: folder.path, SMTP_URL: sink.url, ROLES: 'worker' };
  await using first = await startVestnik(environment);
  await using second = await startVestnik(environment);

  // It starts by itself.
  const mailingId = await addMailing(db, ownerId, {
    firstSendingAt: new Date(),
    endsAt: new Date(Date.now() + 3_600_000),
  });
  await eventually('both processes send', async () => sink.accepted.length > 60 && (await countSenders(db)) === 2);
  const pressedAt = performance.now();
  const since = new Date();
  await setBlocked(db, ownerId, true);
  const halt = await eventually('nothing is sent any more, for seconds', async () => {
    const read = await readOwnerHalt(db, ownerId, since);
    return read.done && performance.now() - pressedAt > WATCHED_MS && read;
  });

  const left = sink.accepted.length;
  expect(left).toBeLessThan(RECIPIENTS / 2);
  expect(Math.max(...sink.arrivedAt) - pressedAt).toBeLessThan(HALTED_WITHIN_MS);
  expect(halt).toMatchObject({ done: true, left });
  expect(halt.seconds).toBeLessThan((HALTED_WITHIN_MS + SLOW_MS) / 1000);
  const readBooks = async () => (await readCounters(db, ownerId, [mailingId])).get(mailingId);
  // Called back is not tried, and not in doubt.
  expect(await readBooks()).toMatchObject({
    audience: RECIPIENTS,
    accepted: left,
    waiting: RECIPIENTS - left,
    attemptsDeferred: 0,
    inDoubt: 0,
  });

  await setBlocked(db, ownerId, false);
  await eventually('the rest is sent', async () => (await readBooks())?.waiting === 0, 60_000);
  const books = await readBooks();
  expect(books).toMatchObject({ accepted: RECIPIENTS, attemptsAccepted: RECIPIENTS });
  expect(books && isBalanced(books)).toBe(true);
  expect(sink.accepted).toHaveLength(RECIPIENTS);
  expect(sink.counts.size).toBe(RECIPIENTS);
  expect(sink.violations).toEqual([]);
  expect([await first.end('SIGTERM'), await second.end('SIGTERM')]).toEqual([0, 0]);
}, 120_000);

/** Processes with letters of their own under way. */
async function countSenders(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct node)::int as count from leases where cardinality(delivery_ids) > 0`.execute(db);
  return rows[0]?.count ?? 0;
}
