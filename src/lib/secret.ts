import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { prepareDataFolder } from './embedded-postgres/cluster.js';
import { hasErrorCode } from './embedded-postgres/error.js';

/** The secret that signs cookies and links: made once, kept in the data folder, readable for its owner alone. */
export async function keepSecret(dataDir: string): Promise<string> {
  const file = join(await prepareDataFolder(dataDir), 'secret');
  const known = await readSecret(file);
  if (known !== undefined) return known;
  // Of two first starts at once one makes the file, and both read it. It appears whole: a link to what is written already.
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(draft, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 });
    await link(draft, file);
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(file, 'utf8')).trim();
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
