import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { startScript } from '../../test/support/script.js';
import { closeDatabase, openDatabase } from './database.js';
import { findMigrations, migrate } from './migrate.js';

let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
  directory = await mkdtemp(join(tmpdir(), 'vestnik-migrations-'));
  await write('0001_shops.sql', 'create table shops (id int primary key); insert into shops values (1);');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
  await database.close();
});

async function write(name: string, content: string): Promise<void> {
  await writeFile(join(directory, name), content);
}

async function countShops(): Promise<number | undefined> {
  const { rows } = await sql<{ count: number }>`select count(*) from shops`.execute(database.db);
  return rows[0]?.count;
}

test('applies what is new, in the order of the numbers, and nothing twice', async () => {
  await write('0002_more.sql', 'insert into shops values (2); insert into shops values (3);');
  await write('schema.sql', 'a dump, not a migration');
  expect(await migrate(database.db, { directory })).toEqual(['0001_shops.sql', '0002_more.sql']);
  expect(await migrate(database.db, { directory })).toEqual([]);
  await write('0003_last.sql', 'insert into shops values (4)');
  expect(await migrate(database.db, { directory })).toEqual(['0003_last.sql']);
  expect(await countShops()).toBe(4);
});

test('records name, checksum and time', async () => {
  await migrate(database.db, { directory });
  const { rows } = await sql`select name, checksum, applied_at from migrations`.execute(database.db);
  expect(rows).toEqual([
    { name: '0001_shops.sql', checksum: expect.stringMatching(/^[0-9a-f]{64}$/), applied_at: expect.any(Date) },
  ]);
});

test('applies each migration once when several runs start together', async () => {
  await write('0002_slow.sql', 'select pg_sleep(0.1); insert into shops values (2);');
  const others = [1, 2].map(() => openDatabase(database.connection, { maxConnections: 1 }));
  const applied = await Promise.all([database.db, ...others].map((db) => migrate(db, { directory })));
  await Promise.all(others.map(closeDatabase));
  expect(applied.toSorted((a, b) => a.length - b.length)).toEqual([[], [], ['0001_shops.sql', '0002_slow.sql']]);
  expect(await countShops()).toBe(2);
});

test('applies each migration once when two processes start together', async () => {
  await write('0002_slow.sql', 'select pg_sleep(0.1); insert into shops values (2);');
  const outputs = await Promise.all([runMigrateProcess(), runMigrateProcess()]);
  expect(outputs.toSorted()).toEqual(['["0001_shops.sql","0002_slow.sql"]', '[]']);
});

async function runMigrateProcess(): Promise<string> {
  const source = `
    import { closeDatabase, openDatabase } from './src/lib/database.js';
    import { migrate } from './src/lib/migrate.js';
    const db = openDatabase({ connectionString: process.env.DATABASE_URL });
    process.stdout.write(JSON.stringify(await migrate(db, { directory: process.env.MIGRATIONS })));
    await closeDatabase(db);`;
  const child = startScript(source, { env: { DATABASE_URL: database.url, MIGRATIONS: directory } });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return output;
}

test('leaves nothing of a migration that fails, names the line, and keeps those before it', async () => {
  await write('0002_wrong.sql', "insert into shops values (2);\ninsert into shops values ('two');");
  await expect(migrate(database.db, { directory })).rejects.toMatchObject({
    code: 'failed_migration',
    message:
      'The migration 0002_wrong.sql, line 2 failed and changed nothing: invalid input syntax for type integer: "two".',
  });
  expect(await countShops()).toBe(1);
  await write('0002_wrong.sql', 'insert into shops values (2)');
  expect(await migrate(database.db, { directory })).toEqual(['0002_wrong.sql']);
});

test('releases its lock after a failure', async () => {
  await write('0002_wrong.sql', 'nonsense');
  await expect(migrate(database.db, { directory })).rejects.toThrow('0002_wrong.sql');
  const { rows } = await sql`
    select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
  `.execute(database.db);
  expect(rows).toEqual([]);
});

test('refuses a database that a newer version has used', async () => {
  await write('0002_newer.sql', 'select 1');
  await migrate(database.db, { directory });
  await rm(join(directory, '0002_newer.sql'));
  await expect(migrate(database.db, { directory })).rejects.toMatchObject({
    code: 'newer_database',
    message: expect.stringContaining('0002_newer.sql'),
  });
});

test('refuses a migration that was changed after it was applied, but not for its line ends', async () => {
  await write('0002_two.sql', 'select 1;\nselect 2;\n');
  await migrate(database.db, { directory });
  await write('0002_two.sql', 'select 1;\r\nselect 2;\r\n');
  expect(await migrate(database.db, { directory })).toEqual([]);
  await write('0002_two.sql', 'select 3;\n');
  await expect(migrate(database.db, { directory })).rejects.toMatchObject({ code: 'changed_migration' });
});

test('refuses a new migration with a number below one already applied', async () => {
  await write('0003_three.sql', 'select 1');
  await migrate(database.db, { directory });
  await write('0002_late.sql', 'select 1');
  await expect(migrate(database.db, { directory })).rejects.toMatchObject({ code: 'out_of_order' });
});

test.each(['2_short_number.sql', '0002-dashes.sql', '0001_taken.sql'])('refuses the file name %s', async (name) => {
  await write(name, 'select 1');
  await expect(migrate(database.db, { directory })).rejects.toMatchObject({
    code: 'wrong_name',
    message: expect.stringContaining(name),
  });
});

test("finds the project's migrations from the sources and from the built files", () => {
  const root = join(import.meta.dirname, '../..');
  expect(findMigrations(join(root, 'src/lib'))).toBe(join(root, 'migrations'));
  expect(findMigrations(join(root, 'dist/server/lib'))).toBe(join(root, 'migrations'));
  expect(() => findMigrations(tmpdir())).toThrow('The folder migrations is missing');
});
