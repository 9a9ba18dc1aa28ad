import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startScript } from '../../test/support/script.js';
import { startEmbeddedPostgres, type EmbeddedConnection } from './embedded-postgres.js';

const isRoot = process.getuid?.() === 0;
let folder: string;
/** One cluster serves most tests: making one takes most of a second. */
let dataDir: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestnik-embedded-'));
  await chmod(folder, 0o711);
  dataDir = join(folder, 'data');
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function query(connection: EmbeddedConnection, statement: string): Promise<Record<string, unknown> | undefined> {
  const client = new Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement);
    return rows[0];
  } finally {
    await client.end();
  }
}

async function readPid(folderOfData = dataDir): Promise<number> {
  return Number.parseInt(await readFile(join(folderOfData, 'postgresql/postmaster.pid'), 'utf8'), 10);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function killServer(): Promise<void> {
  const pid = await readPid();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isRunning(pid)).toBe(false);
}

function holdServer(options?: { detached: boolean }): ReturnType<typeof startScript> {
  const source = `
    import { startEmbeddedPostgres } from './src/lib/embedded-postgres.js';
    process.on('SIGINT', () => {});
    await startEmbeddedPostgres({ dataDir: process.env.DATA_DIR, durable: false });
    console.log('ready');`;
  return startScript(source, { ...options, env: { DATA_DIR: dataDir, PATH: process.env['PATH'] ?? '' } });
}

test('makes a database that knows Unicode, listens on a private socket only, and syncs to disk', async () => {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'durable') });
  const facts = await query(
    server.connection,
    `select current_database() as database, lower('ЁЖ') as lower, current_setting('listen_addresses') as addresses,
      current_setting('fsync') as fsync, current_setting('timezone') as timezone, current_setting('server_encoding') as encoding`,
  );
  expect(facts).toEqual({
    database: 'vestnik',
    lower: 'ёж',
    addresses: '',
    fsync: 'on',
    timezone: 'UTC',
    encoding: 'UTF8',
  });
  expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
  await server.stop();
});

test('keeps the data over a restart and leaves no process behind', async () => {
  const first = await startEmbeddedPostgres({ dataDir, durable: false });
  const pid = await readPid();
  await query(first.connection, 'create table notes as select 42 as note');
  await first.stop();
  await expect.poll(() => isRunning(pid)).toBe(false);

  await using second = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await query(second.connection, 'select note from notes')).toEqual({ note: 42 });
});

test('adopts the server that a killed process left running, and stops it at the end', async () => {
  const holder = holdServer();
  await once(holder.stdout, 'data');
  const pid = await readPid();
  holder.kill('SIGKILL');
  await once(holder, 'close');
  expect(isRunning(pid)).toBe(true);

  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await readPid()).toBe(pid);
  expect(await query(server.connection, 'select 1 as one')).toEqual({ one: 1 });
  await server.stop();
  expect(existsSync(join(dataDir, 'postgresql/postmaster.pid'))).toBe(false);
});

test('is stopped by the last of two processes that use it', async () => {
  const holder = holdServer();
  await once(holder.stdout, 'data');
  const pid = await readPid();
  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  const late = await startEmbeddedPostgres({ dataDir, durable: false });
  await server.stop();
  expect(await query(late.connection, 'select 1 as one')).toEqual({ one: 1 });
  await late.stop();
  expect(isRunning(pid)).toBe(true);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  await (await startEmbeddedPostgres({ dataDir, durable: false })).stop();
  expect(existsSync(join(dataDir, 'postgresql/postmaster.pid'))).toBe(false);
});

test('waits for a server that is just being stopped, and starts it again', async () => {
  const first = await startEmbeddedPostgres({ dataDir, durable: false });
  const stopping = first.stop();
  await using second = await startEmbeddedPostgres({ dataDir, durable: false });
  await stopping;
  expect(await query(second.connection, 'select 1 as one')).toEqual({ one: 1 });
});

test('makes one cluster when two processes start for the first time together', async () => {
  const shared = dataDir;
  dataDir = join(folder, 'together');
  const holders = [holdServer(), holdServer()];
  await Promise.all(holders.map(({ stdout }) => once(stdout, 'data')));
  expect((await readdir(dataDir)).toSorted()).toEqual(['postgresql', 'postgresql-socket', 'postgresql.log']);
  for (const holder of holders) {
    holder.kill('SIGKILL');
    await once(holder, 'close');
  }
  await (await startEmbeddedPostgres({ dataDir, durable: false })).stop();
  dataDir = shared;
});

test('keeps running when Ctrl-C reaches the whole process group', async () => {
  const holder = holdServer({ detached: true });
  await once(holder.stdout, 'data');
  const pid = await readPid();
  process.kill(-(holder.pid ?? 0), 'SIGINT');
  await using server = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await query(server.connection, 'select 1 as one')).toEqual({ one: 1 });
  expect(await readPid()).toBe(pid);
  holder.kill('SIGKILL');
  await once(holder, 'close');
});

test('is stopped at the end even if a crash inside the server ended every session meanwhile', async () => {
  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  const pid = await readPid();
  const backend = await query(
    server.connection,
    "select pid from pg_stat_activity where application_name = 'vestnik presence'",
  );
  process.kill(Number(backend?.['pid']), 'SIGKILL');
  await expect.poll(() => query(server.connection, 'select 1 as one').catch(() => 'recovering')).toEqual({ one: 1 });
  await server.stop();
  await expect.poll(() => isRunning(pid)).toBe(false);
});

test('starts after the server itself was killed', async () => {
  const first = await startEmbeddedPostgres({ dataDir, durable: false });
  await killServer();
  await first.stop();
  await using second = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await query(second.connection, 'select note from notes')).toEqual({ note: 42 });
});

test('starts when the number in a stale postmaster.pid belongs to another process now', async () => {
  const first = await startEmbeddedPostgres({ dataDir, durable: false });
  const file = join(dataDir, 'postgresql/postmaster.pid');
  await killServer();
  await first.stop();
  const { uid, gid } = await stat(file);
  const stranger = spawn('sleep', ['60'], { ...(isRoot && { uid, gid }), stdio: 'ignore' });
  await once(stranger, 'spawn');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^\d+/, String(stranger.pid)));

  await using second = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await query(second.connection, 'select note from notes')).toEqual({ note: 42 });
  stranger.kill();
});

test('begins anew after the first start was killed in the middle', async () => {
  const shared = dataDir;
  dataDir = join(folder, 'interrupted');
  const holder = holdServer();
  await expect
    .poll(async () => (await readdir(dataDir).catch(() => [])).some((name) => name.includes('.new-')))
    .toBe(true);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  expect(existsSync(join(dataDir, 'postgresql'))).toBe(false);

  await using server = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await query(server.connection, 'select 1 as one')).toEqual({ one: 1 });
  expect((await readdir(dataDir)).toSorted()).toEqual(['postgresql', 'postgresql-socket', 'postgresql.log']);
  dataDir = shared;
});

test('takes a private temporary folder for the socket when the path of the data folder is too long', async () => {
  const long = join(folder, 'long'.repeat(25));
  await rename(dataDir, long);
  const server = await startEmbeddedPostgres({ dataDir: long, durable: false });
  expect(server.connection.host).toMatch(new RegExp(`^${tmpdir()}/vestnik-[0-9a-f]{16}$`));
  expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
  await server.stop();
  await rm(server.connection.host, { recursive: true });
  await rename(long, dataDir);
});

test('begins its log anew when that has grown beyond ten megabytes', async () => {
  const log = join(dataDir, 'postgresql.log');
  await writeFile(log, Buffer.alloc(11 * 1024 * 1024, 'x'));
  await using server = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(server.connection.database).toBe('vestnik');
  expect((await stat(log)).size).toBeLessThan(100_000);
});

test('says what the server said when it cannot start', async () => {
  const settings = join(dataDir, 'postgresql/postgresql.auto.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'no_such_setting = 1\n');
  await expect(startEmbeddedPostgres({ dataDir, durable: false })).rejects.toMatchObject({
    code: 'not_ready',
    message: expect.stringContaining('unrecognized configuration parameter "no_such_setting"'),
  });
  await writeFile(settings, before);
});

test('refuses the cluster of another major version', async () => {
  const file = join(dataDir, 'postgresql/PG_VERSION');
  await writeFile(file, '15\n');
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
    code: 'wrong_major_version',
    message: expect.stringContaining('was made by PostgreSQL 15, but PostgreSQL 18 is installed'),
  });
  await writeFile(file, '18\n');
});

test('refuses a folder that is no cluster', async () => {
  const other = join(folder, 'other');
  await mkdir(join(other, 'postgresql'), { recursive: true });
  await writeFile(join(other, 'postgresql/thesis.txt'), 'years of work');
  await expect(startEmbeddedPostgres({ dataDir: other })).rejects.toMatchObject({
    code: 'data_folder',
    message: expect.stringContaining('is not a PostgreSQL database'),
  });
});

test('says that the data folder cannot be made', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(startEmbeddedPostgres({ dataDir: join(file, 'data') })).rejects.toMatchObject({
    code: 'data_folder',
    message: `The data folder cannot be used: ${file}/data: a part of the path is a file, not a folder; give this user the right to write there, or set DATA_DIR to another folder.`,
  });
});

if (isRoot) {
  test('works for root in a folder that only root may enter', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await using server = await startEmbeddedPostgres({ dataDir: join(closed, 'data'), durable: false });
    expect(await query(server.connection, 'select 1 as one')).toEqual({ one: 1 });
    const status = await readFile(`/proc/${await readPid(join(closed, 'data'))}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s+65534\s/m);
    expect(status).toMatch(/^CapEff:\s+0000000000000004$/m);
  });
} else {
  test('says that a data folder of somebody else cannot be used', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o500 });
    await expect(startEmbeddedPostgres({ dataDir: join(closed, 'data') })).rejects.toMatchObject({
      code: 'data_folder',
      message: expect.stringContaining('no permission'),
    });
  });
}
