/**
 * PostgreSQL refuses to run as root. Started by root, it runs as the user `nobody`, who owns its files. Where `nobody` cannot
 * reach them (a checkout or data folder under /root), it gets one capability along: to pass through folders closed to it.
 */
import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { EmbeddedPostgresError } from './error.js';

export interface DatabaseUser {
  uid: number;
  gid: number;
}

/** How to start a program as the database's user; empty when this process is already it. */
export interface Launcher {
  user: DatabaseUser | undefined;
  prefix: string[];
}

/** The user that owns the cluster's files: `undefined` stands for the user of this process. */
export async function chooseDatabaseUser(cluster: string): Promise<DatabaseUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  // A cluster that an ordinary user made stays theirs.
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return parseNobody(await readFile('/etc/passwd', 'utf8').catch(() => ''));
}

export function parseNobody(passwd: string): DatabaseUser {
  const [, uid, gid] = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(passwd) ?? [];
  // macOS writes -2.
  return { uid: Number(uid ?? 65_534) >>> 0, gid: Number(gid ?? 65_534) >>> 0 };
}

export async function chooseLauncher(user: DatabaseUser | undefined, paths: string[]): Promise<Launcher> {
  if (!user) return { user, prefix: [] };
  const closed = await findClosedFolder(paths, user);
  if (!closed) return { user, prefix: [] };
  return { user: undefined, prefix: await findPrivilegedPrefix(user, closed) };
}

export function spawnAsDatabaseUser(
  { user, prefix }: Launcher,
  program: string,
  args: string[],
  { stdio, detached = false }: { stdio: StdioOptions; detached?: boolean },
): ChildProcess {
  const [command = program, ...rest] = [...prefix, program, ...args];
  // The working folder of this process may be closed to the database's user.
  return spawn(command, rest, { ...user, cwd: '/', stdio, detached, env: databaseEnvironment() });
}

/** Nothing of this process's environment: it may hold secrets, and PG* variables would mislead. */
function databaseEnvironment(): NodeJS.ProcessEnv {
  const { PATH = '/usr/bin:/bin', TMPDIR } = process.env;
  return { PATH, LC_ALL: 'C', TZ: 'UTC', ...(TMPDIR && { TMPDIR }) };
}

async function findClosedFolder(paths: string[], user: DatabaseUser): Promise<string | undefined> {
  for (const path of paths) {
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
      const { mode, uid, gid } = await stat(folder);
      if (!mayTraverse(mode, uid === user.uid, gid === user.gid)) return folder;
    }
  }
  return undefined;
}

function mayTraverse(mode: number, isOwner: boolean, isGroup: boolean): boolean {
  if (isOwner) return (mode & 0o100) !== 0;
  if (isGroup) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** dac_read_search is the smaller right; containers often withhold it but leave dac_override. */
const CAPABILITIES = ['dac_read_search', 'dac_override'];

async function findPrivilegedPrefix(user: DatabaseUser, closed: string): Promise<string[]> {
  for (const capability of CAPABILITIES) {
    const prefix = [
      'setpriv',
      // access(2) ignores capabilities of ordinary users without this bit, and PostgreSQL looks for itself with access(2).
      '--securebits=+no_setuid_fixup',
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      '--clear-groups',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ];
    if (await canRun([...prefix, 'test', '-x', `${closed}/.`])) return prefix;
  }
  throw new EmbeddedPostgresError(
    'unreachable_for_nobody',
    `PostgreSQL may not run as root, and the user "nobody", as whom it would run, cannot enter ${closed}; set DATA_DIR and install Vestnik where everybody may enter (for example under /srv), or start Vestnik as an ordinary user.`,
  );
}

async function canRun([command = '', ...args]: string[]): Promise<boolean> {
  return await promisify(execFile)(command, args, { cwd: '/' }).then(
    () => true,
    () => false,
  );
}
