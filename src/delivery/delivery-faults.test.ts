import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { countSending, expireLeases } from '../../test/support/ledger.js';
import { openSending, startDeliveryWorker } from '../../test/support/sending.js';
import type { SmtpServerOptions } from '../../test/support/smtp-server.js';
import { SMTP_URL_KEY } from '../relays/relay.js';

type Faults = SmtpServerOptions['faults'];

describe.concurrent('a mail server that cannot be used', () => {
  test.each([
    ['offers no STARTTLS where it is required', {}, { query: '?tls=required' }],
    ['offers no way to log in', { auth: { user: 'u', pass: 'p', mechanisms: ['GSSAPI'] } }, {}],
    ['is given a sender that is none', {}, { mailFrom: 'почта@example.com' }],
  ])('and %s rests, and no recipient is blamed', async (_what, server, options) => {
    await using sending = await openSending(3, server, options);
    await sending.start();
    expect(await eventually('the fault is remembered', async () => (await sending.fault()) ?? false)).not.toBe('');
    expect(await sending.counters()).toMatchObject({ waiting: 3, rejected: 0, inDoubt: 0 });
  });

  test('because it breaks off after every letter rests, and does not put one letter after another in doubt', async () => {
    const faults: Faults = ({ stage }) => (stage === 'dot-reply' ? 'drop' : undefined);
    await using sending = await openSending(40, { faults, pipelining: false }, { query: '?connections=1' });
    await sending.start();
    await eventually('the fault is remembered', async () => (await sending.fault()) ?? false);
    expect(sending.server.accepted).toHaveLength(1);
  });

  test.each(['rcpt', 'data', 'dot'] as const)(
    'because one letter makes it hang up at %s takes the others in between, and that one goes by the schedule',
    async (poisoned) => {
      const faults: Faults = ({ stage, recipient }) =>
        stage === poisoned && recipient === 'r1@example.com' ? { reply: '421 4.3.0 bye', thenDrop: true } : undefined;
      const rules = { query: '?connections=1', retryMinutes: [1] };
      await using sending = await openSending(20, { faults, pipelining: false }, rules);
      await sending.start();
      await eventually('all others are accepted', async () => (await sending.counters())?.accepted === 19, 30_000);
      expect(await sending.counters()).toMatchObject({ waiting: 1, rejected: 0, inDoubt: 0 });
      const read = () =>
        sending.db
          .selectFrom('deliveries')
          .select(['deferral_count as deferrals', 'hang_up_count as hangUps', 'state', 'next_try_at as nextTryAt'])
          .where('address', '=', 'r1@example.com')
          .executeTakeFirstOrThrow();
      expect((await read()).state).toBe('waiting');
      await eventually('it was tried a second time', async () => (await read()).hangUps === 2, 30_000);
      expect((await read()).deferrals).toBe(0);
      expect((await read()).nextTryAt.getTime()).toBeGreaterThan(Date.now() + 30_000);
    },
    90_000,
  );

  test('because it hung up at a letter more often than the schedule has delays leaves the recipient’s patience whole', async () => {
    const replies = ['421 4.3.2 bye', '421 4.3.2 bye', '450 4.2.0 greylisted'];
    const faults: Faults = ({ stage }) => {
      const reply = stage === 'rcpt' ? replies.shift() : undefined;
      return reply === undefined ? undefined : { reply, thenDrop: reply.startsWith('421') };
    };
    const rules = { query: '?connections=1', retryMinutes: [0.01] };
    await using sending = await openSending(1, { faults, pipelining: false }, rules);
    await sending.start();
    expect(await sending.finished(60_000)).toMatchObject({ accepted: 1, rejected: 0, attemptsDeferred: 3 });
  }, 90_000);

  test('because it says nothing does not hold up the end of the worker, and leaves no letter in doubt', async () => {
    await using sending = await openSending(3, { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) });
    await sending.start();
    await eventually(
      'the letters wait for a greeting',
      async () => (await countSending(sending.db)) === 3 && sending.server.openConnections > 0,
    );
    const stoppedAt = performance.now();
    await sending.worker.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(3000);
    expect(await sending.counters()).toMatchObject({ waiting: 3, inDoubt: 0, attemptsDeferred: 0 });
    expect(await countSending(sending.db)).toBe(0);
    expect(await sending.fault()).toBeNull();
  });

  test('because the worker is told to stop has no fault, and what had no final dot yet waits again', async () => {
    await using sending = await openSending(3, { faults: ({ stage }) => (stage === 'mail' ? 'stall' : undefined) });
    await sending.start();
    await eventually('the letters are on the wire', async () => sending.server.letters > 0);
    await sending.worker.stop();
    expect(await sending.counters()).toMatchObject({ waiting: 3, inDoubt: 0 });
    expect(await countSending(sending.db)).toBe(0);
    expect(await sending.fault()).toBeNull();
  });
});

describe.concurrent('a mail server', () => {
  test('that takes few connections gets its letters over those', async () => {
    const most = 1;
    const faults: Faults = ({ stage }) =>
      stage === 'connect' && sending.server.openConnections > most
        ? { reply: '421 4.7.0 too many connections', thenDrop: true }
        : undefined;
    await using sending = await openSending(300, { faults });
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 300, attemptsDeferred: 0 });
    expect(await sending.fault()).toBeNull();
    expect(sending.server.connections).toBeGreaterThan(most);
  });

  test('whose fault another process met, and that takes letters now, is no longer shown as faulty', async () => {
    await using sending = await openSending(1);
    await sql`insert into relay_states (key, fault, paused_until) values (${SMTP_URL_KEY}, 'was down', now())`.execute(
      sending.db,
    );
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 1 });
    await eventually('the fault is forgotten', async () => (await sending.fault()) === null);
  });
});

describe.concurrent('a database', () => {
  test('that cuts every connection, again and again, makes no letter doubtful, lost or doubled', async () => {
    await using sending = await openSending(1500);
    await sending.start();
    for (const share of [100, 400, 700, 1000, 1300]) {
      await eventually(`${share} letters are taken`, async () => sending.server.accepted.length >= share, 40_000);
      await sending.cutConnections();
    }
    // A claim whose answer was cut off is released: nobody waits for its lease to expire.
    expect(await sending.finished(45_000)).toMatchObject({ accepted: 1500, inDoubt: 0, attemptsAccepted: 1500 });
    expect(sending.server.counts.size).toBe(1500);
    expect(sending.server.accepted).toHaveLength(1500);
    expect(await countSending(sending.db)).toBe(0);
  }, 60_000);

  test('that was away for longer than a lease lives takes the outcomes afterwards, though other workers are there', async () => {
    await using sending = await openSending(1, {
      faults: ({ stage }) => (stage === 'dot-reply' ? 'stall' : undefined),
    });
    await sending.start();
    await eventually('the letter is on the wire', async () => sending.server.accepted.length === 1);
    const noticed = Promise.withResolvers<void>();
    const onError = (line: string) => line.includes('the delivery worker could not go on') && noticed.resolve();
    const other = startDeliveryWorker(sending.db, sending.url, { onError });
    try {
      await sql`alter table leases rename to leases_away`.execute(sending.db);
      await sql`update leases_away set expires_at = now() - interval '1 minute'`.execute(sending.db);
      await noticed.promise;
      await sql`alter table leases_away rename to leases`.execute(sending.db);
      await eventually(
        'the lease is renewed',
        async () => (await sql`select from leases where expires_at > now()`.execute(sending.db)).rows.length === 1,
      );
      expect(await sending.counters()).toMatchObject({ waiting: 1, inDoubt: 0 });
      await sending.server.close();
      expect(await sending.finished()).toMatchObject({ inDoubt: 1 });
      const attempt = await sending.db.selectFrom('attempts').select(['relay', 'reply']).executeTakeFirstOrThrow();
      expect(attempt).toMatchObject({ relay: `127.0.0.1:${new URL(sending.url).port}` });
    } finally {
      await other.stop();
    }
  });
});

test('a worker that wakes up past its leases keeps those that nobody took back', async () => {
  await using sending = await openSending(1, { faults: ({ stage }) => (stage === 'dot-reply' ? 'stall' : undefined) });
  await sending.start();
  await eventually('the letter is on the wire', async () => sending.server.accepted.length === 1);
  await expireLeases(sending.db);
  await eventually(
    'the lease is renewed',
    async () => (await sql`select from leases where expires_at > now()`.execute(sending.db)).rows.length === 1,
  );
  expect(await sending.counters()).toMatchObject({ waiting: 1, inDoubt: 0 });
  await sending.server.close();
  expect(await sending.finished()).toMatchObject({ inDoubt: 1 });
});
