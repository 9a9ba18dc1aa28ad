import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { findServerFile } from './mail-server.js';

const runProgram = promisify(execFile);

export interface JailUser {
  name: string;
  id: number;
}

/**
 * A root folder with nothing in it but a mail server and what it needs. Exim and OpenSMTPD have the paths of their spool and socket and
 * the names of their users built in: behind chroot(2) these are their own, and nothing of this machine is touched.
 */
export async function buildJail(root: string, programs: string[], users: JailUser[]): Promise<void> {
  for (const folder of ['etc', 'dev', 'tmp', 'run', 'var/run', 'mail'])
    await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  for (const [device, minor] of [
    ['null', 3],
    ['urandom', 9],
  ] as const)
    await runProgram('mknod', ['-m', '666', join(root, 'dev', device), 'c', '1', String(minor)]);
  for (const program of programs) await copyProgram(root, program);
  const all = [{ name: 'root', id: 0 }, ...users];
  await writeFile(join(root, 'etc/passwd'), all.map(({ name, id }) => `${name}:x:${id}:${id}::/:/bin/sh\n`).join(''));
  await writeFile(join(root, 'etc/group'), all.map(({ name, id }) => `${name}:x:${id}:\n`).join(''));
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
}

export async function giveFolder(root: string, path: string, { id }: JailUser): Promise<void> {
  await mkdir(join(root, path), { recursive: true });
  await chown(join(root, path), id, id);
}

async function copyProgram(root: string, path: string): Promise<void> {
  const source = findServerFile(path);
  if (source === undefined) throw new Error(`${path} is not there`);
  await copyInto(root, source, path);
  for (const library of await listLibraries(source)) await copyInto(root, library, library);
}

async function copyInto(root: string, source: string, path: string): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
}

/** `name => /path (address)`, and the loader itself without a name before it. */
async function listLibraries(program: string): Promise<string[]> {
  const { stdout } = await runProgram('ldd', [program]);
  const missing = /^\s*(\S+) => not found/m.exec(stdout)?.[1];
  if (missing) throw new Error(`${program} needs the library ${missing}`);
  return Array.from(stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm), ([, path = '']) => path);
}
