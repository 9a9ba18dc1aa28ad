import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { countSending, makeDue } from '../../test/support/ledger.js';
import { openSending } from '../../test/support/sending.js';
import type { SmtpServerOptions } from '../../test/support/smtp-server.js';
import { TERMINAL } from '../audit/audit.js';
import { continueMailing } from '../mailings/control-mailing.js';

type Sending = Awaited<ReturnType<typeof openSending>>;

/** Answers RCPT for some recipients, by the number in the address; null for what is taken. */
function answering(answer: (n: number) => string | null): SmtpServerOptions {
  const faults: SmtpServerOptions['faults'] = ({ stage, recipient }) => {
    const reply = stage === 'rcpt' ? answer(Number(/\d+/.exec(recipient)?.[0])) : null;
    return reply === null ? undefined : { reply };
  };
  return { faults };
}

const pauseOf = async ({ db, mailingId }: Sending) =>
  db
    .selectFrom('mailings')
    .select(['paused_at as at', 'pause_reason as reason'])
    .where('id', '=', mailingId)
    .executeTakeFirstOrThrow();

const settled = (sending: Sending, waiting: number) =>
  eventually('only what is put off waits', async () => {
    const counters = await sending.counters();
    return counters?.waiting === waiting && counters.attemptsDeferred >= waiting && counters;
  });

describe.concurrent('a refusal', () => {
  test('that the schedule allows is tried again, and after its last delay the delivery is rejected', async () => {
    const server = answering((n) => (n === 1 ? '450 4.2.0 Greylisted' : null));
    await using sending = await openSending(3, server, { retryMinutes: [1] });
    await sending.start();
    expect(await settled(sending, 1)).toMatchObject({ accepted: 2, waiting: 1 });
    const { rows } = await sql<{ seconds: number; deferrals: number }>`
      select extract(epoch from next_try_at - now())::float8 as seconds, deferral_count as deferrals
      from deliveries where state = 'waiting'`.execute(sending.db);
    expect(rows[0]?.deferrals).toBe(1);
    expect(rows[0]?.seconds).toBeGreaterThan(30);
    expect(rows[0]?.seconds).toBeLessThanOrEqual(72);
    await makeDue(sending.db);
    expect(await sending.finished()).toMatchObject({
      accepted: 2,
      rejected: 1,
      attemptsDeferred: 2,
      attemptsRejected: 0,
    });
  });

  test('for a full mailbox is no rejection, although its code begins with a 5', async () => {
    const server = answering((n) => (n === 1 ? '552 5.2.2 Mailbox full' : null));
    await using sending = await openSending(3, server);
    await sending.start();
    expect(await settled(sending, 1)).toMatchObject({ accepted: 2, rejected: 0, waiting: 1 });
  });

  test('as a matter of policy pauses the mailing, says why, and blames nobody', async () => {
    const server = answering(() => '554 5.7.1 Message rejected under suspicion of SPAM');
    await using sending = await openSending(200, server, { query: '?connections=2' });
    await sending.start();
    await eventually('the mailing is paused', async () => (await pauseOf(sending)).at !== null);
    await eventually('nothing is being sent any more', async () => (await countSending(sending.db)) === 0);
    expect((await pauseOf(sending)).reason).toBe('554 5.7.1 Message rejected under suspicion of SPAM');
    const counters = await sending.counters();
    expect(counters).toMatchObject({ waiting: 200, rejected: 0 });
    expect(counters?.attemptsDeferred).toBeLessThan(200);
    expect(await sending.fault()).toBeNull();
    const entries = await sending.db
      .selectFrom('audit_entries')
      .select(['actor', 'reason'])
      .where('action', '=', 'mailing.paused')
      .execute();
    expect(entries).toEqual([{ actor: 'vestnik', reason: '554 5.7.1 Message rejected under suspicion of SPAM' }]);
  });

  test('of a few as a matter of policy does not pause a mailing again that its owner continued', async () => {
    const server = answering((n) => (n % 30 === 1 ? '550 5.7.1 not from you' : null));
    await using sending = await openSending(90, server);
    await sending.start();
    await eventually('the mailing is paused', async () => (await pauseOf(sending)).at !== null);
    await continueMailing(sending.db, TERMINAL, sending.ownerId, sending.mailingId, new Date());
    expect(await settled(sending, 3)).toMatchObject({ accepted: 87, rejected: 0, waiting: 3 });
    expect((await pauseOf(sending)).at).toBeNull();
  });

  test('of all as a matter of policy pauses a mailing again that its owner continued', async () => {
    const server = answering(() => '550 5.7.1 not from you');
    await using sending = await openSending(500, server, { query: '?connections=1' });
    await sending.start();
    await eventually('the mailing is paused', async () => (await pauseOf(sending)).at !== null);
    await continueMailing(sending.db, TERMINAL, sending.ownerId, sending.mailingId, new Date());
    await eventually('the mailing is paused again', async () => (await pauseOf(sending)).at !== null);
    expect(await sending.counters()).toMatchObject({ rejected: 0, waiting: 500 });
  });
});
