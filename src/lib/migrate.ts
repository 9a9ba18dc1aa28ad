/**
 * Forward-only migrations: files migrations/NNNN_name.sql, each applied in a transaction of its own together with its row in
 * the table `migrations`. A crash leaves the file either fully applied and recorded, or not at all. The whole run holds a
 * session-level advisory lock, which dies with its connection: of two processes that start at once the second waits, then
 * finds nothing left to do.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { sql } from 'kysely';

import type { Database } from './database.js';

type MigrationErrorCode =
  | 'folder_missing'
  | 'wrong_name'
  | 'newer_database'
  | 'changed_migration'
  | 'out_of_order'
  | 'failed_migration';

export class MigrationError extends Error {
  readonly code: MigrationErrorCode;

  constructor(code: MigrationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
    this.code = code;
  }
}

interface MigrationFile {
  name: string;
  checksum: string;
  text: string;
}

interface AppliedMigration {
  name: string;
  checksum: string;
}

const LOCK_KEY = 7_368_112_201;

/** Brings the database to this version's schema and returns the names applied now; one query when there is nothing to do. */
export async function migrate(db: Database, { directory = findMigrations() } = {}): Promise<string[]> {
  const files = await readMigrations(directory);
  if (findPending(files, await readApplied(db)).length === 0) return [];
  return await db.connection().execute((connection) => migrateUnderLock(connection, files));
}

async function migrateUnderLock(connection: Database, files: MigrationFile[]): Promise<string[]> {
  await sql`select pg_advisory_lock(${LOCK_KEY})`.execute(connection);
  try {
    await createMigrationsTable(connection);
    const pending = findPending(files, await readApplied(connection));
    for (const file of pending) await applyMigration(connection, file);
    return pending.map(({ name }) => name);
  } finally {
    // A lost connection has released the lock by itself, and its own error is the one to tell.
    await sql`select pg_advisory_unlock(${LOCK_KEY})`.execute(connection).catch(() => {});
  }
}

async function createMigrationsTable(db: Database): Promise<void> {
  const { rows } = await sql<{ exists: boolean }>`select to_regclass('migrations') is not null as exists`.execute(db);
  if (rows[0]?.exists) return;
  await sql`
    create table migrations (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`.execute(db);
}

async function applyMigration(db: Database, { name, checksum, text }: MigrationFile): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      await sql.raw(text).execute(trx);
      await sql`insert into migrations (name, checksum) values (${name}, ${checksum})`.execute(trx);
    });
  } catch (cause) {
    throw new MigrationError('failed_migration', describeFailure(name, text, cause), { cause });
  }
}

function describeFailure(name: string, text: string, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const position = cause instanceof Error && 'position' in cause ? Number(cause.position) : Number.NaN;
  const line = Number.isNaN(position) ? '' : `, line ${text.slice(0, position).split('\n').length}`;
  return `The migration ${name}${line} failed and changed nothing: ${reason}.`;
}

/** A missing table means an empty database. */
async function readApplied(db: Database): Promise<AppliedMigration[]> {
  try {
    const { rows } =
      await sql<AppliedMigration>`select name, checksum from migrations order by name collate "C"`.execute(db);
    return rows;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '42P01') return [];
    throw error;
  }
}

function findPending(files: MigrationFile[], applied: AppliedMigration[]): MigrationFile[] {
  const known = new Map(files.map((file) => [file.name, file]));
  for (const { name, checksum } of applied) {
    const file = known.get(name);
    if (!file) {
      throw new MigrationError(
        'newer_database',
        `The database was used by a newer version of Vestnik (it has the migration ${name}); start that version, or restore a backup made before it.`,
      );
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(
        'changed_migration',
        `The migration ${name} was changed after this database applied it; restore the file and put the change into a new migration.`,
      );
    }
  }
  const done = new Set(applied.map(({ name }) => name));
  const pending = files.filter(({ name }) => !done.has(name));
  refuseGaps(pending, applied.at(-1));
  return pending;
}

function refuseGaps(pending: MigrationFile[], last: AppliedMigration | undefined): void {
  const late = pending.find(({ name }) => last && name < last.name);
  if (!last || !late) return;
  throw new MigrationError(
    'out_of_order',
    `The migration ${late.name} comes before ${last.name}, which this database has already; give it a higher number.`,
  );
}

async function readMigrations(directory: string): Promise<MigrationFile[]> {
  const names = await listMigrations(directory);
  return await Promise.all(
    names.map(async (name) => {
      // A checkout on Windows may have other line ends: the same migration all the same.
      const text = (await readFile(join(directory, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

async function listMigrations(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch((cause: unknown) => {
    throw new MigrationError('folder_missing', `The folder of migrations ${directory} cannot be read.`, { cause });
  });
  // schema.sql is the dump for reading, not a migration.
  const names = entries.filter((name) => name.endsWith('.sql') && name !== 'schema.sql').toSorted();
  const numbers = new Set<string>();
  for (const name of names) {
    const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (!number || numbers.has(number)) {
      throw new MigrationError(
        'wrong_name',
        `The migration ${name} needs a name like 0002_add_tags.sql with a number of its own.`,
      );
    }
    numbers.add(number);
  }
  return names;
}

/** The project's own folder, found upwards from this file: it runs from src/ and from dist/. */
export function findMigrations(from: string = import.meta.dirname): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'migrations');
    if (existsSync(join(folder, 'package.json')) && existsSync(candidate)) return candidate;
  }
  throw new MigrationError(
    'folder_missing',
    'The folder migrations is missing beside package.json; restore it from the repository.',
  );
}
