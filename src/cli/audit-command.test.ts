import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing, claim, makeEntry } from '../../test/support/ledger.js';
import { TERMINAL } from '../audit/audit.js';
import { recordEntries } from '../delivery/lease-store.js';
import { closeWaiting, finishMailing, freezeAudience } from '../delivery/ledger-store.js';
import type { Database } from '../lib/database.js';
import { translate, type Locale } from '../lib/i18n.js';
import { startMailing } from '../mailings/start-mailing.js';
import { addSampleData } from '../onboarding/sample-data.js';
import { auditFromTerminal } from './audit-command.js';

let database: TestDatabase;
let db: Database;
let mailing: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

/** Six recipients: three accepted, one rejected, one in doubt, one expired; finished. */
beforeEach(async () => {
  await db.deleteFrom('mailings').execute();
  const owner = await addUser(db);
  await addRecipients(db, owner, 6);
  mailing = await addFrozenMailing(db, owner);
  const lease = await claim(db, mailing, 5);
  const states = ['accepted', 'accepted', 'accepted', 'rejected', 'in_doubt'] as const;
  const entries = lease.deliveries.map(({ id }, index) => makeEntry(id, states[index] ?? 'accepted'));
  await recordEntries(db, lease.id, entries, true);
  await closeWaiting(db, mailing, 'expired');
  await finishMailing(db, mailing);
});

async function audit(positionals: string[] = [], locale: Locale = 'en') {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(print),
    vi.spyOn(console, 'error').mockImplementation(print),
  ];
  const foundation = { db, config: { terminalLocale: locale } };
  const code = await auditFromTerminal({ foundation, t: translate(locale), positionals });
  for (const spy of spies) spy.mockRestore();
  return { code, text: lines.join('\n') };
}

/** The constraints that stand in the way of a planted error are another net below this one. */
async function plant(error: string): Promise<void> {
  await sql.raw(error.replaceAll('$mailing', String(mailing))).execute(db);
}

const ONE = (state: string) =>
  `id = (select min(id) from deliveries where mailing_id = $mailing and state = '${state}')`;

/** The expired one waits again, as the books have it. */
const WAITING = `with d as (update deliveries set state = 'waiting' where ${ONE('expired')} returning id)`;
const BOOKED = `update mailing_counters set expired = 0, waiting = 1 from d where mailing_id = $mailing`;
const QUEUED = `insert into queue (mailing_id, due_at, delivery_ids) select $mailing, now(), array[id] from d`;
const leased = (expiresIn: string) => `insert into leases (id, mailing_id, node, expires_at, delivery_ids)
  select gen_random_uuid(), $mailing, 'gone', now() + interval '${expiresIn}', array[id] from d`;

test('what balances is told so, in the language of the terminal', async () => {
  const { code, text } = await audit();
  expect(code).toBe(0);
  expect(text).toContain(
    `✓ Mailing ${mailing} “Hello” (finished): 6 = accepted 3 + rejected 1 + in doubt 1 + expired 1; attempts: 5`,
  );
  expect(text).toContain('Recounted: mailings 1, deliveries 6, attempts 5.\nEverything balances.');
  const russian = await audit([String(mailing)], 'ru');
  expect(russian).toMatchObject({ code: 0, text: expect.stringContaining('6 = принято 3 + отклонено 1') });
});

test.each<[what: string, error: string, told: string[]]>([
  [
    'a delivery whose state was changed behind the books',
    `update deliveries set state = 'rejected' where ${ONE('accepted')}`,
    [
      'In the state “accepted”: the books say 3, there are 2.',
      'In the state “rejected”: the books say 1, there are 2.',
      '1 delivery has an accepted attempt and is not accepted.',
    ],
  ],
  [
    'a delivery that is gone',
    `delete from deliveries where ${ONE('expired')}`,
    ['Recipients in all: the books say 6, there are 5.', 'In the state “expired”: the books say 1, there are 0.'],
  ],
  [
    'a letter that was accepted twice',
    `insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
     select delivery_id, mailing_id, started_at, 1, outcome, address, relay, stage, reply from attempts
     where mailing_id = $mailing and outcome = 'accepted' limit 1`,
    [
      'Attempts with the outcome “successful”: the books say 3, there are 4.',
      '1 accepted delivery has not exactly one accepted attempt.',
      '1 delivery counts more or fewer attempts than it has.',
    ],
  ],
  [
    'books without their attempts',
    `delete from attempts where mailing_id = $mailing and outcome = 'accepted'`,
    ['3 accepted deliveries have not exactly one accepted attempt.'],
  ],
  [
    'totals by time that were changed',
    `update attempt_totals set accepted = accepted + 1 where mailing_id = $mailing`,
    [
      'Totals of attempts with the outcome “successful”: the books say 3, the totals 4.',
      '1 quarter of an hour has other totals than its attempts.',
    ],
  ],
  [
    'totals by time that lie at another time',
    `update attempt_totals set at = at - interval '15 minutes' where mailing_id = $mailing`,
    ['2 quarters of an hour have other totals than their attempts.'],
  ],
  [
    'totals of refusals that are gone',
    `delete from refusals where mailing_id = $mailing and outcome = 'rejected'`,
    [
      'Totals of refusals with the outcome “unsuccessful: rejected”: the books say 1, the totals 0.',
      '1 kind of refusal has another total than its attempts.',
    ],
  ],
  [
    'totals of refusals by another code',
    `update refusals set reply_code = 552 where mailing_id = $mailing and outcome = 'in_doubt'`,
    ['2 kinds of refusals have other totals than their attempts.'],
  ],
  [
    'what waits in a finished mailing',
    `${WAITING}, q as (${QUEUED}) ${BOOKED}`,
    ['The mailing is finished, and 1 delivery is still waiting.'],
  ],
  [
    'what waits, and stands nowhere',
    `${WAITING} ${BOOKED}`,
    ['1 waiting delivery does not stand in exactly one place of the queue.'],
  ],
  [
    'what waits, and stands in the queue twice',
    `${WAITING}, q as (${QUEUED}), again as (${QUEUED}) ${BOOKED}`,
    ['1 waiting delivery does not stand in exactly one place of the queue.'],
  ],
  [
    'what waits, and stands in the queue and in a lease',
    `${WAITING}, q as (${QUEUED}), l as (${leased('1 hour')}) ${BOOKED}`,
    ['1 waiting delivery does not stand in exactly one place of the queue.'],
  ],
  [
    'what is settled, and stands in the queue',
    `insert into queue (mailing_id, due_at, delivery_ids)
     select $mailing, now(), array_agg(id) from deliveries where mailing_id = $mailing and state = 'accepted'`,
    ['3 settled deliveries still stand in the queue.'],
  ],
  [
    'what is settled, and stands in a lease',
    `insert into leases (id, mailing_id, node, expires_at, delivery_ids)
     select gen_random_uuid(), $mailing, 'node', now() + interval '1 hour', array[id] from deliveries where ${ONE('rejected')}`,
    ['1 settled delivery still stands in the queue.'],
  ],
  [
    'what a dead process left behind',
    `${WAITING}, l as (${leased('-1 hour')}) ${BOOKED}`,
    ['1 delivery belongs to a process that is gone.'],
  ],
  [
    'a decision that the books do not have',
    `update deliveries set left_in_doubt = true where ${ONE('in_doubt')}`,
    ['Left in doubt by the owner: the books say 0, there are 1.'],
  ],
  [
    'books that are gone',
    `delete from mailing_counters where mailing_id = $mailing`,
    ['There are deliveries, and no books.'],
  ],
])('finds %s', async (_what, error, told) => {
  await plant(error);
  const { code, text } = await audit();
  expect(code).toBe(1);
  expect(text).toContain(`✗ Mailing ${mailing} `);
  for (const line of told) expect(text).toContain(line);
  expect(text).toContain('1 mailing does not balance.');
  expect((await audit([String(mailing)])).code).toBe(1);
});

test('where attempts are not kept any more, the totals stand for them, and what is wrong with the books is found still', async () => {
  await sql`update installation_settings set attempts_kept_from = now() + interval '1 day'`.execute(db);
  await plant('delete from attempts where mailing_id = $mailing');
  const { code, text } = await audit();
  expect(code).toBe(0);
  expect(text).toContain(
    'expired 1; attempts: 5\n    Some of its attempts are no longer kept; the totals stand for them.',
  );
  await plant(`update attempt_totals set accepted = 2 where mailing_id = $mailing`);
  expect((await audit()).text).toContain('the books say 3, the totals 2.');
  await sql`update installation_settings set attempts_kept_from = null`.execute(db);
});

test('the sample mailing balances, and a running one too', async () => {
  const owner = await addUser(db);
  await addSampleData(db, owner, 'en', new Date());
  const running = await addMailing(db, owner);
  await startMailing(db, TERMINAL, owner, running, new Date());
  expect((await audit([String(running)])).text).toContain('its recipients are not listed yet');
  await freezeAudience(db, running);
  await claim(db, running, 2);
  await sql`update leases set expires_at = now() - interval '30 seconds'`.execute(db);
  const { code, text } = await audit();
  expect(text).toContain('Everything balances.');
  expect(code).toBe(0);
});

test.each(['0', 'x', '999999'])('there is no mailing %s', async (id) => {
  expect(await audit([id])).toEqual({ code: 1, text: `There is no mailing ${id}.` });
});
