import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing, claim, expectTrueBooks, expireLeases } from '../../test/support/ledger.js';
import { openSending } from '../../test/support/sending.js';
import { TERMINAL } from '../audit/audit.js';
import { readCounters } from '../delivery/delivery-store.js';
import { findNewestAttempt } from '../delivery/doubt-store.js';
import { reapLeases } from '../delivery/lease-store.js';
import { finishMailing } from '../delivery/ledger-store.js';
import type { Database } from '../lib/database.js';
import { keepDoubts, resendDoubts } from './decide-doubts.js';
import { findMailing } from './mailing-store.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let mailing: number;
let doubtful: number[];

const now = new Date();

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

/** Three recipients, all in doubt after the death of a worker; the mailing is finished, and its end far away. */
beforeEach(async () => {
  owner = await addUser(db);
  await addRecipients(db, owner, 3);
  mailing = await addFrozenMailing(db, owner);
  await loseAll();
  await finishMailing(db, mailing);
  const rows = await db.selectFrom('deliveries').select('id').where('mailing_id', '=', mailing).orderBy('id').execute();
  doubtful = rows.map(({ id }) => id);
});

/** A worker takes everything that waits, and dies. */
async function loseAll(): Promise<void> {
  let lease = await claim(db, mailing);
  if (lease.deliveries.length === 0) throw new Error('nothing waits');
  while (lease.deliveries.length > 0) lease = await claim(db, mailing);
  await expireLeases(db);
  await reapLeases(db);
  await expectTrueBooks(db, mailing);
}

const counters = async () => (await readCounters(db, owner, [mailing])).get(mailing);
const order = async (deliveryId: number | null = null) => ({
  mailingId: mailing,
  deliveryId,
  seenAttemptId: await findNewestAttempt(db, mailing),
});
const resend = async (deliveryId: number | null = null) =>
  resendDoubts(db, TERMINAL, owner, await order(deliveryId), now);
const keep = async (deliveryId: number | null = null) => keepDoubts(db, TERMINAL, owner, await order(deliveryId));
const readAudit = () =>
  db
    .selectFrom('audit_entries')
    .select(['action', 'details'])
    .where('subject_id', '=', mailing)
    .orderBy('id')
    .execute();

test('one that is sent again waits in the same mailing, which runs again, with its attempt kept', async () => {
  expect(await resend(doubtful[0])).toEqual({ ok: true, count: 1 });
  expect(await counters()).toMatchObject({ audience: 3, waiting: 1, inDoubt: 2, attemptsInDoubt: 3 });
  expect(await findMailing(db, owner, mailing)).toMatchObject({ status: 'running', finishedAt: null });
  await expectTrueBooks(db, mailing);
  const lease = await claim(db, mailing);
  expect(lease.deliveries.map(({ id }) => id)).toEqual([doubtful[0]]);
});

test('a double click sends once, also when the letter has become doubtful again between the two', async () => {
  const seen = await order(doubtful[0]);
  const results = await Promise.all([1, 2].map(() => resendDoubts(db, TERMINAL, owner, seen, now)));
  expect(results.map((result) => result.ok && result.count)).toSatisfy(
    (counts: unknown[]) => counts.includes(0) && counts.includes(1),
  );
  await loseAll();
  expect(await resendDoubts(db, TERMINAL, owner, seen, now)).toEqual({ ok: true, count: 0 });
  expect(await resendDoubts(db, TERMINAL, owner, { ...seen, deliveryId: null }, now)).toEqual({ ok: true, count: 2 });
  expect(await counters()).toMatchObject({ waiting: 2, inDoubt: 1, attemptsInDoubt: 4 });
  expect(await readAudit()).toMatchObject([
    { action: 'mailing.started' },
    { action: 'mailing.sent_again', details: { count: 1 } },
    { action: 'mailing.sent_again', details: { count: 2 } },
  ]);
});

test('what is left stays in doubt, is not sent with the others, and can be sent again by itself', async () => {
  expect(await keep(doubtful[0])).toEqual({ ok: true, count: 1 });
  expect(await keep(doubtful[0])).toEqual({ ok: true, count: 0 });
  expect(await counters()).toMatchObject({ inDoubt: 3, inDoubtLeft: 1, waiting: 0 });
  expect(await resend()).toEqual({ ok: true, count: 2 });
  expect(await counters()).toMatchObject({ inDoubt: 1, inDoubtLeft: 1, waiting: 2 });
  expect(await resend(doubtful[0])).toEqual({ ok: true, count: 1 });
  expect(await counters()).toMatchObject({ inDoubt: 0, inDoubtLeft: 0, waiting: 3 });
});

test('all that are not decided are left by one press, and a second one finds nothing', async () => {
  expect(await keep()).toEqual({ ok: true, count: 3 });
  expect(await keep()).toEqual({ ok: true, count: 0 });
  expect(await counters()).toMatchObject({ inDoubt: 3, inDoubtLeft: 3 });
  expect(await findMailing(db, owner, mailing)).toMatchObject({ status: 'finished' });
});

test.each([
  [
    'past its end',
    sql`update mailings set first_sending_at = now() - interval '2 days', ends_at = now() - interval '1 day'`,
  ],
  ['stopped', sql`update mailings set stopped_at = now()`],
  ['disabled', sql`update mailings set disabled_at = now(), disabled_reason = 'spam'`],
])('nothing is sent again in a mailing that is %s', async (_what, statement) => {
  await statement.execute(db);
  expect(await resend()).toEqual({ ok: false, fault: 'closed' });
  expect(await counters()).toMatchObject({ inDoubt: 3, waiting: 0 });
});

test('nobody decides about another owner’s letters', async () => {
  const stranger = await addUser(db);
  expect(await resendDoubts(db, TERMINAL, stranger, await order(), now)).toEqual({ ok: false, fault: 'gone' });
  expect(await keepDoubts(db, TERMINAL, stranger, await order())).toEqual({ ok: false, fault: 'gone' });
});

test('a mailing that is being finished at the same moment runs in the end, or there is nothing waiting', async () => {
  for (const deliveryId of doubtful) {
    await sql`update mailings set status = 'running', finished_at = null where id = ${mailing}`.execute(db);
    await Promise.all([resend(deliveryId), finishMailing(db, mailing), finishMailing(db, mailing)]);
    expect(await findMailing(db, owner, mailing)).toMatchObject({ status: 'running' });
    await loseAll();
  }
});

test.each([
  [null, null],
  ['554 5.7.1 spam', expect.any(Date)],
])(
  'a mailing that had finished while it was paused (reason: %s) is continued by sending again',
  async (reason, continuedAt) => {
    await sql`update mailings set paused_at = now(), pause_reason = ${reason} where id = ${mailing}`.execute(db);
    expect(await resend(doubtful[0])).toEqual({ ok: true, count: 1 });
    expect(await findMailing(db, owner, mailing)).toMatchObject({
      status: 'running',
      pausedAt: null,
      pauseReason: null,
      continuedAt,
    });
  },
);

test('one that is paused while it runs stays paused', async () => {
  await sql`update mailings set status = 'running', finished_at = null, paused_at = now() where id = ${mailing}`.execute(
    db,
  );
  expect(await resend(doubtful[0])).toEqual({ ok: true, count: 1 });
  expect(await findMailing(db, owner, mailing)).toMatchObject({ status: 'running', pausedAt: expect.any(Date) });
});

test('what is sent again leaves, and is accepted once', async () => {
  let isBroken = true;
  await using sending = await openSending(2, {
    faults: ({ stage }) => (stage === 'dot' && isBroken ? 'drop' : undefined),
  });
  await sending.start();
  await sending.finished(30_000);
  expect(sending.server.accepted).toHaveLength(0);
  isBroken = false;
  const seenAttemptId = await findNewestAttempt(sending.db, sending.mailingId);
  const doubts = { mailingId: sending.mailingId, deliveryId: null, seenAttemptId };
  expect(await resendDoubts(sending.db, TERMINAL, sending.ownerId, doubts, now)).toEqual({ ok: true, count: 2 });
  expect(await sending.finished(30_000)).toMatchObject({
    accepted: 2,
    inDoubt: 0,
    attemptsInDoubt: 2,
    attemptsAccepted: 2,
  });
  expect(sending.server.accepted).toHaveLength(2);
});
