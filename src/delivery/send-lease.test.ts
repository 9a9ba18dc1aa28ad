import { sql, type KyselyPlugin } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addUser, addRecipients } from '../../test/support/fixtures.js';
import {
  addFrozenMailing,
  countLeases,
  countSending,
  countStates,
  expectTrueBooks,
  expireLeases,
} from '../../test/support/ledger.js';
import { startDeliveryWorker } from '../../test/support/sending.js';
import { startSmtpServer } from '../../test/support/smtp-server.js';
import type { Database } from '../lib/database.js';

interface Failure {
  /** A part of the statement that fails, of no other statement. */
  text: string;
  /** Which of them; the first unless told. */
  nth?: number;
  /** `before` it has reached the database, or `after` its commit, so that only its answer is lost. */
  when: 'before' | 'after';
}

const LOST = 'Connection terminated unexpectedly';

/** A database of which one statement fails once. */
function failOnce(db: Database, { text, nth = 1, when }: Failure) {
  let seen = 0;
  const answers = new WeakSet<object>();
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      if (!JSON.stringify(node).includes(text)) return node;
      seen += 1;
      if (seen !== nth) return node;
      if (when === 'before') throw new Error(LOST);
      answers.add(queryId);
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      if (answers.has(queryId)) throw new Error(LOST);
      return result;
    },
  };
  return { failing: db.withPlugin(plugin), hasFailed: () => seen >= nth };
}

async function openMailing(recipients: number) {
  const database = await createTestDatabase();
  const server = await startSmtpServer();
  const { db } = database;
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  const mailingId = await addFrozenMailing(db, ownerId);
  const isFinished = async () =>
    (await sql`select from mailings where status = 'finished'`.execute(db)).rows.length === 1;
  return {
    db,
    server,
    mailingId,
    isFinished,
    async [Symbol.asyncDispose]() {
      await server.close();
      await database.close();
    },
  };
}

const CLAIM = 'emptied as';
const RECORD = 'insert into attempts';
const END = 'ended as (delete from leases';

test.each<[what: string, failure: Failure]>([
  ['a claim did not reach the database', { text: CLAIM, when: 'before' }],
  ['the answer to a claim was lost', { text: CLAIM, when: 'after' }],
  ['the answer to a later claim was lost', { text: CLAIM, nth: 3, when: 'after' }],
  ['an outcome could not be written', { text: RECORD, when: 'before' }],
  ['the answer to a record was lost', { text: RECORD, when: 'after' }],
  ['a lease could not be ended', { text: END, when: 'before' }],
  ['the answer to the end of a lease was lost', { text: END, when: 'after' }],
  ['the content of the mailing could not be read', { text: 'mailing_contents', when: 'before' }],
  ['the limits of domains could not be read', { text: 'domain_limits', when: 'before' }],
])('loses nobody, writes to nobody twice and puts nothing in doubt when at first %s', async (_what, failure) => {
  await using mailing = await openMailing(200);
  const { db, server, mailingId } = mailing;
  const { failing, hasFailed } = failOnce(db, failure);
  const worker = startDeliveryWorker(failing, server.url);
  try {
    await eventually('the mailing is finished', mailing.isFinished);
  } finally {
    await worker.stop();
  }
  expect(hasFailed()).toBe(true);
  expect(await countStates(db, mailingId)).toEqual({ accepted: 200 });
  expect(server.accepted).toHaveLength(200);
  expect(server.counts.size).toBe(200);
  expect(await countSending(db)).toBe(0);
  await expectTrueBooks(db, mailingId);
});

test('releases a claim whose answer was lost also when the worker is told to stop at that moment', async () => {
  await using mailing = await openMailing(30);
  const { db, server, mailingId } = mailing;
  const { failing, hasFailed } = failOnce(db, { text: CLAIM, when: 'after' });
  const worker = startDeliveryWorker(failing, server.url);
  await eventually('the answer is lost', async () => hasFailed());
  await worker.stop();
  expect(await countSending(db)).toBe(0);
  await expireLeases(db);
  expect(await countStates(db, mailingId)).not.toHaveProperty('in_doubt');
  await expectTrueBooks(db, mailingId);
});

test('what the database will never take is in doubt in the end, and the other leases are not held up', async () => {
  await using mailing = await openMailing(300);
  const { db, server, mailingId } = mailing;
  await sql`alter table attempts add constraint not_r7 check (address <> 'r7@example.com' or outcome <> 'accepted')`.execute(
    db,
  );
  const worker = startDeliveryWorker(db, server.url);
  try {
    await eventually('all have left', async () => server.accepted.length === 300);
    await eventually('the lease of that one is left over', async () => (await countLeases(db)) === 1);
    const left = await countSending(db);
    expect(left).toBeLessThanOrEqual(64);
    await eventually('nobody renews it', async () => {
      await expireLeases(db);
      return mailing.isFinished();
    });
    expect(await countStates(db, mailingId)).toEqual({ accepted: 300 - left, in_doubt: left });
    const states = await db.selectFrom('deliveries').select('state').where('address', '=', 'r7@example.com').execute();
    expect(states).toEqual([{ state: 'in_doubt' }]);
    expect(server.accepted).toHaveLength(300);
    await expectTrueBooks(db, mailingId);
  } finally {
    await worker.stop();
  }
});

test('a recipient whose values break the limits of the message is rejected, and nobody else', async () => {
  await using mailing = await openMailing(5);
  const { db, server } = mailing;
  await sql`update mailing_contents set body = '{{ attributes.x }}{{ attributes.x }}'`.execute(db);
  await sql`update deliveries set attributes = jsonb_build_object('x', repeat('y', 9000000)) where address = 'r3@example.com'`.execute(
    db,
  );
  const worker = startDeliveryWorker(db, server.url);
  try {
    await eventually('the mailing is finished', mailing.isFinished);
  } finally {
    await worker.stop();
  }
  const rejected = await db
    .selectFrom('attempts')
    .select(['address', 'stage'])
    .where('outcome', '=', 'rejected')
    .execute();
  expect(rejected).toEqual([{ address: 'r3@example.com', stage: 'compose' }]);
  expect(server.accepted).toHaveLength(4);
});
