/**
 * dist/server and dist/client, and dist/.built with a hash of what they were made from. Both are made beside the old ones and take
 * their place when complete; the hash is removed before and written after, so an interrupted build is made again.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { withLock } from './lock.mjs';
import { runNodeStep } from './process.mjs';
import { Fault, inProject } from './project.mjs';

export const TSC = 'node_modules/typescript/bin/tsc';
const VITE = 'node_modules/vite/bin/vite.js';

const SOURCES = [
  'src',
  'client',
  'migrations',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  'package-lock.json',
];
const STAMP = inProject('dist', '.built');

/** Whether anything had to be built. */
export async function ensureBuilt() {
  if (isFresh()) return false;
  return withLock(inProject('dist', '.lock'), async () => {
    if (isFresh()) return false;
    await build();
    return true;
  });
}

export async function build() {
  console.log('Building…');
  const hash = hashSources();
  // Both to their end: a part that is still being made must not outlast the lock.
  const parts = await Promise.allSettled([
    make('server', TSC, '-p', 'tsconfig.build.json', '--outDir', 'dist/server.new'),
    make('client', VITE, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', '../dist/client.new'),
  ]);
  for (const { status, reason } of parts) if (status === 'rejected') throw reason;
  compressFiles(inProject('dist', 'client.new'));
  rmSync(STAMP, { force: true });
  replace('server');
  replace('client');
  writeFileSync(STAMP, hash);
}

async function make(part, ...command) {
  rmSync(inProject('dist', `${part}.new`), { recursive: true, force: true });
  const { code, output } = await runNodeStep(...command);
  if (code !== 0) throw new Fault(`${withoutStack(output).trim()}\nThe ${part} could not be built.`);
}

const COMPRESSED = ['.css', '.js', '.svg'];

/** Once and thoroughly, beside the files, so that no answer is compressed over and over. Fonts are compressed as they are. */
function compressFiles(folder) {
  for (const { parentPath, name } of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!COMPRESSED.includes(extname(name))) continue;
    const path = join(parentPath, name);
    const content = readFileSync(path);
    writeFileSync(`${path}.br`, brotliCompressSync(content));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}

function withoutStack(output) {
  return output.replaceAll(/^\s+at .*\n/gm, '');
}

function replace(part) {
  const place = inProject('dist', part);
  rmSync(place, { recursive: true, force: true });
  renameSync(`${place}.new`, place);
}

function isFresh() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hashSources();
}

/** Contents, not times: a copied or checked out tree keeps its build. 300 files take about 10 ms. */
function hashSources() {
  const hash = createHash('sha256');
  for (const path of SOURCES.flatMap(listFiles))
    hash
      .update(`${path}\0`)
      .update(readFileSync(inProject(path)))
      .update('\0');
  return hash.digest('hex');
}

function listFiles(path) {
  const entry = statSync(inProject(path), { throwIfNoEntry: false });
  if (entry?.isDirectory()) {
    const names = readdirSync(inProject(path)).toSorted();
    return names.flatMap((name) => listFiles(join(path, name)));
  }
  return entry && !/\.test\.tsx?$/.test(path) ? [path] : [];
}
