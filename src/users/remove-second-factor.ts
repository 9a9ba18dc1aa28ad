import { writeSecondFactorDisabled } from '../accounts/account-letters.js';
import { deleteSecondFactor } from '../accounts/second-factor-store.js';
import { endSessions } from '../accounts/session-store.js';
import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { BlockDeps } from './block-user.js';
import { governUser, type GovernFault } from './govern-user.js';

export type RemoveSecondFactorResult = { ok: true } | { ok: false; fault: GovernFault | 'already' };

/**
 * For who has lost the phone and the recovery codes, or whose thief has turned a second factor on. Sessions end with it: whoever is at
 * the mailbox signs in by the password alone, or sets a new one.
 */
export async function removeSecondFactor(
  { db, letters, baseUrl, defaultLocale = 'en' }: BlockDeps,
  actor: Actor,
  id: number,
): Promise<RemoveSecondFactorResult> {
  return governUser<RemoveSecondFactorResult>(db, actor, 'users.removeSecondFactor', id, async (trx, user) => {
    if (!(await deleteSecondFactor(trx, id))) return { ok: false, fault: 'already' };
    await endSessions(trx, id);
    const subject = { type: 'user' as const, id, name: user.email };
    await recordAudit(trx, actor, { action: 'account.second_factor_disabled', ownerId: id, subject });
    await letters.send(writeSecondFactorDisabled(user.locale ?? defaultLocale, user.email, { baseUrl }), trx);
    return { ok: true };
  });
}
