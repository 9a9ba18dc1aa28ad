import { createHash } from 'node:crypto';

import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { expectTrueBooks } from '../../test/support/ledger.js';
import { openSending, startDeliveryWorker } from '../../test/support/sending.js';
import type { SmtpServerFault, SmtpServerOptions } from '../../test/support/smtp-server.js';
import { isBalanced } from './delivery.js';

type Sending = Awaited<ReturnType<typeof openSending>>;

const RECIPIENTS = 400;
const BLOWS = 6;

const BLOWS_THAT_FALL: ((sending: Sending) => Promise<unknown>)[] = [
  (sending) => sending.cutConnections(),
  // To the others, a worker whose leases have expired is a frozen one; then it wakes up and goes on.
  ({ db }) => sql`update leases set expires_at = now() - interval '1 second'`.execute(db),
  async ({ db }) => {
    await sql`update mailings set paused_at = now()`.execute(db);
    await sql`update mailings set paused_at = null`.execute(db);
  },
  ({ db }) => sql`delete from recipients where id in (select id from recipients order by id limit 3)`.execute(db),
];

const FAULTS: [stage: string, fault: SmtpServerFault][] = [
  ['rcpt', { reply: '451 4.7.1 later' }],
  ['rcpt', { reply: '550 5.1.1 unknown' }],
  ['dot', { reply: '452 4.2.2 full' }],
  ['dot', { reply: '554 5.0.0 refused' }],
  ['dot-reply', 'drop'],
  ['data', 'drop'],
  ['mail', { reply: '421 4.3.2 going down', thenDrop: true }],
];

describe.concurrent('two workers under blows that a seed chooses', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'lose nobody, write to nobody twice, and keep true books (seed %i)',
    async (seed) => {
      await using sending = await openSending(RECIPIENTS, { keepData: false, faults: chooseFaults(seed) });
      const { db } = sending;
      const other = startDeliveryWorker(db, sending.url);
      try {
        await sending.start();
        for (let blow = 1; blow <= BLOWS; blow += 1) {
          await eventually(
            'letters are tried or settled',
            async () => (await countProgress(sending)) >= (blow * RECIPIENTS) / (BLOWS + 2),
          );
          await BLOWS_THAT_FALL[draw(seed, `blow ${blow}`) % BLOWS_THAT_FALL.length]?.(sending);
        }
        await eventually('the mailing is finished', () => isFinished(sending), 90_000);
        await expectTrueOutcomes(sending);
      } finally {
        await other.stop();
      }
    },
    120_000,
  );
});

/** What a worker had claimed that was taken for dead is settled, in doubt, though the server may never see it. */
async function countProgress({ server, counters }: Sending): Promise<number> {
  const { audience = 0, waiting = 0 } = (await counters()) ?? {};
  return Math.max(server.letters, audience - waiting);
}

/** What was put off for minutes is due at once. */
async function isFinished({ db }: Sending): Promise<boolean> {
  await sql`update queue set due_at = now() where due_at > now() + interval '30 seconds'`.execute(db);
  const { status } = await db.selectFrom('mailings').select('status').executeTakeFirstOrThrow();
  return status === 'finished';
}

async function expectTrueOutcomes({ db, server, counters, mailingId }: Sending): Promise<void> {
  await expectTrueBooks(db, mailingId);
  const books = await counters();
  expect(books && isBalanced(books)).toBe(true);
  expect(books).toMatchObject({ audience: RECIPIENTS, waiting: 0 });
  const rows = await db.selectFrom('deliveries').select(['address', 'state']).execute();
  const list = (state: string) => rows.filter((row) => row.state === state).map(({ address }) => address);
  expect([list('accepted').length, list('rejected').length, list('in_doubt').length]).toEqual([
    books?.accepted,
    books?.rejected,
    books?.inDoubt,
  ]);
  expect([...server.counts].filter(([, count]) => count > 1)).toEqual([]);
  expect(list('accepted').filter((address) => server.countOf(address) !== 1)).toEqual([]);
  expect(list('rejected').filter((address) => server.countOf(address) !== 0)).toEqual([]);
  expect(server.violations).toEqual([]);
}

/** About one letter in a hundred meets a fault at each stage, and those that break connections are few: each makes the relay rest. */
function chooseFaults(seed: number): NonNullable<SmtpServerOptions['faults']> {
  let breaks = 3;
  return ({ stage, recipient, letterNumber }) => {
    const chance = draw(seed, `${stage} ${recipient} ${letterNumber}`);
    const [at, fault] = FAULTS[chance % FAULTS.length] ?? [];
    if (stage !== at || fault === undefined || Math.floor(chance / FAULTS.length) % 20 !== 0) return undefined;
    if (fault === 'drop' || stage === 'mail') breaks -= 1;
    return breaks < 0 && (fault === 'drop' || stage === 'mail') ? undefined : fault;
  };
}

/** The same number for the same seed and question. */
function draw(seed: number, question: string): number {
  return createHash('sha256').update(`${seed} ${question}`).digest().readUInt32BE();
}
