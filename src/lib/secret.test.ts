import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { keepSecret } from './secret.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestnik-secret-'));
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = async (path: string) => (await stat(path)).mode % 0o1000;

test('makes a secret once, and reads the same ever after', async () => {
  const secret = await keepSecret(folder);
  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(await keepSecret(folder)).toBe(secret);
  expect((await readFile(join(folder, 'secret'), 'utf8')).trim()).toBe(secret);
});

test('every installation has a secret of its own', async () => {
  expect(await keepSecret(join(folder, 'a'))).not.toBe(await keepSecret(join(folder, 'b')));
});

test('its owner alone may read it', async () => {
  await keepSecret(folder);
  expect(await modeOf(join(folder, 'secret'))).toBe(0o600);
});

test('makes the data folder where there is none', async () => {
  const secret = await keepSecret(join(folder, 'new', 'data'));
  expect(await readFile(join(folder, 'new', 'data', 'secret'), 'utf8')).toBe(secret);
});

test('first starts at the same moment read the same secret, whole, and leave nothing else behind', async () => {
  for (let round = 0; round < 50; round += 1) {
    const dataDir = join(folder, String(round));
    const secrets = await Promise.all(Array.from({ length: 8 }, () => keepSecret(dataDir)));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toHaveLength(43);
    expect(await readdir(dataDir)).toEqual(['secret']);
  }
});

test('takes a secret that somebody put there', async () => {
  await writeFile(join(folder, 'secret'), 'a secret of somebody’s own, long enough\n');
  expect(await keepSecret(folder)).toBe('a secret of somebody’s own, long enough');
});
