import { writeBlocked, writeUnblocked } from '../accounts/account-letters.js';
import { revokeInvitationsBy } from '../accounts/invite-user.js';
import { endSessions } from '../accounts/session-store.js';
import { clearBlock, hasOtherAdministrator, setBlock } from '../accounts/user-access-store.js';
import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { SystemLetters } from '../lib/system-mail.js';
import { governUser, type GovernFault } from './govern-user.js';

/** `Auth` is one. */
export interface BlockDeps {
  db: Database;
  letters: SystemLetters;
  baseUrl: string;
  /** For letters to users who never chose a language. */
  defaultLocale?: Locale;
}

export type BlockResult = { ok: true } | { ok: false; fault: GovernFault | 'lastAdministrator' | 'already' };

interface Reasoned {
  id: number;
  reason: string;
  now: Date;
}

/** Ends the user's sessions and the invitations they sent with it. Workers ask for blocked owners again and again: that stops the running mailings. */
export async function blockUser(
  { db, letters, baseUrl, defaultLocale = 'en' }: BlockDeps,
  actor: Actor,
  { id, reason, now }: Reasoned,
): Promise<BlockResult> {
  return governUser<BlockResult>(db, actor, 'users.block', id, async (trx, user) => {
    if (user.blocked) return { ok: false, fault: 'already' };
    if (user.role === 'administrator' && !(await hasOtherAdministrator(trx, id)))
      return { ok: false, fault: 'lastAdministrator' };
    await setBlock(trx, id, { by: actor.userId, reason, at: now });
    await endSessions(trx, id);
    await revokeInvitationsBy(trx, actor, id);
    await recordAudit(trx, actor, {
      action: 'user.blocked',
      ownerId: id,
      subject: { type: 'user', id, name: user.email },
      reason,
    });
    await letters.send(writeBlocked(user.locale ?? defaultLocale, user.email, { baseUrl, reason }), trx);
    return { ok: true };
  });
}

/** A session that a sign-in made at the very moment of the block was worth nothing, and shall not come to life now. */
export async function unblockUser(
  { db, letters, baseUrl, defaultLocale = 'en' }: BlockDeps,
  actor: Actor,
  { id, reason }: Omit<Reasoned, 'now'>,
): Promise<BlockResult> {
  return governUser<BlockResult>(db, actor, 'users.block', id, async (trx, user) => {
    if (!user.blocked) return { ok: false, fault: 'already' };
    await clearBlock(trx, id);
    await endSessions(trx, id);
    await recordAudit(trx, actor, {
      action: 'user.unblocked',
      ownerId: id,
      subject: { type: 'user', id, name: user.email },
      reason,
    });
    await letters.send(writeUnblocked(user.locale ?? defaultLocale, user.email, { baseUrl, reason }), trx);
    return { ok: true };
  });
}
