import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import type { Database } from '../lib/database.js';
import { COUNT_LIMIT } from '../lib/owner-counts.js';
import { readBelongings } from './read-belongings.js';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

test('counts what each of several users owns, and nothing of others', async () => {
  const [rich, poor, stranger] = [await addUser(db), await addUser(db), await addUser(db)] as const;
  await addRecipients(db, rich, 5);
  await addMessage(db, rich);
  await addMailing(db, rich);
  await addRecipients(db, stranger, 3);
  const belongings = await readBelongings(db, [rich, poor]);
  expect(Object.fromEntries(belongings)).toEqual({
    [rich]: { recipients: 5, messages: 2, mailings: 1 },
    [poor]: { recipients: 0, messages: 0, mailings: 0 },
  });
  expect(await readBelongings(db, [])).toEqual(new Map());
});

test('counts no further than needed, however many messages there are', async () => {
  const owner = await addUser(db);
  await sql`insert into messages (owner_id, subject, body) select ${owner}, 'Hello ' || n, 'Hi' from generate_series(1, ${COUNT_LIMIT + 500}::int) n`.execute(
    db,
  );
  expect((await readBelongings(db, [owner])).get(owner)?.messages).toBe(COUNT_LIMIT + 1);
});
