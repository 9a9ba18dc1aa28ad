import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase, runAsAdmin } from '../../test/support/database.js';
import {
  checkServer,
  closeDatabase,
  findServerFault,
  openDatabase,
  type Database,
  type ServerFacts,
} from './database.js';

async function readOne<T>(db: Database, expression: string): Promise<T | undefined> {
  const { rows } = await sql.raw<{ value: T }>(`select ${expression} as value`).execute(db);
  return rows[0]?.value;
}

test('reads bigint and arrays of bigint as numbers', async () => {
  await using database = await createTestDatabase({ migrated: false });
  expect(await readOne(database.db, 'count(*)')).toBe(1);
  expect(await readOne(database.db, "'{1,null,-3}'::bigint[]")).toEqual([1, null, -3]);
  expect(await readOne(database.db, "'{}'::bigint[]")).toEqual([]);
});

test('refuses to round a bigint that is too large for a number', async () => {
  await using database = await createTestDatabase({ migrated: false });
  await expect(readOne(database.db, '9007199254740993::bigint')).rejects.toThrow(
    'The bigint 9007199254740993 does not fit',
  );
});

test('shows its application name to the server', async () => {
  await using database = await createTestDatabase({ migrated: false });
  const db = openDatabase(database.connection, { applicationName: 'vestnik worker' });
  expect(await readOne(db, "current_setting('application_name')")).toBe('vestnik worker');
  await closeDatabase(db);
});

test('survives the loss of an idle connection and of one inside a transaction', async () => {
  await using database = await createTestDatabase({ migrated: false });
  const { db, connection } = database;
  const endOthers = (): Promise<unknown> =>
    runAsAdmin((admin) =>
      admin.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [
        connection.database,
      ]),
    );

  await readOne(db, '1');
  await endOthers();
  await expect.poll(() => readOne(db, '1').catch(() => 'lost')).toBe(1);

  const transaction = db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    await endOthers();
    await sql`select 1`.execute(trx);
  });
  await expect(transaction).rejects.toThrow(/terminat|not queryable/);
  expect(await readOne(db, '1')).toBe(1);
});

test('accepts the embedded server', async () => {
  await using database = await createTestDatabase();
  expect(await checkServer(database.db)).toEqual({ ok: true, version: 18 });
});

test('says that the database is missing', async () => {
  await using database = await createTestDatabase({ migrated: false });
  const db = openDatabase({ ...database.connection, database: 'absent' });
  const result = await checkServer(db);
  await closeDatabase(db);
  expect(result).toEqual({
    ok: false,
    fault: {
      code: 'unknown_database',
      message: `PostgreSQL at ${database.connection.host} has no database "absent"; create it with: createdb --encoding=UTF8 absent`,
    },
  });
});

test('says that nothing listens at the address, without the password', async () => {
  const db = openDatabase({ connectionString: 'postgresql://vestnik:geheim@127.0.0.1:1/vestnik' });
  const result = await checkServer(db);
  await closeDatabase(db);
  expect(result).toEqual({
    ok: false,
    fault: {
      code: 'cannot_connect',
      message:
        'Cannot connect to PostgreSQL at 127.0.0.1:1: nothing listens there; is PostgreSQL running, and are host and port right?',
    },
  });
});

test('says that the address is malformed', async () => {
  const db = openDatabase({ connectionString: 'postgresql://vestnik:geheim@host:port/vestnik' });
  const result = await checkServer(db);
  await closeDatabase(db);
  expect(result).toMatchObject({
    ok: false,
    fault: { message: expect.stringMatching(/^DATABASE_URL cannot be read/) },
  });
});

test('says which rights a user lacks who may only connect', async () => {
  await using database = await createTestDatabase({ migrated: false });
  const role = `guest_of_${database.connection.database}`;
  await runAsAdmin((admin) => admin.query(`create role ${role} login`));
  const db = openDatabase({ ...database.connection, user: role });
  const result = await checkServer(db);
  await closeDatabase(db);
  await runAsAdmin((admin) => admin.query(`drop role ${role}`));
  expect(result).toEqual({
    ok: false,
    fault: {
      code: 'missing_right',
      message: `The database user "${role}" may not create the extension pg_trgm and btree_gin; run as an administrator: grant create on database "${database.connection.database}" to "${role}"`,
    },
  });
});

const GOOD: ServerFacts = {
  version: 15,
  encoding: 'UTF8',
  database: 'shop',
  user: 'shopkeeper',
  schema: 'public',
  mayCreateInDatabase: true,
  mayCreateInSchema: true,
  isMigrated: false,
  installedExtensions: [],
  availableExtensions: ['pg_trgm', 'btree_gin'],
};

test.each<[string, Partial<ServerFacts>, string | undefined]>([
  ['accepts the oldest supported server', {}, undefined],
  ['refuses PostgreSQL 14', { version: 14 }, 'server_too_old'],
  ['refuses an encoding other than UTF8', { encoding: 'SQL_ASCII' }, 'wrong_encoding'],
  ['refuses a server without the contrib package', { availableExtensions: ['pg_trgm'] }, 'extension_unavailable'],
  ['refuses a user who may not create extensions', { mayCreateInDatabase: false }, 'missing_right'],
  [
    'needs no right to create extensions that are there',
    { mayCreateInDatabase: false, installedExtensions: ['pg_trgm', 'btree_gin'] },
    undefined,
  ],
  ['refuses a user who may not create tables', { mayCreateInSchema: false, schema: null }, 'missing_right'],
  ['needs no right to create tables once they are there', { mayCreateInSchema: false, isMigrated: true }, undefined],
])('%s', (_title, change, code) => {
  expect(findServerFault({ ...GOOD, ...change })?.code).toBe(code);
});
