import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import { freezeAudience } from '../delivery/ledger-store.js';
import type { Database } from '../lib/database.js';
import { parseForm } from '../lib/form.js';
import { parseListQuery } from '../lib/list.js';
import { startMailing } from '../mailings/start-mailing.js';
import {
  addRecipient,
  changeRecipient,
  countFoundRecipients,
  countRecipients,
  deleteFoundRecipients,
  deleteRecipients,
  findRecipient,
  findRecipients,
  listRecipients,
} from './recipient-store.js';
import { RECIPIENT_SORTS, recipientForm, toRecipientValues, type RecipientValues } from './recipient.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let other: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  [owner, other] = [await addUser(db), await addUser(db)];
});

const recipient = (values: Partial<RecipientValues> = {}): RecipientValues => ({
  email: 'anna@example.com',
  name: '',
  comment: '',
  attributes: {},
  ...values,
});

const byEmail = (query: Record<string, string> = {}) => parseListQuery(query, RECIPIENT_SORTS, 'email');

async function add(values: Partial<RecipientValues> = {}, ownerId = owner): Promise<number> {
  const saved = await addRecipient(db, ownerId, recipient(values));
  if (!saved.ok) throw new Error(saved.fault);
  return saved.id;
}

async function find(q: string, ownerId = owner): Promise<string[]> {
  const { rows } = await listRecipients(db, ownerId, byEmail({ q }));
  expect(await countFoundRecipients(db, ownerId, q, 1000)).toBe(rows.length);
  return rows.map(({ email }) => email);
}

async function recount(ownerId: number): Promise<number> {
  const rows = await db.selectFrom('recipients').select('id').where('owner_id', '=', ownerId).execute();
  return rows.length;
}

test('keeps what it is given', async () => {
  const values = recipient({ name: 'Анна 🎉', comment: 'one\ntwo', attributes: { city: 'Казань', __proto__x: '"\\' } });
  const id = await add(values);
  expect(await findRecipient(db, owner, id)).toMatchObject({ id, ...values, version: 1 });
});

test('takes an address once for one owner, without regard to case', async () => {
  await add({ email: 'Anna@Example.com' });
  expect(await addRecipient(db, owner, recipient({ email: 'anna@example.COM' }))).toEqual({
    ok: false,
    fault: 'emailTaken',
  });
  await add({ email: 'ИВАН@пример.рф' });
  expect(await addRecipient(db, owner, recipient({ email: 'иван@Пример.рф' }))).toEqual({
    ok: false,
    fault: 'emailTaken',
  });
  expect(await countRecipients(db, owner)).toBe(2);
});

test('lets two owners have the same address', async () => {
  const [mine, theirs] = [await add(), await add({}, other)];
  expect(mine).not.toBe(theirs);
  expect([await countRecipients(db, owner), await countRecipients(db, other)]).toEqual([1, 1]);
});

test('adds an address once when two tabs send it at the same time', async () => {
  const results = await Promise.all(Array.from({ length: 8 }, () => addRecipient(db, owner, recipient())));
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await countRecipients(db, owner)).toBe(1);
});

test('saves only over the version that was opened, and tells of a later one', async () => {
  const id = await add({ name: 'First' });
  expect(await changeRecipient(db, owner, id, 1, recipient({ name: 'Second' }))).toEqual({ ok: true, id });
  expect(await changeRecipient(db, owner, id, 1, recipient({ name: 'Third' }))).toEqual({
    ok: false,
    fault: 'changed',
  });
  const saved = await findRecipient(db, owner, id);
  expect(saved).toMatchObject({ name: 'Second', version: 2 });
  expect(saved?.updatedAt.getTime()).toBeGreaterThan(saved?.createdAt.getTime() ?? 0);
});

test('saves one of several changes made to one version at the same time', async () => {
  const id = await add();
  const changes = Array.from({ length: 6 }, (_, n) =>
    changeRecipient(db, owner, id, 1, recipient({ name: `Tab ${n}` })),
  );
  const results = await Promise.all(changes);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(results.filter((result) => !result.ok && result.fault === 'changed')).toHaveLength(5);
  expect(await findRecipient(db, owner, id)).toMatchObject({ version: 2 });
});

test('does not give a recipient the address of another one', async () => {
  await add({ email: 'taken@example.com' });
  const id = await add({ email: 'free@example.com' });
  expect(await changeRecipient(db, owner, id, 1, recipient({ email: 'TAKEN@example.com' }))).toEqual({
    ok: false,
    fault: 'emailTaken',
  });
  expect(await changeRecipient(db, owner, id, 1, recipient({ email: 'FREE@example.com' }))).toEqual({ ok: true, id });
});

test('tells that a recipient is gone', async () => {
  const id = await add();
  await deleteRecipients(db, owner, [id]);
  expect(await changeRecipient(db, owner, id, 1, recipient())).toEqual({ ok: false, fault: 'gone' });
});

test('counts what it deleted, and only that', async () => {
  const ids = await addRecipients(db, owner, 3);
  expect(await deleteRecipients(db, owner, [...ids.slice(0, 2), ids[0] ?? 0, 999_999_999])).toBe(2);
  expect(await deleteRecipients(db, owner, ids.slice(0, 2))).toBe(0);
  expect(await deleteRecipients(db, owner, [])).toBe(0);
  expect(await countRecipients(db, owner)).toBe(1);
});

test('keeps deliveries and attempts of a recipient that is deleted, with the address as text', async () => {
  const [id = 0] = await addRecipients(db, owner, 1);
  const now = new Date();
  const mailingId = await addMailing(db, owner, { firstSendingAt: now });
  expect(await startMailing(db, TERMINAL, owner, mailingId, now)).toMatchObject({ ok: true });
  await freezeAudience(db, mailingId);
  const delivery = await db
    .selectFrom('deliveries')
    .select('id')
    .where('mailing_id', '=', mailingId)
    .executeTakeFirstOrThrow();
  await sql`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, reply)
    values (${delivery.id}, ${mailingId}, now(), 1, 'deferred', 451, 'r1@example.com', 'mail:25', 'rcpt', 'later')`.execute(
    db,
  );
  expect(await deleteRecipients(db, owner, [id])).toBe(1);
  const kept = await db
    .selectFrom('deliveries')
    .innerJoin('attempts', 'attempts.delivery_id', 'deliveries.id')
    .select([
      'deliveries.recipient_id',
      'deliveries.address',
      'deliveries.name',
      'attempts.address as attempted',
      'reply',
    ])
    .where('deliveries.mailing_id', '=', mailingId)
    .execute();
  expect(kept).toEqual([
    { recipient_id: null, address: 'r1@example.com', name: 'Recipient 1', attempted: 'r1@example.com', reply: 'later' },
  ]);
});

test('a deletion that deadlocks with the recording of deliveries succeeds', async () => {
  const ids = await addRecipients(db, owner, 2);
  const now = new Date();
  const mailingId = await addMailing(db, owner, { firstSendingAt: now });
  await startMailing(db, TERMINAL, owner, mailingId, now);
  await freezeAudience(db, mailingId);
  const [first = 0, second = 0] = (
    await db.selectFrom('deliveries').select('id').where('mailing_id', '=', mailingId).orderBy('id').execute()
  ).map(({ id }) => id);
  const touch = (trx: Database, id: number) =>
    trx.updateTable('deliveries').set({ attempt_count: 1 }).where('id', '=', id).execute();
  const isWaiting = async () => {
    const { rows } = await sql`select from pg_locks where not granted and locktype = 'transactionid'`.execute(db);
    return rows.length > 0;
  };
  const deadlocks = await countDeadlocks();
  let deletion: Promise<number> | undefined;
  await db.transaction().execute(async (recording) => {
    // The recording must be the one that goes on.
    await sql`set local deadlock_timeout = '1min'`.execute(recording);
    await touch(recording, second);
    deletion = deleteRecipients(db, owner, ids);
    await eventually('the deletion waits for the second delivery', isWaiting);
    await touch(recording, first);
  });
  expect(await deletion).toBe(2);
  await eventually('the deadlock is counted', async () => (await countDeadlocks()) > deadlocks);
  expect(await countRecipients(db, owner)).toBe(0);
});

async function countDeadlocks(): Promise<number> {
  const { rows } = await sql<{ deadlocks: number }>`
    select deadlocks from pg_stat_database where datname = current_database()`.execute(db);
  return rows[0]?.deadlocks ?? 0;
}

test('shows and gives nothing of another owner, and changes nothing there', async () => {
  const theirs = await add({ email: 'secret@example.com', name: 'Secret' }, other);
  expect(await findRecipient(db, owner, theirs)).toBeUndefined();
  expect(await findRecipients(db, owner, [theirs])).toEqual([]);
  expect((await listRecipients(db, owner, byEmail())).rows).toEqual([]);
  expect(await find('secret')).toEqual([]);
  expect(await countRecipients(db, owner)).toBe(0);
  expect(await changeRecipient(db, owner, theirs, 1, recipient({ name: 'Mine' }))).toEqual({
    ok: false,
    fault: 'gone',
  });
  expect(await deleteRecipients(db, owner, [theirs])).toBe(0);
  expect(await deleteFoundRecipients(db, owner, 'secret')).toBe(0);
  expect(await findRecipient(db, other, theirs)).toMatchObject({
    email: 'secret@example.com',
    name: 'Secret',
    version: 1,
  });
  expect(await countRecipients(db, other)).toBe(1);
});

test('finds several by id in the order of their addresses', async () => {
  const ids = [
    await add({ email: 'c@example.com' }),
    await add({ email: 'a@example.com' }),
    await add({ email: 'b@example.com' }),
  ];
  const found = await findRecipients(db, owner, ids);
  expect(found.map(({ email }) => email)).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
});

test('the kept total equals a recount after any additions and deletions, of many at once and refused ones', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), who: fc.nat(1), number: fc.nat(15) }),
    fc.record({ kind: fc.constant('fill' as const), who: fc.nat(1), count: fc.integer({ min: 1, max: 12 }) }),
    fc.record({
      kind: fc.constant('delete' as const),
      who: fc.nat(1),
      numbers: fc.array(fc.nat(15), { maxLength: 6 }),
    }),
    fc.record({
      kind: fc.constant('deleteFound' as const),
      who: fc.nat(1),
      search: fc.constantFrom('n1', 'example', 'r1@', '%'),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const owners = [await addUser(db), await addUser(db)];
      for (const step of steps) {
        const ownerId = owners[step.who] ?? 0;
        if (step.kind === 'add') await addRecipient(db, ownerId, recipient({ email: `n${step.number}@example.com` }));
        if (step.kind === 'fill') await addRecipients(db, ownerId, step.count).catch(() => {});
        if (step.kind === 'deleteFound') await deleteFoundRecipients(db, ownerId, step.search);
        if (step.kind === 'delete') {
          const { rows } = await listRecipients(db, ownerId, byEmail());
          await deleteRecipients(
            db,
            ownerId,
            step.numbers.map((n) => rows[n]?.id).filter((id) => id !== undefined),
          );
        }
      }
      for (const ownerId of owners) expect(await countRecipients(db, ownerId)).toBe(await recount(ownerId));
    }),
    { numRuns: 25 },
  );
});

test('the kept total holds while several add and delete at once', async () => {
  const ids = await addRecipients(db, owner, 40);
  await Promise.all([
    ...Array.from({ length: 20 }, (_, n) => add({ email: `new${n}@example.com` })),
    ...ids.slice(0, 30).map((id) => deleteRecipients(db, owner, [id, ids[0] ?? 0])),
  ]);
  expect(await recount(owner)).toBe(30);
  expect(await countRecipients(db, owner)).toBe(30);
});

test('seeks one or two letters at the beginning of words, and more of them anywhere', async () => {
  await add({ email: 'zoe@example.com', name: 'Anna Petrova', comment: 'likes tea' });
  await add({ email: 'max@example.com', name: 'Joanna', comment: 'late' });
  expect(await find('a')).toEqual(['zoe@example.com']);
  expect(await find('pe')).toEqual(['zoe@example.com']);
  expect(await find('ma')).toEqual(['max@example.com']);
  expect(await find('te')).toEqual(['zoe@example.com']);
  expect(await find('nn')).toEqual([]);
  expect(await find('ann')).toEqual(['max@example.com', 'zoe@example.com']);
  expect(await find('xample')).toEqual(['max@example.com', 'zoe@example.com']);
  expect(await find('nobody')).toEqual([]);
});

test('finds one or two letters where a later line of the comment begins', async () => {
  await add({ comment: 'tea\nолово\n\tzinc' });
  for (const search of ['о', 'ОЛ', 'z', 'zi']) expect(await find(search)).toEqual(['anna@example.com']);
  expect(await find('ло')).toEqual([]);
});

test('takes %, _ and \\ for what they are', async () => {
  await add({ email: 'a_b@example.com', comment: 'discount 50% off' });
  await add({ email: 'axb@example.com', comment: String.raw`C:\temp` });
  expect(await find('a_b')).toEqual(['a_b@example.com']);
  expect(await find('50%')).toEqual(['a_b@example.com']);
  expect(await find('%')).toEqual(['a_b@example.com']);
  expect(await find('_')).toEqual(['a_b@example.com']);
  expect(await find('%%%')).toEqual([]);
  expect(await find(String.raw`c:\t`)).toEqual(['axb@example.com']);
  expect(await find('\\')).toEqual(['axb@example.com']);
  expect(await find(String.raw`\\\ `)).toEqual([]);
});

test('finds Cyrillic and Greek letters without regard to case', async () => {
  await add({ email: 'anna@example.com', name: 'Анна Ёлкина', comment: 'ΟΔΟΣ' });
  expect(await find('АННА')).toEqual(['anna@example.com']);
  expect(await find('ёлк')).toEqual(['anna@example.com']);
  expect(await find('ан')).toEqual(['anna@example.com']);
  expect(await find('ΟΔΟΣ')).toEqual(['anna@example.com']);
});

test('counts what was found only up to the limit', async () => {
  await addRecipients(db, owner, 30);
  expect(await countFoundRecipients(db, owner, 'example', 10)).toBe(11);
  expect(await countFoundRecipients(db, owner, 'example', 30)).toBe(30);
  expect(await countFoundRecipients(db, owner, '', 1000)).toBe(30);
});

test('deletes exactly what a search finds', async () => {
  await addRecipients(db, owner, 12);
  const found = await find('r1');
  expect(await deleteFoundRecipients(db, owner, 'r1')).toBe(found.length);
  expect(await find('r1')).toEqual([]);
  expect(await countRecipients(db, owner)).toBe(12 - found.length);
});

test('sorts without regard to case', async () => {
  await add({ email: 'B@example.com', name: 'anna' });
  await add({ email: 'a@example.com', name: 'Boris' });
  await add({ email: 'C@example.com', name: 'Clara' });
  const sorted = async (sort: string) =>
    (await listRecipients(db, owner, byEmail({ sort }))).rows.map(({ email }) => email[0]);
  expect(await sorted('email')).toEqual(['a', 'B', 'C']);
  expect(await sorted('-email')).toEqual(['C', 'B', 'a']);
  expect(await sorted('name')).toEqual(['B', 'a', 'C']);
  expect(await sorted('created')).toEqual(['B', 'a', 'C']);
});

test('the database takes whatever the form lets through', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom('\u200b', '\u200f', '\u202e', '\u00a0', '\u00ad', '\ufeff', '\u3000', 'a', '.', '-'),
    }),
  );
  const typed = fc.record({
    email: fc.tuple(text, text).map(([local, word]) => `${local}@${word}example.com`),
    name: text,
    comment: text,
    attributes: text.map((value) => `city = ${value}`),
  });
  const ownerId = await addUser(db);
  await fc.assert(
    fc.asyncProperty(typed, async (typed) => {
      const parsed = parseForm(recipientForm, typed);
      const withoutBadEmail = parsed.ok ? parsed : parseForm(recipientForm, { ...typed, email: 'anna@example.com' });
      if (!withoutBadEmail.ok) return;
      const values = toRecipientValues(withoutBadEmail.values);
      const saved = await addRecipient(db, ownerId, values);
      if (!saved.ok) throw new Error(saved.fault);
      expect(await findRecipient(db, ownerId, saved.id)).toMatchObject(values);
      await deleteRecipients(db, ownerId, [saved.id]);
    }),
    { numRuns: 150 },
  );
});
