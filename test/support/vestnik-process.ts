import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findPostmaster, stopPostmaster } from '../../src/lib/embedded-postgres/postmaster.js';
import { projectRoot } from '../../src/lib/project-root.js';
import { eventually } from './eventually.js';

/** The built program as a process of its own, with a data folder of its own unless one is given. */
export interface VestnikProcess extends AsyncDisposable {
  url: string;
  dataDir: string;
  /** What it has printed so far. */
  output(): string;
  pid: number;
  /** Ends it by the signal and waits until it is gone; resolves to its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A process that ran to its end. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface DataFolder extends AsyncDisposable {
  path: string;
}

type Environment = Record<string, string>;

export async function startVestnik(environment: Environment = {}): Promise<VestnikProcess> {
  const folder = environment['DATA_DIR'] === undefined ? await openDataFolder() : undefined;
  const dataDir = folder?.path ?? environment['DATA_DIR'] ?? '';
  const port = environment['PORT'] ?? String(await findFreePort());
  const child = launch('main.js', [], { ...environment, DATA_DIR: dataDir, PORT: port });
  const url = `http://localhost:${port}`;
  const dispose = async () => {
    await child.end('SIGTERM');
    await folder?.[Symbol.asyncDispose]();
  };
  try {
    const hasPages = environment['ROLES']?.includes('web') ?? true;
    await eventually(`Vestnik starts at ${url}`, () => isReady(child, hasPages ? url : undefined), 60_000);
  } catch (error) {
    await dispose();
    throw error;
  }
  const pid = child.process.pid ?? 0;
  return { url, dataDir, output: child.output, pid, end: child.end, [Symbol.asyncDispose]: dispose };
}

/** Runs the program to its end, for starts that are refused. */
export async function runVestnik(environment: Environment): Promise<Ended> {
  return launch('main.js', [], environment).ended();
}

/** Runs a command of the command line to its end. */
export async function runCommand(args: string[], environment: Environment, input = ''): Promise<Ended> {
  const child = launch('cli.js', args, environment);
  child.process.stdin?.end(input);
  return child.ended();
}

/** A data folder that several processes, one after another or at once, may use. At its end no PostgreSQL is left in it. */
export async function openDataFolder(): Promise<DataFolder> {
  const path = await mkdtemp(join(tmpdir(), 'vestnik-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      const cluster = join(path, 'postgresql');
      const postmaster = await findPostmaster(cluster);
      if (postmaster) await stopPostmaster(cluster, postmaster, 'SIGQUIT', 5_000);
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isReady(child: Child, url: string | undefined): Promise<boolean> {
  if (child.process.exitCode !== null) throw new Error(`Vestnik ended: ${child.output()}`);
  if (!child.output().includes('Ctrl-C')) return false;
  if (url === undefined) return true;
  return (await fetch(`${url}/healthz`).catch(() => null))?.ok ?? false;
}

interface Child {
  process: ChildProcess;
  output: () => string;
  ended: () => Promise<Ended>;
  end: (signal: NodeJS.Signals) => Promise<number | null>;
}

function launch(file: string, args: string[], environment: Environment): Child {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['--enable-source-maps', join(projectRoot, 'dist', 'server', file), ...args], {
    // Nothing of the tester's own settings reaches it.
    env: { PATH, HOME, LANG: 'C.UTF-8', LOG_LEVEL: 'warn', ...environment },
    // The channel ends it when this process is killed.
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  const said: { stream: 'stdout' | 'stderr'; chunk: Buffer }[] = [];
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.on('data', (chunk: Buffer) => said.push({ stream, chunk }));
  const read = (...streams: string[]) =>
    Buffer.concat(said.filter(({ stream }) => streams.includes(stream)).map(({ chunk }) => chunk)).toString();
  const closed = once(child, 'close');
  return {
    process: child,
    output: () => read('stdout', 'stderr'),
    async ended() {
      await closed;
      return { code: child.exitCode, stdout: read('stdout'), stderr: read('stderr') };
    },
    async end(signal) {
      child.kill(signal);
      await closed;
      return child.exitCode;
    },
  };
}
