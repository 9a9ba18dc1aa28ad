import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Transaction } from '../lib/database.js';
import type { Auth } from './auth.js';
import { endSession, endSessions } from './session-store.js';

type Own = Actor & { userId: number };

/** False where the user has no such session. */
export async function endOwnSession(auth: Auth, own: Own, id: number): Promise<boolean> {
  const count = await endAndRecord(auth, own, async (trx) => ((await endSession(trx, own.userId, id)) ? 1 : 0));
  return count > 0;
}

/** Resolves to how many were ended. */
export async function endOwnSessions(
  auth: Auth,
  own: Own,
  spare: { except?: number | undefined } = {},
): Promise<number> {
  return endAndRecord(auth, own, (trx) => endSessions(trx, own.userId, spare));
}

async function endAndRecord(auth: Auth, own: Own, end: (trx: Transaction) => Promise<number>): Promise<number> {
  return auth.db.transaction().execute(async (trx) => {
    const count = await end(trx);
    const subject = { type: 'user' as const, id: own.userId, name: own.name };
    if (count > 0) await recordAudit(trx, own, { action: 'session.ended', subject, details: { count } });
    return count;
  });
}
