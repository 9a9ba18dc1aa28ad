import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { Client } from 'pg';
import { inject } from 'vitest';

import { closeDatabase, openDatabase, type Database } from '../../src/lib/database.js';
import type { EmbeddedConnection } from '../../src/lib/embedded-postgres.js';

export interface TestDatabase extends AsyncDisposable {
  db: Database;
  /** For other pools (pg, pg-boss). */
  connection: EmbeddedConnection;
  /** The same as DATABASE_URL, for child processes. */
  url: string;
  /** Drops the database; fails when the test left a connection open. */
  close(): Promise<void>;
}

/** A database of its own with the current schema; `migrated: false` gives an empty one. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = migrated ? 'vestnik_template' : 'template0';
  await runAsAdmin((admin) => admin.query(`create database ${name} template ${template}`));
  const connection = { ...inject('postgres'), database: name };
  const db = openDatabase(connection);
  const close = (): Promise<void> => dropTestDatabase(db, name);
  return { db, connection, url: formatUrl(connection), close, [Symbol.asyncDispose]: close };
}

/** Runs statements as superuser, outside any test's database. */
export async function runAsAdmin<T>(task: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client(inject('postgres'));
  await admin.connect();
  try {
    return await task(admin);
  } finally {
    await admin.end();
  }
}

function formatUrl({ host, port, user, database }: EmbeddedConnection): string {
  return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

async function dropTestDatabase(db: Database, name: string): Promise<void> {
  await closeDatabase(db);
  const leaks = await runAsAdmin(async (admin) => {
    const found = await findLeaks(admin, name);
    await admin.query(`drop database if exists ${name} with (force)`);
    return found;
  });
  if (leaks.length > 0) throw new Error(`The test left ${leaks.length} connection(s) open: ${leaks.join('; ')}`);
}

/** A session that was closed properly stays listed for some milliseconds. */
async function findLeaks(admin: Client, name: string): Promise<string[]> {
  const deadline = Date.now() + 1000;
  for (;;) {
    const { rows } = await admin.query<{ leak: string }>(
      `select concat_ws(', ', application_name, state, left(query, 80)) as leak
       from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() > deadline) return rows.map(({ leak }) => leak);
    await delay(10);
  }
}
