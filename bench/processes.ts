/** Other programs: started on loopback, told apart by their own pid, ended at the end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Service extends AsyncDisposable {
  port: number;
}

const STARTS_WITHIN_MS = 10_000;

/** Where a program is, also where Debian keeps it from an ordinary user's path; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end; its output, or an error with what it said. */
export async function run(file: string, args: string[], input = ''): Promise<string> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(input);
  await once(child, 'close');
  const output = Buffer.concat(said).toString();
  if (child.exitCode !== 0) throw new Error(`${file} ended with ${child.exitCode}: ${output}`);
  return output;
}

/** Starts a program that listens on the port, and waits until it does. */
export async function serve(port: number, file: string, args: string[]): Promise<Service> {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  await awaitPort(port, child);
  return { port, [Symbol.asyncDispose]: () => end(child) };
}

/** A program of this folder, which listens on the port that is its first argument. */
export async function serveScript(name: string, options: number[] = []): Promise<Service> {
  const port = await findFreePort();
  return serve(port, process.execPath, [...runSource(name), ...[port, ...options].map(String)]);
}

/** Node's arguments for a program of this folder, which is not built. */
export function runSource(name: string): string[] {
  const hooks = join(import.meta.dirname, '../test/support/typescript-imports.mjs');
  return ['--import', hooks, join(import.meta.dirname, name)];
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'exit');
  child.kill(signal);
  await closed;
}

export async function awaitPort(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${child.spawnfile} does not start`);
    await delay(20);
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
