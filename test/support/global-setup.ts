/**
 * One PostgreSQL for the whole test run, with a migrated database to copy. Its folder's name holds the number of this process:
 * what a killed run left behind is removed by the next one.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import type { TestProject } from 'vitest/node';

import { closeDatabase, openDatabase } from '../../src/lib/database.js';
import { startEmbeddedPostgres, type EmbeddedConnection } from '../../src/lib/embedded-postgres.js';
import { findPostmaster, isAlive, stopPostmaster } from '../../src/lib/embedded-postgres/postmaster.js';
import { migrate } from '../../src/lib/migrate.js';

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: EmbeddedConnection;
  }
}

const PREFIX = 'vestnik-test-';

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const removeAtOnce = (): void => killServer(folder);
  process.once('exit', removeAtOnce);
  const server = await startEmbeddedPostgres({ dataDir: folder, durable: false });
  await createTemplate(server.connection);
  project.provide('postgres', server.connection);
  return async () => {
    await server.stop();
    process.off('exit', removeAtOnce);
    await rm(folder, { recursive: true, force: true });
  };
}

async function createTemplate(connection: EmbeddedConnection): Promise<void> {
  const admin = new Client(connection);
  await admin.connect();
  await admin.query('create database vestnik_template');
  const db = openDatabase({ ...connection, database: 'vestnik_template' });
  await migrate(db);
  await closeDatabase(db);
  await admin.query('alter database vestnik_template allow_connections false');
  await admin.end();
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    // What belongs to another user stays: that user's next run removes it.
    if (pid && !isAlive(Number(pid))) await removeFolder(join(tmpdir(), name)).catch(() => {});
  }
}

async function removeFolder(folder: string): Promise<void> {
  const cluster = join(folder, 'postgresql');
  const postmaster = await findPostmaster(cluster);
  if (postmaster) await stopPostmaster(cluster, postmaster, 'SIGQUIT', 5_000);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** For a run that ends without its teardown; synchronous, because nothing else runs while a process exits. */
function killServer(folder: string): void {
  const file = join(folder, 'postgresql', 'postmaster.pid');
  if (existsSync(file)) process.kill(Number.parseInt(readFileSync(file, 'utf8'), 10), 'SIGQUIT');
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; existsSync(file) && waited < 2000; waited += 10) Atomics.wait(clock, 0, 0, 10);
  rmSync(folder, { recursive: true, force: true });
}
