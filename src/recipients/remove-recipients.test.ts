import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL, type Actor } from '../audit/audit.js';
import { removeFoundRecipients, removeRecipients } from './remove-recipients.js';

test('tells the audit log how many recipients were deleted, and the address of a single one', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const [owner, stranger] = [await addUser(db), await addUser(db)];
  const actor: Actor = { userId: owner, name: 'o@example.com', address: '203.0.113.7', userAgent: 'test' };
  const [first = 0, second = 0, third = 0] = await addRecipients(db, owner, 5);
  expect(await removeRecipients(db, actor, owner, [first])).toBe(1);
  expect(await removeRecipients(db, actor, owner, [first, second, third])).toBe(2);
  expect(await removeFoundRecipients(db, actor, owner, 'example.com')).toBe(2);
  // Nothing is deleted, and nothing told.
  expect(await removeRecipients(db, actor, owner, [first])).toBe(0);
  const [theirs = 0] = await addRecipients(db, stranger, 1);
  expect(await removeRecipients(db, actor, owner, [theirs])).toBe(0);
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'owner_id', 'subject', 'subject_id', 'details'])
    .orderBy('id')
    .execute();
  const told = { action: 'recipient.deleted', owner_id: owner };
  expect(entries).toEqual([
    { ...told, subject: 'r1@example.com', subject_id: first, details: { count: 1 } },
    { ...told, subject: null, subject_id: null, details: { count: 2 } },
    { ...told, subject: null, subject_id: null, details: { count: 2 } },
  ]);
});

test('deletes what a search finds part by part, each with its line; who is added meanwhile stays', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  await addRecipients(db, owner, 12);
  await sql`
    create function add_another() returns trigger language plpgsql as $$
    begin
      insert into recipients (owner_id, email) values (${sql.lit(owner)}, 'later' || nextval('recipients_id_seq') || '@example.com');
      return null;
    end $$`.execute(db);
  await sql`create trigger another after delete on recipients for each statement execute function add_another()`.execute(
    db,
  );
  expect(await removeFoundRecipients(db, TERMINAL, owner, 'example.com', 5)).toBe(12);
  const counts = await db.selectFrom('audit_entries').select('details').orderBy('id').execute();
  expect(counts.map(({ details }) => details)).toEqual([{ count: 5 }, { count: 5 }, { count: 2 }]);
  const left = await db.selectFrom('recipients').select('email').execute();
  expect(left.filter(({ email }) => !email.startsWith('later'))).toEqual([]);
  expect(left).toHaveLength(3);
});
