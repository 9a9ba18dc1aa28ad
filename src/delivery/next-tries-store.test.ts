import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { addUser } from '../../test/support/fixtures.js';
import { claim, openMailing } from '../../test/support/ledger.js';
import { recordEntries } from './lease-store.js';
import { readNextTries } from './next-tries-store.js';
import { NO_TRIES } from './next-tries.js';

const ATTEMPT = {
  outcome: 'deferred',
  startedAt: new Date(),
  durationMs: 1,
  relay: 'relay:25',
  tls: null,
  stage: 'rcpt',
  replyCode: 450,
  enhancedCode: '4.2.0',
  reply: '4.2.0 later',
} as const;

test('tells how many letters come back when, and not of what is due or being sent', async () => {
  await using mailing = await openMailing(100);
  const { db, ownerId, mailingId } = mailing;
  expect(await readNextTries(db, ownerId, mailingId)).toEqual(NO_TRIES);
  const { id, deliveries } = await claim(db, mailingId, 40);
  const delays = [30, 40, 200, 4000, 200_000];
  const entries = deliveries.slice(0, 10).map((delivery, index) => ({
    deliveryId: delivery.id,
    state: 'waiting' as const,
    retryInMs: (delays[index % delays.length] ?? 0) * 1000,
    isDeferral: true,
    attempt: ATTEMPT,
  }));
  await recordEntries(db, id, entries, false);
  const { nextAt, ...tries } = await readNextTries(db, ownerId, mailingId);
  expect(tries).toEqual({
    letters: 10,
    beyond: 2,
    classes: [
      { within: 60, letters: 4 },
      { within: 300, letters: 2 },
      { within: 21_600, letters: 2 },
      { within: null, letters: 2 },
    ],
  });
  const seconds = ((nextAt?.getTime() ?? 0) - Date.now()) / 1000;
  expect(seconds).toBeGreaterThan(20);
  expect(seconds).toBeLessThanOrEqual(30);
  await sql`update queue set due_at = now() where mailing_id = ${mailingId}`.execute(db);
  expect(await readNextTries(db, ownerId, mailingId)).toEqual(NO_TRIES);
});

test('tells another owner nothing', async () => {
  await using mailing = await openMailing(3);
  const { db, mailingId } = mailing;
  await sql`update queue set due_at = now() + interval '1 hour' where mailing_id = ${mailingId}`.execute(db);
  expect((await readNextTries(db, mailing.ownerId, mailingId)).letters).toBe(3);
  expect(await readNextTries(db, await addUser(db), mailingId)).toEqual(NO_TRIES);
});
