/**
 * A PostgreSQL of its own for an installation without DATABASE_URL: the real server, run as a child process in the data
 * folder, listening on a Unix socket only.
 *
 * Every process that uses it keeps one session which holds a shared advisory lock, its presence. Whoever stops gives up its
 * own and tries for the exclusive lock: only the last one out gets it, and shuts the server down while holding it; a newcomer
 * who cannot get its presence meanwhile waits for the end and starts the server again. The lock dies with its session, so a
 * process that was killed counts no longer, but leaves the server running: the next start finds it by postmaster.pid.
 */
import type { ChildProcess } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { Client, DatabaseError } from 'pg';

import { findBinaries, type Binaries } from './embedded-postgres/binaries.js';
import {
  createCluster,
  hasCluster,
  isPrivateFolder,
  lastLines,
  openLog,
  prepareDataFolder,
  prepareSocketFolder,
  SUPERUSER,
} from './embedded-postgres/cluster.js';
import {
  chooseDatabaseUser,
  chooseLauncher,
  spawnAsDatabaseUser,
  type DatabaseUser,
  type Launcher,
} from './embedded-postgres/database-user.js';
import { EmbeddedPostgresError } from './embedded-postgres/error.js';
import { disarmStaleFile, findPostmaster, readPostmasterFile, stopPostmaster } from './embedded-postgres/postmaster.js';

interface EmbeddedPostgresOptions {
  dataDir: string;
  /** False only for tests: a crash of the machine may then destroy the data. */
  durable?: boolean;
  /** Told of what takes long. */
  log?: (message: string) => void;
}

export interface EmbeddedConnection {
  /** The folder of the Unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  connection: EmbeddedConnection;
  /** Stops the server unless another process uses it. Close your own connections first: it ends those that are left. */
  stop(): Promise<void>;
}

interface Installation {
  cluster: string;
  /** The user that PostgreSQL runs as, when it is not the user of this process. */
  owner: DatabaseUser | undefined;
  socketFolder: string;
  logFile: string;
  binaries: Binaries;
  launcher: Launcher;
  durable: boolean;
}

const PORT = 5432;
const DATABASE = 'vestnik';
const PRESENCE = 1_986_424_110;
const READY_WITHIN_MS = 30_000;
const SLOW_START_MS = 3_000;
const RECOVERED_WITHIN_MS = 300_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const installation = await prepareInstallation(options);
  const presence = await enter(installation, options.log ?? (() => {}));
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= leave(installation, presence));
  try {
    await createDatabase(presence);
  } catch (error) {
    await stop();
    throw error;
  }
  const connection = { host: presence.host, port: PORT, user: SUPERUSER, database: DATABASE };
  return { connection, stop, [Symbol.asyncDispose]: stop };
}

async function prepareInstallation({ dataDir, durable = true, log }: EmbeddedPostgresOptions): Promise<Installation> {
  const binaries = await findBinaries();
  const folder = await prepareDataFolder(dataDir);
  const cluster = join(folder, 'postgresql');
  const isNew = !(await hasCluster(cluster, binaries.majorVersion));
  const owner = await chooseDatabaseUser(cluster);
  const socketFolder = await prepareSocketFolder(folder, owner);
  const launcher = await chooseLauncher(owner, [await realpath(binaries.postgres), cluster, socketFolder]);
  if (isNew) {
    log?.(`Creating the database in ${cluster}`);
    await createCluster(cluster, binaries, launcher, { owner, durable });
  }
  return { cluster, owner, socketFolder, logFile: join(folder, 'postgresql.log'), binaries, launcher, durable };
}

/** Finds or starts the server, and returns the session that holds this process's presence. */
async function enter(installation: Installation, log: (message: string) => void): Promise<Client> {
  const begun = Date.now();
  let server: ServerProcess | undefined;
  let isRecovering = false;
  try {
    while (Date.now() - begun < (isRecovering ? RECOVERED_WITHIN_MS : READY_WITHIN_MS)) {
      const answer = await tryToEnter(installation);
      if (answer instanceof Client) return answer;
      if (!isRecovering && answer === 'starting' && Date.now() - begun > SLOW_START_MS) {
        isRecovering = true;
        log('PostgreSQL is recovering after a crash; this may take some minutes');
      }
      if (server?.hasEnded()) server = await explainEnd(installation, server);
      if (!server && answer === 'absent') server = await startServer(installation);
      await delay(10);
    }
  } catch (error) {
    server?.child.kill('SIGQUIT');
    throw error;
  }
  server?.child.kill('SIGQUIT');
  throw new EmbeddedPostgresError(
    'not_ready',
    `The embedded PostgreSQL did not become ready within ${Math.round((Date.now() - begun) / 1000)} seconds; see ${installation.logFile}.`,
  );
}

type Answer = Client | 'absent' | 'starting' | 'stopping';

async function tryToEnter({ cluster, owner }: Installation): Promise<Answer> {
  const postmaster = await readPostmasterFile(cluster);
  const socketFolder = postmaster?.socketFolder;
  // The socket is asked before the process list: the server may run in another container on the same folder.
  if (socketFolder?.startsWith('/') && (await isPrivateFolder(socketFolder, owner))) {
    const answer = await knock(socketFolder);
    if (answer !== 'absent') return answer;
  }
  return (await findPostmaster(cluster)) ? 'starting' : 'absent';
}

async function knock(socketFolder: string): Promise<Answer> {
  const client = new Client({
    host: socketFolder,
    port: PORT,
    user: SUPERUSER,
    database: 'postgres',
    application_name: 'vestnik presence',
  });
  // Lost when the server stops or crashes; the application's own pool reports that.
  client.on('error', () => {});
  try {
    await client.connect();
    if (await takeLock(client, 'pg_try_advisory_lock_shared')) return client;
    await client.end();
    return 'stopping';
  } catch (error) {
    await client.end().catch(() => {});
    // 57P03: it starts, recovers or stops.
    return error instanceof DatabaseError && error.code === '57P03' ? 'starting' : 'absent';
  }
}

async function takeLock(
  client: Client,
  lock: 'pg_try_advisory_lock' | 'pg_try_advisory_lock_shared',
): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(`select ${lock}($1) as taken`, [PRESENCE]);
  return rows[0]?.taken ?? false;
}

interface ServerProcess {
  child: ChildProcess;
  /** How much of the log was there before. */
  logOffset: number;
  hasEnded(): boolean;
}

async function startServer(installation: Installation): Promise<ServerProcess> {
  const { cluster, socketFolder, logFile, binaries, launcher, durable } = installation;
  await disarmStaleFile(cluster);
  const log = await openLog(logFile);
  try {
    const { size } = await log.stat();
    const settings = Object.entries(serverSettings(socketFolder, durable)).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const child = spawnAsDatabaseUser(launcher, binaries.postgres, ['-D', cluster, ...settings], {
      stdio: ['ignore', log.fd, log.fd],
      // A session of its own: Ctrl-C in the terminal must not stop it before its users are done.
      detached: true,
    });
    let ended = false;
    child.once('error', () => (ended = true)).once('exit', () => (ended = true));
    child.unref();
    return { child, logOffset: size, hasEnded: () => ended };
  } finally {
    await log.close();
  }
}

/** For a small machine that the application shares; a large installation brings its own server with DATABASE_URL. */
function serverSettings(socketFolder: string, durable: boolean): Record<string, string> {
  return {
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
    port: String(PORT),
    max_connections: '100',
    shared_buffers: '192MB',
    effective_cache_size: '512MB',
    work_mem: '8MB',
    maintenance_work_mem: '96MB',
    max_wal_size: '1GB',
    min_wal_size: '128MB',
    random_page_cost: '1.1',
    // Parallel queries need more of /dev/shm than the 64 MB of a container, and help little on few cores.
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    // A list of 100,000 new recipients took 60–130 ms until its table was analyzed, and 1–20 ms after; the default waits a minute.
    autovacuum_naptime: '5s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // The details of an error quote stored values, people's addresses among them.
    log_error_verbosity: 'terse',
    ...(durable ? { fsync: 'on' } : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
}

/**
 * Two ends are expected: another process started the server a moment earlier, or children of a killed server still hold its
 * memory. Then the search goes on; any other end is told with what the server said.
 */
async function explainEnd({ cluster, logFile }: Installation, { logOffset }: ServerProcess): Promise<undefined> {
  const log = (await readFile(logFile)).subarray(logOffset).toString();
  if (await findPostmaster(cluster)) return;
  if (/lock file "[^"]+" already exists|shared memory block .* still in use/.test(log)) {
    await delay(100);
    return;
  }
  throw new EmbeddedPostgresError(
    'not_ready',
    `The embedded PostgreSQL stopped while starting: ${lastLines(log) || 'it said nothing'} (see ${logFile}).`,
  );
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
  if (rowCount) return;
  await client.query(`create database ${DATABASE}`).catch((error: unknown) => {
    // Another process that started at the same time was first: duplicate_database, or unique_violation in the catalog.
    if (!(error instanceof DatabaseError) || !['42P04', '23505'].includes(error.code ?? '')) throw error;
  });
}

async function leave(installation: Installation, presence: Client): Promise<void> {
  const session = (await isConnected(presence)) ? presence : await tryToEnter(installation);
  if (!(session instanceof Client)) return;
  const postmaster = await findPostmaster(installation.cluster);
  if (postmaster && (await isLastOut(session))) {
    const stopped = await stopPostmaster(installation.cluster, postmaster, 'SIGINT', 10_000);
    if (!stopped) await stopPostmaster(installation.cluster, postmaster, 'SIGQUIT', 5_000);
  }
  await session.end().catch(() => {});
}

/** A crash inside the server ends every session, the presence among them; the server then goes on. */
async function isConnected(client: Client): Promise<boolean> {
  return await client.query('select').then(
    () => true,
    () => false,
  );
}

async function isLastOut(session: Client): Promise<boolean> {
  await session.query('select pg_advisory_unlock_shared($1)', [PRESENCE]);
  return await takeLock(session, 'pg_try_advisory_lock');
}
