/**
 * Mail servers as people run them, for tests: each in a folder of its own, on ports of its own, with mailboxes that the test reads. A
 * server is one group of processes; it ends with the group, also when the test fails, and at the latest with the test's process.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, openSync, closeSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from '../eventually.js';

export const LOGIN = { user: 'shop', password: 'secret' };

export interface MailServerOptions {
  /** Whole addresses; nobody else is known. */
  mailboxes: string[];
  /** Bytes of the largest letter; 10 MB unless told. */
  sizeLimit?: number;
  /** What RCPT is answered for an address, without its line end. */
  refusals?: Record<string, string>;
  /** How many it takes over one connection; what the server does by itself unless told. */
  lettersPerConnection?: number;
  /** How many errors in a row Postfix bears before it leaves; 20 unless told, and 1 by itself while it is overloaded. */
  errorsPerConnection?: number;
  /** False: it does not offer CHUNKING, though it could. */
  chunking?: boolean;
}

export interface ArrivedLetter {
  mailbox: string;
  source: Buffer;
}

export interface MailServer extends AsyncDisposable {
  /** Takes letters without a login. */
  port: number;
  url: string;
  /** What is in these mailboxes, once nothing is on its way to them any more. Others' letters are not waited for. */
  readLetters(mailboxes: string[]): Promise<ArrivedLetter[]>;
  start(): Promise<void>;
  /** Ends all its processes at once. What it has accepted stays in its folder. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** One that offers STARTTLS, with the test certificate, and changes its mind about recipients. */
export interface FullMailServer extends MailServer {
  /** Takes letters with the login `LOGIN` only. */
  loginUrl(password?: string): string;
  /** What RCPT is answered from now on; null: nothing special. */
  refuse(address: string, reply: string | null): void;
}

export interface MailServerPlan {
  folder: string;
  command: string[];
  port: number;
  /** Holds a Maildir an address. */
  mailFolder: string;
  /** Hold the letters that are accepted and not in a mailbox. */
  queues: string[];
  /** Whether a file there is such a letter. */
  isQueued: (path: string) => boolean;
  /** Files in which it says why it does not start. */
  logs?: string[];
  /** Ends what it needed of this process. */
  close?: () => Promise<void>;
}

export function composeLoginUrl(port: number, password = LOGIN.password): string {
  return `smtp://${LOGIN.user}:${password}@127.0.0.1:${port}`;
}

/** Why the server of this program cannot be started here; null where it can. `needs`: a Debian package. */
export function whyAbsent(program: string | undefined, needs: string): string | null {
  if (process.platform !== 'linux') return 'Linux is needed';
  if (program === undefined) return `Debian's package ${needs} is needed`;
  return process.getuid?.() === 0 ? null : 'a mail server must be started as root';
}

/**
 * Where a program of a mail server is. Debian lets one mail server be installed at a time: others may be unpacked (`dpkg-deb -x`) into
 * the folder MAIL_SERVERS.
 */
export function findServerFile(path: string): string | undefined {
  const { MAIL_SERVERS } = process.env;
  return [path, ...(MAIL_SERVERS ? [join(MAIL_SERVERS, path)] : [])].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Named so that the next run removes what a killed one left (global-setup.ts). Others than this process's user look into it. */
export async function makeServerFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `vestnik-test-${process.pid}-${name}-`));
  await chmod(folder, 0o755);
  return folder;
}

/** The test server's certificate, for "localhost", where a mail server wants it: the key must be its owner's alone. */
export async function copyCertificate(folder: string): Promise<void> {
  const support = join(import.meta.dirname, '..');
  await copyFile(join(support, 'localhost.cert.pem'), join(folder, 'cert.pem'));
  await copyFile(join(support, 'localhost.key.pem'), join(folder, 'key.pem'));
  await chmod(join(folder, 'key.pem'), 0o600);
}

export async function openMailServer(plan: MailServerPlan): Promise<MailServer> {
  const { folder, port } = plan;
  let processes: ChildProcess | undefined;
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (processes?.pid !== undefined) await endGroup(processes.pid, signal);
    processes = undefined;
  };
  const dispose = async () => {
    await end('SIGTERM');
    await plan.close?.();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const start = async () => {
    processes = launch(plan);
    await awaitGreeting(plan, processes);
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port,
    url: `smtp://127.0.0.1:${port}`,
    async readLetters(mailboxes) {
      await eventually('all letters are in their mailboxes', async () => !isAnyQueued(plan, mailboxes), 30_000);
      return readMailboxes(plan.mailFolder, mailboxes);
    },
    start,
    end,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Ends the whole group when the program ends, or when this process does, however that ends: its end of the pipe is closed then. */
const GUARD = '("$@" </dev/null; kill -TERM 0) & read -r _; kill -TERM 0';

/** In a group of its own, that all its processes stay in. */
function launch({ folder, command }: MailServerPlan): ChildProcess {
  const log = openSync(join(folder, 'output.log'), 'a');
  try {
    const args = ['-c', GUARD, 'guard', ...command];
    return spawn('/bin/sh', args, { detached: true, stdio: ['pipe', log, log], env: { PATH: '/usr/sbin:/usr/bin' } });
  } finally {
    closeSync(log);
  }
}

async function awaitGreeting(
  { folder, port, command, logs = [] }: MailServerPlan,
  processes: ChildProcess,
): Promise<void> {
  await eventually(`${command.join(' ')} greets`, async () => {
    if (processes.exitCode === null && processes.signalCode === null) return greets(port);
    const said = await Promise.all(
      [join(folder, 'output.log'), ...logs].map((log) => readFile(log, 'utf8').catch(() => '')),
    );
    throw new Error(`${command.join(' ')} ended: ${said.join('')}`);
  });
}

async function greets(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(2000, () => socket.destroy());
  try {
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    socket.end('QUIT\r\n');
    return greeting.toString().startsWith('220');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function endGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  signalGroup(group, signal);
  await eventually(
    'the mail server is gone',
    async () => {
      const isGone = !isGroupAlive(group);
      // A child that was being made while the signal came has not got it.
      if (!isGone) signalGroup(group, signal);
      return isGone;
    },
    3000,
  ).catch(() => signalGroup(group, 'SIGKILL'));
  await eventually('the mail server is killed', async () => !isGroupAlive(group), 3000);
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether one of its processes runs; those that are dead and wait to be buried by the init of a container do not count. */
function isGroupAlive(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    const [state, , pgrp] = readStat(name);
    return pgrp === String(group) && state !== 'Z' && state !== 'X';
  });
}

/** What follows the name, which may hold anything, in its brackets: state, parent, group. */
function readStat(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function isAnyQueued({ queues, isQueued }: MailServerPlan, mailboxes: string[]): boolean {
  const files = queues.flatMap((queue) => listFiles(queue)).filter(isQueued);
  return files.some((file) => {
    const text = readText(file);
    // What is gone may be in the next queue by now.
    return text === undefined || mailboxes.some((mailbox) => text.includes(mailbox));
  });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What goes away meanwhile is left out. */
function listFiles(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [join(folder, 'changing')];
    throw error;
  }
}

async function readMailboxes(folder: string, mailboxes: string[]): Promise<ArrivedLetter[]> {
  const letters = [];
  const filled = new Set(await readdir(folder));
  for (const mailbox of mailboxes.filter((name) => filled.has(name))) {
    const fresh = join(folder, mailbox, 'new');
    for (const file of await readdir(fresh)) letters.push({ mailbox, source: await readFile(join(fresh, file)) });
  }
  return letters;
}
