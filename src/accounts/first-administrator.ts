import { createHmac, timingSafeEqual } from 'node:crypto';

import { hashPassword } from 'better-auth/crypto';

import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { hasUsers, insertUser, lockFirstAdministrator } from './user-store.js';

interface Administrator {
  name: string;
  email: string;
  password: string;
  timeZone: string;
  locale: Locale;
}

/** The link that `npm start` prints while there is no user: who reads the terminal, and nobody else, becomes administrator. */
export function firstAdministratorLink(baseUrl: string, secret: string): string {
  return `${baseUrl}/setup?token=${makeToken(secret)}`;
}

export function isFirstAdministratorToken(token: string, secret: string): boolean {
  const expected = Buffer.from(makeToken(secret));
  const given = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Undefined when there is a user by now: of two at once, one wins. */
export async function createFirstAdministrator(
  db: Database,
  administrator: Administrator,
): Promise<number | undefined> {
  const { password, ...rest } = administrator;
  const passwordHash = await hashPassword(password);
  return db.transaction().execute(async (trx) => {
    await lockFirstAdministrator(trx);
    if (await hasUsers(trx)) return undefined;
    return insertUser(trx, { ...rest, passwordHash, role: 'administrator' });
  });
}

function makeToken(secret: string): string {
  return createHmac('sha256', secret).update('vestnik first administrator').digest('base64url');
}
