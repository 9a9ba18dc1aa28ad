import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import { freezeAudience } from '../delivery/ledger-store.js';
import type { Database } from '../lib/database.js';
import { findMailing, setMailingRate } from './mailing-store.js';
import type { RepeatableState } from './mailing.js';
import { repeatMailing, type RepeatResult } from './repeat-mailing.js';
import { startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let recipients: number[];
let mailing: number;

const NOW = new Date('2026-03-01T12:34:56Z');

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

/** Four recipients: two expired, one rejected, one accepted. */
beforeEach(async () => {
  owner = await addUser(db);
  recipients = await addRecipients(db, owner, 4);
  const window = { firstSendingAt: new Date('2026-02-01T10:00:00Z'), endsAt: new Date('2026-02-01T13:30:00Z') };
  mailing = await addMailing(db, owner, window);
  await startMailing(db, TERMINAL, owner, mailing, new Date('2026-02-01T10:00:00Z'));
  await freezeAudience(db, mailing);
  const states = ['expired', 'expired', 'rejected', 'accepted'] as const;
  for (const [index, state] of states.entries()) {
    await db
      .updateTable('deliveries')
      .set({ state })
      .where('recipient_id', '=', recipients[index] ?? 0)
      .execute();
  }
});

const repeat = (state: RepeatableState) => repeatMailing(db, owner, mailing, state, NOW);

function idOf(result: RepeatResult): number {
  if (!result.ok) throw new Error(result.fault);
  return result.id;
}

async function readChosen(id: number): Promise<number[]> {
  const rows = await db.selectFrom('mailing_recipients').select('recipient_id').where('mailing_id', '=', id).execute();
  return rows.map((row) => row.recipient_id).toSorted((a, b) => a - b);
}

test('makes a mailing of the same message for exactly those recipients, with the same length of time', async () => {
  const result = await repeat('expired');
  expect(result).toMatchObject({ ok: true, already: false, count: 2, missing: 0 });
  expect(await readChosen(idOf(result))).toEqual(recipients.slice(0, 2));
  const old = await findMailing(db, owner, mailing);
  expect(await findMailing(db, owner, idOf(result))).toMatchObject({
    status: 'created',
    audience: 'chosen',
    messageId: old?.messageId,
    firstSendingAt: new Date('2026-03-01T14:00:00Z'),
    endsAt: new Date('2026-03-01T17:30:00Z'),
  });
});

test('keeps the rate of the old one', async () => {
  await setMailingRate(db, owner, mailing, { letters: 50, seconds: 60 });
  const repeated = await findMailing(db, owner, idOf(await repeat('expired')));
  expect(repeated).toMatchObject({ lettersLimit: 50, limitSeconds: 60 });
});

test('a double click makes one, and a second press later leads to it', async () => {
  const [first, second] = await Promise.all([repeat('expired'), repeat('expired')]);
  expect(idOf(first)).toBe(idOf(second));
  expect(await repeat('expired')).toMatchObject({ id: idOf(first), already: true });
  expect(idOf(await repeat('rejected'))).not.toBe(idOf(first));
});

test('makes another one when the audience of the first was changed, or it has started', async () => {
  const first = idOf(await repeat('expired'));
  await startMailing(db, TERMINAL, owner, first, NOW);
  const second = idOf(await repeat('expired'));
  expect(second).not.toBe(first);
  await db
    .deleteFrom('mailing_recipients')
    .where('recipient_id', '=', recipients[0] ?? 0)
    .execute();
  expect(idOf(await repeat('expired'))).not.toBe(second);
});

test('tells how many could not be taken because the recipient was deleted', async () => {
  await db
    .deleteFrom('recipients')
    .where('id', '=', recipients[0] ?? 0)
    .execute();
  const result = await repeat('expired');
  expect(result).toMatchObject({ ok: true, count: 1, missing: 1 });
  expect(await readChosen(idOf(result))).toEqual([recipients[1]]);
  await db.deleteFrom('recipients').where('owner_id', '=', owner).execute();
  expect(await repeat('expired')).toEqual({ ok: false, fault: 'nobody' });
});

test('makes the message anew from what was sent when it was deleted since, and only once', async () => {
  await db.deleteFrom('messages').where('owner_id', '=', owner).execute();
  const [first, second] = [idOf(await repeat('expired')), idOf(await repeat('rejected'))];
  const messages = await db.selectFrom('messages').select(['subject', 'body']).where('owner_id', '=', owner).execute();
  expect(messages).toEqual([{ subject: 'Hello', body: 'Dear {{ name }}!' }]);
  expect(second).not.toBe(first);
});

test('refuses what is another owner’s, or has not started', async () => {
  const gone = { ok: false, fault: 'gone' };
  expect(await repeatMailing(db, await addUser(db), mailing, 'expired', NOW)).toEqual(gone);
  expect(await repeatMailing(db, owner, await addMailing(db, owner), 'expired', NOW)).toEqual(gone);
  expect(await repeat('in_doubt')).toEqual({ ok: false, fault: 'nobody' });
});
