/**
 * The database of a self-test: on the installation's server, beside its own. It is dropped at the end; what a self-test left that was
 * killed is dropped by the next one.
 */
import { randomBytes } from 'node:crypto';

import { sql } from 'kysely';
import { DatabaseError } from 'pg';

import { closeDatabase, openDatabase, type Database, type DatabaseConnection } from '../lib/database.js';
import { migrate } from '../lib/migrate.js';

export interface SelftestDatabase extends AsyncDisposable {
  name: string;
  db: Database;
  connection: DatabaseConnection;
}

/** `may_not_create`: the database user has no right to. */
export type SelftestDatabaseResult =
  | { ok: true; database: SelftestDatabase }
  | { ok: false; fault: 'may_not_create'; user: string };

/** Followed by the second of its making and by chance. */
const PREFIX = 'vestnik_selftest_';
/** So long another self-test may take from making its database to the first connection to it. */
const SECONDS_TO_CONNECT = 60;

/** With the current schema, and empty. */
export async function createSelftestDatabase(
  server: Database,
  connection: DatabaseConnection,
): Promise<SelftestDatabaseResult> {
  await dropLeftovers(server);
  const name = `${PREFIX}${Math.floor(Date.now() / 1000)}_${randomBytes(6).toString('hex')}`;
  try {
    // These go together whatever the server's own locale is.
    await sql`create database ${sql.ref(name)} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`.execute(
      server,
    );
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return { ok: false, fault: 'may_not_create', user: await readUser(server) };
  }
  const own = leadTo(connection, name);
  const db = openDatabase(own, { applicationName: 'vestnik selftest' });
  const dispose = async () => {
    await closeDatabase(db);
    await sql`drop database if exists ${sql.ref(name)} with (force)`.execute(server);
  };
  try {
    await migrate(db);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { ok: true, database: { name, db, connection: own, [Symbol.asyncDispose]: dispose } };
}

/** The same server and login, another database. */
function leadTo(connection: DatabaseConnection, database: string): DatabaseConnection {
  if (connection.connectionString === undefined) return { ...connection, database };
  const url = new URL(connection.connectionString);
  url.pathname = `/${database}`;
  return { ...connection, connectionString: url.href };
}

/** One that is in use, or about to be, is another self-test's. */
async function dropLeftovers(server: Database): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select datname::text as name from pg_database d where starts_with(datname, ${PREFIX})
      and split_part(datname, '_', 3)::bigint < extract(epoch from now()) - ${SECONDS_TO_CONNECT}::int
      and not exists (select from pg_stat_activity a where a.datname = d.datname)`.execute(server);
  for (const { name } of rows) {
    await sql`drop database if exists ${sql.ref(name)}`.execute(server).catch((error: unknown) => {
      if (!isForbidden(error) && !isInUse(error)) throw error;
    });
  }
}

async function readUser(server: Database): Promise<string> {
  const { rows } = await sql<{ user: string }>`select current_user::text as "user"`.execute(server);
  return rows[0]?.user ?? '';
}

/** SQLSTATE insufficient_privilege. */
function isForbidden(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '42501';
}

/** SQLSTATE object_in_use. */
function isInUse(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55006';
}
