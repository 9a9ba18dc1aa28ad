import { Client } from 'pg';
import { expect, test } from 'vitest';

import { createTestDatabase, runAsAdmin } from './database.js';

async function exists(name: string): Promise<boolean> {
  return await runAsAdmin(
    async (admin) => (await admin.query('select from pg_database where datname = $1', [name])).rowCount === 1,
  );
}

test('gives every test a database of its own and drops it at the end', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  expect(one.connection.database).not.toBe(two.connection.database);
  await Promise.all([one.close(), two.close()]);
  expect(await exists(one.connection.database)).toBe(false);
});

test('gives an address that pg understands', async () => {
  await using database = await createTestDatabase();
  const client = new Client(database.url);
  await client.connect();
  const { rows } = await client.query('select current_database() as name');
  await client.end();
  expect(rows).toEqual([{ name: database.connection.database }]);
});

test('fails a test that leaves a connection open, and drops the database all the same', async () => {
  const database = await createTestDatabase();
  const leak = new Client({ ...database.connection, application_name: 'leaky' });
  leak.on('error', () => {});
  await leak.connect();
  await leak.query('select 42');
  await expect(database.close()).rejects.toThrow('The test left 1 connection(s) open: leaky, idle, select 42');
  expect(await exists(database.connection.database)).toBe(false);
});
