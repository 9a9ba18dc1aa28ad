import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { hasErrorCode } from './embedded-postgres/error.js';

/** The secret that signs cookies and links: made once, kept in the data folder, readable for its owner alone. */
export async function keepSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret');
  // Of two first starts at once one makes the file, and both read it.
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  try {
    await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}
