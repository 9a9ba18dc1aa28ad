import { sql, type KyselyPlugin } from 'kysely';
import { expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { addMailing } from '../../test/support/fixtures.js';
import { countLeases, countSending, makeDue } from '../../test/support/ledger.js';
import { openSending, startDeliveryWorker } from '../../test/support/sending.js';
import type { SmtpServerOptions } from '../../test/support/smtp-server.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { startMailing } from '../mailings/start-mailing.js';
import { readCounters, readHalt } from './delivery-store.js';
import { isBalanced } from './delivery.js';

/** A database that counts how often a worker looks for what is running. */
function countTicksOf(db: Database) {
  let ticks = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (JSON.stringify(node).includes("where m.status = 'running' order by m.id")) ticks += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { counting: db.withPlugin(plugin), countTicks: () => ticks };
}

test('sends one letter to everyone, and finishes with books that balance', async () => {
  await using sending = await openSending(700);
  await sending.start();
  const counters = await sending.finished();
  expect(counters).toMatchObject({ audience: 700, accepted: 700, waiting: 0, attemptsAccepted: 700 });
  expect(isBalanced(counters)).toBe(true);
  expect(sending.server.accepted).toHaveLength(700);
  expect(sending.server.counts.size).toBe(700);
  expect(sending.server.violations).toEqual([]);
});

test('starts by itself when the first sending time has passed while no worker ran', async () => {
  await using sending = await openSending(3);
  await sql`update mailings set first_sending_at = now() - interval '1 hour'`.execute(sending.db);
  expect(await sending.finished()).toMatchObject({ accepted: 3 });
});

test('tells once of a mailing whose message cannot be filled in, and closes it at its end time', async () => {
  await using sending = await openSending(2);
  await sending.start();
  await sending.finished();
  const { db, ownerId } = sending;
  const told: string[] = [];
  await sending.worker.stop();
  const mailingId = await addMailing(db, ownerId);
  await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
  await sql`update mailing_contents set body = '{{ name' where mailing_id = ${mailingId}`.execute(db);
  const { counting, countTicks } = countTicksOf(db);
  const worker = startDeliveryWorker(counting, sending.url, { onError: (line) => told.push(line) });
  try {
    await eventually('the worker has come past it several times', async () => told.length > 0 && countTicks() > 4);
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ mailingId, msg: expect.stringContaining('cannot be filled in') });
    await sql`update mailings set first_sending_at = now() - interval '1 hour', ends_at = now()
      where id = ${mailingId}`.execute(db);
    await eventually('it is finished', async () => {
      const row = await db.selectFrom('mailings').select('status').where('id', '=', mailingId).executeTakeFirst();
      return row?.status === 'finished';
    });
    expect((await readCounters(db, ownerId, [mailingId])).get(mailingId)).toMatchObject({ expired: 2, waiting: 0 });
    expect(told).toHaveLength(1);
  } finally {
    await worker.stop();
  }
});

test('stores the reply of the server, whole, with every attempt', async () => {
  const faults: SmtpServerOptions['faults'] = ({ stage, recipient }) => {
    if (stage !== 'rcpt') return undefined;
    if (recipient === 'r1@example.com') return { reply: '550-5.1.1 no such user\r\n550 5.1.1 ask the postmaster' };
    return recipient === 'r2@example.com' ? { reply: '451 4.7.1 greylisted, come back' } : undefined;
  };
  await using sending = await openSending(3, { faults });
  await sending.start();
  await eventually('all three were tried', async () => {
    const counters = await sending.counters();
    return counters?.accepted === 1 && counters.rejected === 1 && counters.attemptsDeferred === 1;
  });
  const attempts = await sending.db
    .selectFrom('attempts')
    .select(['address', 'outcome', 'stage', 'reply_code', 'enhanced_code', 'reply'])
    .orderBy('address')
    .execute();
  expect(attempts).toMatchObject([
    { address: 'r1@example.com', outcome: 'rejected', stage: 'rcpt', reply_code: 550, enhanced_code: '5.1.1' },
    { address: 'r2@example.com', outcome: 'deferred', stage: 'rcpt', reply_code: 451, enhanced_code: '4.7.1' },
    { address: 'r3@example.com', outcome: 'accepted', stage: 'dot', reply_code: 250 },
  ]);
  expect(attempts[0]?.reply).toContain('no such user\n');
  expect(attempts[0]?.reply).toContain('ask the postmaster');
});

test('tries a deferred recipient again when its time has come', async () => {
  let refusals = 1;
  const faults: SmtpServerOptions['faults'] = ({ stage }) =>
    stage === 'rcpt' && refusals-- > 0 ? { reply: '450 4.2.0 busy' } : undefined;
  await using sending = await openSending(1, { faults });
  await sending.start();
  await eventually('the first try is deferred', async () => (await sending.counters())?.attemptsDeferred === 1);
  const { next } = await sending.db.selectFrom('deliveries').select('next_try_at as next').executeTakeFirstOrThrow();
  expect(next.getTime()).toBeGreaterThan(Date.now() + 30_000);
  const { due } = await sending.db.selectFrom('queue').select('due_at as due').executeTakeFirstOrThrow();
  expect(due).toEqual(next);
  await makeDue(sending.db);
  expect(await sending.finished()).toMatchObject({ accepted: 1, attemptsDeferred: 1, attemptsAccepted: 1 });
});

test('a reply that is lost after the last byte leaves the letter in doubt, and it is not sent again', async () => {
  const faults: SmtpServerOptions['faults'] = ({ stage, recipient }) =>
    stage === 'dot-reply' && recipient === 'r2@example.com' ? 'drop' : undefined;
  await using sending = await openSending(3, { faults });
  await sending.start();
  // The others on the same connection may have to wait for the relay's rest to end.
  const counters = await sending.finished();
  expect(counters).toMatchObject({ inDoubt: 1, accepted: 2, rejected: 0 });
  expect(sending.server.countOf('r2@example.com')).toBe(1);
});

test('a mail server that is away, or refuses the login, blames no recipient', async () => {
  await using sending = await openSending(5);
  const { port } = sending.server;
  await sending.server.close();
  await sending.start();
  await eventually('the fault is remembered', async () =>
    sending.db.selectFrom('relay_states').select('fault').where('fault', 'is not', null).executeTakeFirst(),
  );
  expect(await sending.counters()).toMatchObject({ waiting: 5, rejected: 0, inDoubt: 0 });
  const attempt = await eventually('the attempt is recorded', () =>
    sending.db.selectFrom('attempts').select(['outcome', 'stage', 'reply']).executeTakeFirst(),
  );
  expect(attempt).toMatchObject({ outcome: 'deferred', stage: 'connect' });
  await sending.server.listen(port);
  expect(await sending.finished()).toMatchObject({ accepted: 5 });
  const relay = await sending.db.selectFrom('relay_states').select(['fault']).executeTakeFirstOrThrow();
  expect(relay.fault).toBeNull();
});

test('a pause holds back what has not left, and continuing sends the rest', async () => {
  await using sending = await openSending(400);
  await sending.start();
  await eventually('some have left', async () => ((await sending.counters())?.accepted ?? 0) > 0);
  await sql`update mailings set paused_at = now()`.execute(sending.db);
  const held = await eventually(
    'nothing is on the wire',
    async () => (await countSending(sending.db)) === 0 && { count: sending.server.accepted.length },
  );
  expect((await sending.counters())?.accepted).toBe(held.count);
  await sql`update mailings set paused_at = null`.execute(sending.db);
  expect(await sending.finished()).toMatchObject({ accepted: 400 });
});

test('a halt calls back what has not left a slow server’s queue, and the rest is sent when it is over', async () => {
  await using sending = await openSending(120, { slowMs: 200, keepData: false });
  const { db, server } = sending;
  await sending.start();
  await eventually('every connection has taken letters', async () => server.accepted.length > 16);
  await sql`update mailings set disabled_at = now(), disabled_reason = 'spam'`.execute(db);
  const pressedAt = performance.now();
  await eventually('nothing is being sent', async () => (await countSending(db)) === 0);
  expect(performance.now() - pressedAt).toBeLessThan(2000);
  const left = server.accepted.length;
  expect(left).toBeLessThan(80);
  expect(await sending.counters()).toMatchObject({ accepted: left, waiting: 120 - left, attemptsDeferred: 0 });
  const halt = await readHalt(db, sending.mailingId, new Date(Date.now() - (performance.now() - pressedAt)));
  expect(halt).toMatchObject({ done: true, left });
  expect(halt.seconds).toBeGreaterThan(0);
  expect(halt.seconds).toBeLessThan(2);
  await sql`update mailings set disabled_at = null, disabled_reason = null`.execute(db);
  expect(await sending.finished()).toMatchObject({ accepted: 120, attemptsAccepted: 120, attemptsDeferred: 0 });
  expect(server.counts.size).toBe(120);
  expect(server.accepted).toHaveLength(120);
  expect(Math.max(...server.arrivedAt.slice(0, left)) - pressedAt).toBeLessThan(2000);
});

test('a halt does not wait for a mail server that says nothing', async () => {
  await using sending = await openSending(50, { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) });
  await sending.start();
  await eventually('letters wait for a greeting', async () => sending.server.openConnections > 0);
  await sql`update mailings set paused_at = now()`.execute(sending.db);
  await eventually('nothing is being sent', async () => (await countSending(sending.db)) === 0, 3000);
  expect(await sending.counters()).toMatchObject({ waiting: 50, inDoubt: 0, attemptsDeferred: 0 });
});

test('at the end time what still waits expires', async () => {
  await using sending = await openSending(4, {
    faults: ({ stage }) => (stage === 'rcpt' ? { reply: '450 later' } : undefined),
  });
  await sending.start();
  await eventually('all are deferred', async () => (await sending.counters())?.attemptsDeferred === 4);
  await sql`update mailings set first_sending_at = now() - interval '1 hour', ends_at = now()`.execute(sending.db);
  expect(await sending.finished()).toMatchObject({ expired: 4, waiting: 0 });
});

test('a stopped mailing is finished with what waited cancelled', async () => {
  await using sending = await openSending(4, {
    faults: ({ stage }) => (stage === 'rcpt' ? { reply: '450 later' } : undefined),
  });
  await sending.start();
  await eventually('all are deferred', async () => (await sending.counters())?.attemptsDeferred === 4);
  await sql`update mailings set stopped_at = now()`.execute(sending.db);
  expect(await sending.finished()).toMatchObject({ cancelled: 4, waiting: 0 });
});

test('several workers share one mailing without writing to anyone twice', async () => {
  await using sending = await openSending(1500);
  const second = startDeliveryWorker(sending.db, sending.url);
  try {
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 1500 });
    expect(sending.server.counts.size).toBe(1500);
    expect(sending.server.accepted).toHaveLength(1500);
  } finally {
    await second.stop();
  }
});

test('a worker that is told to stop gives back what has not left', async () => {
  await using sending = await openSending(2000);
  await sending.start();
  await eventually('some have left', async () => ((await sending.counters())?.accepted ?? 0) > 0);
  await sending.worker.stop();
  const counters = await sending.counters();
  expect(counters).toMatchObject({ inDoubt: 0, rejected: 0, accepted: sending.server.accepted.length });
  expect(await countLeases(sending.db)).toBe(0);
  const next = startDeliveryWorker(sending.db, sending.url);
  try {
    expect(await sending.finished()).toMatchObject({ accepted: 2000 });
    expect(sending.server.counts.size).toBe(2000);
  } finally {
    await next.stop();
  }
});
