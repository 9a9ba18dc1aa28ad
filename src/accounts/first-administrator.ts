import { createHmac, timingSafeEqual } from 'node:crypto';

import { hashPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Origin } from '../ui/view.js';
import { hasAdministrator, insertUser, lockFirstAdministrator } from './user-store.js';

interface Administrator {
  name: string;
  email: string;
  password: string;
  timeZone: string;
  locale: Locale;
}

/**
 * The link that `npm start` prints while there is no administrator: who reads the terminal, and nobody else, becomes one. Somebody
 * who has registered meanwhile does not take it away.
 */
export function firstAdministratorLink(baseUrl: string, secret: string): string {
  return `${baseUrl}/setup?token=${makeToken(secret)}`;
}

export function isFirstAdministratorToken(token: string, secret: string): boolean {
  const expected = Buffer.from(makeToken(secret));
  const given = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** `used` when there is an administrator by now: of two at once, one wins. */
export async function createFirstAdministrator(
  db: Database,
  administrator: Administrator,
  origin: Origin,
): Promise<'created' | 'used' | 'userExists'> {
  const { password, ...rest } = administrator;
  const passwordHash = await hashPassword(password);
  return db.transaction().execute(async (trx) => {
    await lockFirstAdministrator(trx);
    if (await hasAdministrator(trx)) return 'used';
    const id = await insertUser(trx, { ...rest, passwordHash, role: 'administrator' });
    if (id === undefined) return 'userExists';
    await recordRegistration(trx, id, rest.email, origin);
    return 'created';
  });
}

async function recordRegistration(trx: Transaction, id: number, email: string, origin: Origin): Promise<void> {
  const subject = { type: 'user', id, name: email } as const;
  const actor = { userId: id, name: email, ...origin };
  await recordAudit(trx, actor, { action: 'account.registered', subject, details: { role: 'administrator' } });
}

function makeToken(secret: string): string {
  return createHmac('sha256', secret).update('vestnik first administrator').digest('base64url');
}
