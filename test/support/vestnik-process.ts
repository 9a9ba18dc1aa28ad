import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { projectRoot } from '../../src/lib/project-root.js';
import { eventually } from './eventually.js';

/** The built program as a process of its own, with a data folder of its own unless one is given. */
export interface VestnikProcess extends AsyncDisposable {
  url: string;
  dataDir: string;
  /** What it has printed so far. */
  output(): string;
  /** Ends it by the signal and waits until it is gone; resolves to its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export async function startVestnik(environment: Record<string, string> = {}): Promise<VestnikProcess> {
  const dataDir = environment['DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'vestnik-')));
  const port = environment['PORT'] ?? String(await findFreePort());
  const child = launch('main.js', [], { ...environment, DATA_DIR: dataDir, PORT: port });
  const url = `http://localhost:${port}`;
  const end = async (signal: NodeJS.Signals) => {
    if (child.process.exitCode === null && child.process.signalCode === null) {
      child.process.kill(signal);
      await once(child.process, 'exit');
    }
    return child.process.exitCode;
  };
  await eventually(`Vestnik answers at ${url}`, async () => {
    if (child.process.exitCode !== null) throw new Error(`Vestnik ended: ${child.output()}`);
    return (child.output().includes('Ctrl-C') && (await fetch(`${url}/healthz`).catch(() => null))?.ok) ?? false;
  });
  return {
    url,
    dataDir,
    output: child.output,
    end,
    async [Symbol.asyncDispose]() {
      await end('SIGTERM');
      if (environment['DATA_DIR'] === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Runs a command of the command line to its end. */
export async function runCommand(args: string[], environment: Record<string, string>, input = ''): Promise<{ code: number | null; output: string }> {
  const child = launch('cli.js', args, environment);
  child.process.stdin?.end(input);
  await once(child.process, 'close');
  return { code: child.process.exitCode, output: child.output() };
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function launch(file: string, args: string[], environment: Record<string, string>): { process: ChildProcess; output: () => string } {
  const chunks: Buffer[] = [];
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['--enable-source-maps', join(projectRoot, 'dist', 'server', file), ...args], {
    // Nothing of the tester's own settings reaches it.
    env: { PATH, HOME, LANG: 'C.UTF-8', LOG_LEVEL: 'warn', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { process: child, output: () => Buffer.concat(chunks).toString() };
}
