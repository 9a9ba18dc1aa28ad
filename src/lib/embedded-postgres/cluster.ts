/** The folders of the embedded PostgreSQL and the making of its cluster. */
import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import type { Binaries } from './binaries.js';
import { spawnAsDatabaseUser, type DatabaseUser, type Launcher } from './database-user.js';
import { describeReason, EmbeddedPostgresError, hasErrorCode } from './error.js';
import { isAlive } from './postmaster.js';

/** The shortest limit of a socket's whole path (macOS; Linux has 107), less "/.s.PGSQL.5432" and the lock file's suffix. */
const LONGEST_SOCKET_FOLDER = 103 - '/.s.PGSQL.5432.lock'.length;
const LARGEST_LOG = 10 * 1024 * 1024;
export const SUPERUSER = 'vestnik';

/** Makes the data folder if needed and returns its real path. */
export async function prepareDataFolder(dataDir: string): Promise<string> {
  const folder = resolve(dataDir);
  try {
    const created = await makeFolders(folder);
    // The database's user must pass through, but not list.
    if (created && process.getuid?.() === 0) await chmod(folder, 0o711);
    return await realpath(folder);
  } catch (cause) {
    throw dataFolderError(folder, cause);
  }
}

/**
 * Tells whether it made the folder. Node's recursive mkdir never ends below a parent that exists and takes no folders, such as
 * /proc; this one asks for each folder twice at most.
 */
async function makeFolders(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST') && (await stat(folder)).isDirectory()) return false;
    if (!hasErrorCode(error, 'ENOENT') || dirname(folder) === folder) throw error;
  }
  await makeFolders(dirname(folder));
  await mkdir(folder).catch((error: unknown) => {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  });
  return true;
}

export async function hasCluster(cluster: string, majorVersion: number): Promise<boolean> {
  const version = await readVersion(cluster);
  if (version === undefined) return false;
  if (version === majorVersion) return true;
  throw new EmbeddedPostgresError(
    'wrong_major_version',
    `The database in ${cluster} was made by PostgreSQL ${version}, but PostgreSQL ${majorVersion} is installed; start the version of Vestnik that made it, or choose another DATA_DIR.`,
  );
}

async function readVersion(cluster: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(cluster, 'PG_VERSION'), 'utf8'), 10);
  } catch (cause) {
    if (!hasErrorCode(cause, 'ENOENT')) throw dataFolderError(cluster, cause);
    const entries = await readdir(cluster).catch(() => []);
    if (entries.length === 0) return undefined;
    throw new EmbeddedPostgresError(
      'data_folder',
      `The folder ${cluster} is not a PostgreSQL database (PG_VERSION is missing); restore it from a backup, or choose another DATA_DIR.`,
      { cause },
    );
  }
}

/** Made under another name and renamed at the end, so that an interrupted initdb never leaves half a cluster in place. */
export async function createCluster(
  cluster: string,
  binaries: Binaries,
  launcher: Launcher,
  { owner, durable }: { owner: DatabaseUser | undefined; durable: boolean },
): Promise<void> {
  await removeLeftovers(cluster);
  const draft = `${cluster}.new-${process.pid}`;
  await makePrivateFolder(draft, owner);
  try {
    await runInitdb(draft, binaries, launcher, durable);
    await rename(draft, cluster);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process that started at the same time was first.
    if (hasErrorCode(error, 'ENOTEMPTY', 'EEXIST')) return;
    throw error;
  }
}

async function removeLeftovers(cluster: string): Promise<void> {
  const [folder, name] = [join(cluster, '..'), `${cluster.slice(cluster.lastIndexOf('/') + 1)}.new-`];
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(name)) continue;
    const maker = Number(entry.slice(name.length));
    if (maker !== process.pid && isAlive(maker)) continue;
    // The initdb of a process that was killed may still be writing there; what cannot be removed now does no harm.
    await rm(join(folder, entry), { recursive: true, force: true, maxRetries: 10 }).catch(() => {});
  }
}

async function makePrivateFolder(folder: string, owner: DatabaseUser | undefined): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (owner) await chown(folder, owner.uid, owner.gid);
  } catch (cause) {
    throw dataFolderError(folder, cause);
  }
}

async function runInitdb(folder: string, { initdb }: Binaries, launcher: Launcher, durable: boolean): Promise<void> {
  const args = [
    `--pgdata=${folder}`,
    `--username=${SUPERUSER}`,
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--locale=C.UTF-8',
    // Nobody gets to the socket but the owner of its folder, and there is no other way in.
    '--auth=trust',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ];
  const child = spawnAsDatabaseUser(launcher, initdb, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const { promise, resolve: finish, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', finish);
  const status = await promise.catch((error: unknown) => describeReason(error));
  if (status === 0) return;
  throw new EmbeddedPostgresError(
    'initdb_failed',
    `The embedded database could not be created in ${folder}: ${lastLines(output) || `initdb ended with ${status}`}`,
  );
}

export function lastLines(text: string, count = 3): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-count)
    .join(' | ');
}

/** A folder that only the database's user and root may enter: whoever can reach the socket is let in without a password. */
export async function prepareSocketFolder(dataDir: string, owner: DatabaseUser | undefined): Promise<string> {
  const near = join(dataDir, 'postgresql-socket');
  const folder = Buffer.byteLength(near) <= LONGEST_SOCKET_FOLDER ? near : join(tmpdir(), `vestnik-${hash(dataDir)}`);
  try {
    await mkdir(folder, { mode: 0o700 });
    if (owner) await chown(folder, owner.uid, owner.gid);
  } catch (cause) {
    if (!hasErrorCode(cause, 'EEXIST')) throw dataFolderError(folder, cause);
  }
  if (await isPrivateFolder(folder, owner)) return folder;
  throw new EmbeddedPostgresError(
    'socket_folder',
    `The folder for the database's socket ${folder} belongs to somebody else or is open to others; remove it, or choose another DATA_DIR.`,
  );
}

/** In a shared temporary folder somebody else may have made it first. */
export async function isPrivateFolder(folder: string, owner: DatabaseUser | undefined): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found?.isDirectory()) return false;
  return found.uid === (owner?.uid ?? process.getuid?.()) && (found.mode & 0o077) === 0;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The server's log, opened for appending; begun anew when it has grown large. */
export async function openLog(path: string): Promise<FileHandle> {
  try {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (size > LARGEST_LOG) await truncate(path);
    return await open(path, 'a', 0o600);
  } catch (cause) {
    throw dataFolderError(path, cause);
  }
}

function dataFolderError(path: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'data_folder',
    `The data folder cannot be used: ${path}: ${describeReason(cause)}; give this user the right to write there, or set DATA_DIR to another folder.`,
    { cause },
  );
}
