import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import type { Database } from '../../src/lib/database.js';
import { findMigrations, migrate } from '../../src/lib/migrate.js';
import { createTestDatabase } from './database.js';

/** A database as an earlier version left it: up to the migration with this number. Closed when the test ends. */
export async function openOldDatabase(upTo: number): Promise<Database> {
  const database = await createTestDatabase({ migrated: false });
  onTestFinished(() => database.close());
  const directory = await mkdtemp(join(tmpdir(), 'vestnik-migrations-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const names = (await readdir(findMigrations())).filter((name) => /^\d{4}_.+\.sql$/.test(name));
  for (const name of names.filter((one) => Number.parseInt(one, 10) <= upTo))
    await copyFile(join(findMigrations(), name), join(directory, name));
  await migrate(database.db, { directory });
  return database.db;
}
