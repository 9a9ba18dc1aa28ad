import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { addUser } from '../../test/support/fixtures.js';
import { claim, openMailing } from '../../test/support/ledger.js';
import { recordEntries, type Entry } from './lease-store.js';
import { readRefusals } from './refusal-store.js';
import { NO_REFUSALS } from './refusal.js';

type Tried = Pick<NonNullable<Entry['attempt']>, 'outcome' | 'stage' | 'replyCode' | 'enhancedCode' | 'reply'>;

const UNKNOWN = { outcome: 'rejected', stage: 'rcpt', replyCode: 550, enhancedCode: '5.1.1' } as const;
const LATER = { outcome: 'deferred', stage: 'rcpt', replyCode: 450, enhancedCode: null } as const;
const LOST = { outcome: 'in_doubt', stage: 'dot', replyCode: null, enhancedCode: null } as const;
const TAKEN = { outcome: 'accepted', stage: 'dot', replyCode: 250, enhancedCode: '2.0.0', reply: 'ok' } as const;

const STATES = { accepted: 'accepted', rejected: 'rejected', deferred: 'waiting', in_doubt: 'in_doubt' } as const;

test('groups what was refused by what was said and by domain, with the latest reply in full', async () => {
  await using mailing = await openMailing(8);
  const { db, ownerId, mailingId } = mailing;
  await sql`update deliveries set address = 'x' || id || '@' || case when id % 2 = 0 then 'even.example' else 'odd.example' end
    where mailing_id = ${mailingId}`.execute(db);
  expect(await readRefusals(db, ownerId, mailingId, 5)).toEqual(NO_REFUSALS);
  const { id, deliveries } = await claim(db, mailingId);
  const ids = deliveries.map((delivery) => delivery.id).toSorted((a, b) => a - b);
  const evens = ids.filter((one) => one % 2 === 0);
  const odds = ids.filter((one) => one % 2 === 1);
  const tried: [number | undefined, number, Tried][] = [
    [evens[0], 1, { ...UNKNOWN, reply: 'the first' }],
    [odds[0], 3, { ...UNKNOWN, reply: 'the latest\nof two lines' }],
    [evens[1], 2, { ...UNKNOWN, reply: 'the second' }],
    [evens[2], 4, { ...LATER, reply: 'later' }],
    [odds[1], 5, { ...LOST, reply: 'the connection was lost' }],
    [odds[2], 6, TAKEN],
  ];
  const entries = tried.map(([deliveryId = 0, second, attempt]): Entry => ({
    deliveryId,
    state: STATES[attempt.outcome],
    retryInMs: 60_000,
    isDeferral: false,
    attempt: {
      ...attempt,
      startedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
      durationMs: 1,
      relay: 'r',
      tls: null,
    },
  }));
  await recordEntries(db, id, entries, false);
  const refusals = await readRefusals(db, ownerId, mailingId, 5);
  expect(refusals.replies).toMatchObject([
    { ...UNKNOWN, reply: 'the latest\nof two lines', attempts: 3, domains: 2 },
    { ...LOST, reply: 'the connection was lost', attempts: 1, domains: 1 },
    { ...LATER, reply: 'later', attempts: 1, domains: 1 },
  ]);
  expect(refusals.replies[0]?.lastAt).toEqual(new Date(Date.UTC(2026, 0, 1, 0, 0, 3)));
  expect(refusals.domains).toEqual([
    { domain: 'even.example', deferred: 1, rejected: 2, inDoubt: 0, attempts: 3 },
    { domain: 'odd.example', deferred: 0, rejected: 1, inDoubt: 1, attempts: 2 },
  ]);
  expect([refusals.replyCount, refusals.domainCount]).toEqual([3, 2]);
  const short = await readRefusals(db, ownerId, mailingId, 1);
  expect([short.replies.length, short.replyCount, short.domains.length, short.domainCount]).toEqual([1, 3, 1, 2]);
  expect(await readRefusals(db, await addUser(db), mailingId, 5)).toEqual(NO_REFUSALS);
});
