/** The PostgreSQL of Debian's packages, as a server of its own with Debian's defaults: made for one run, on loopback, removed after it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  chooseDatabaseUser,
  chooseLauncher,
  spawnAsDatabaseUser,
  type Launcher,
} from '../src/lib/embedded-postgres/database-user.js';
import { awaitPort, end, findFreePort, isExecutable } from './processes.js';

const VERSIONS = '/usr/lib/postgresql';
const SUPERUSER = 'vestnik';

export interface PostgresServer extends AsyncDisposable {
  url: string;
}

/** Undefined where the packages are not installed. */
export async function startDebianPostgres(): Promise<PostgresServer | undefined> {
  const programs = findPrograms();
  if (programs === undefined) return undefined;
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'vestnik-bench-server-'));
  started.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [cluster, passwordFile] = [join(folder, 'cluster'), join(folder, 'password')];
  const password = randomBytes(16).toString('hex');
  await writeFile(passwordFile, password, { mode: 0o600 });
  const owner = await chooseDatabaseUser(cluster);
  if (owner) for (const path of [folder, passwordFile]) await chown(path, owner.uid, owner.gid);
  const launcher = await chooseLauncher(owner, [join(programs, 'postgres'), cluster]);
  await makeCluster(launcher, programs, cluster, passwordFile);
  const port = await findFreePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const args = ['-D', cluster, ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawnAsDatabaseUser(launcher, join(programs, 'postgres'), args, { stdio: 'ignore' });
  // The fast shutdown: it waits for no client.
  started.defer(() => end(server, 'SIGINT'));
  await awaitPort(port, server);
  const resources = started.move();
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The folder with the programs of the newest version. */
function findPrograms(): string | undefined {
  const versions = readVersions().toSorted((a, b) => Number(b) - Number(a));
  const folders = versions.map((version) => join(VERSIONS, version, 'bin'));
  return folders.find((folder) => isExecutable(join(folder, 'postgres')) && isExecutable(join(folder, 'initdb')));
}

function readVersions(): string[] {
  try {
    return readdirSync(VERSIONS);
  } catch {
    return [];
  }
}

async function makeCluster(launcher: Launcher, programs: string, cluster: string, passwordFile: string): Promise<void> {
  const access = [`--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const args = [`--pgdata=${cluster}`, ...access, '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions'];
  const child = spawnAsDatabaseUser(launcher, join(programs, 'initdb'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`initdb ended with ${child.exitCode}: ${said.trim()}`);
}
