import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Runs a few lines of ESM in a process of their own, for tests of what happens between processes. They import the sources as
 * './src/lib/database.js'. The test ends the process.
 */
export function startScript(
  source: string,
  { env = {}, detached = false }: { env?: Record<string, string>; detached?: boolean } = {},
): ChildProcessByStdio<null, Readable, null> {
  const args = [
    '--import',
    join(import.meta.dirname, 'typescript-imports.mjs'),
    '--input-type=module',
    '--eval',
    source,
  ];
  return spawn(process.execPath, args, { cwd: ROOT, env, detached, stdio: ['ignore', 'pipe', 'inherit'] });
}
