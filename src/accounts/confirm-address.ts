import { recordAudit } from '../audit/audit-store.js';
import type { Origin } from '../ui/view.js';
import type { Auth } from './auth.js';
import { closeInvitationsTo } from './invitation-store.js';
import { findLink, useLink } from './one-time-link-store.js';
import { confirmEmail, findUserById } from './user-store.js';

export type ConfirmationResult =
  | { ok: true; email: string }
  | { ok: false; fault: 'used' | 'expired'; email: string }
  | { ok: false; fault: 'mangled' };

const PURPOSES = ['confirmation'] as const;

/** `used` wherever the address is confirmed by now, also by another link: there is nothing left to do. */
export async function confirmAddress(auth: Auth, token: string, origin: Origin): Promise<ConfirmationResult> {
  return auth.db.transaction().execute(async (trx): Promise<ConfirmationResult> => {
    const used = await useLink(trx, PURPOSES, token);
    const answer = used ? { link: used } : await findLink(trx, PURPOSES, token);
    if (!('link' in answer) || answer.link.userId === null) return { ok: false, fault: 'mangled' };
    const { userId, email } = answer.link;
    if ((await findUserById(trx, userId))?.isConfirmed) return { ok: false, fault: 'used', email };
    if (!used) return { ok: false, fault: 'expired', email };
    await confirmEmail(trx, userId);
    await closeInvitationsTo(trx, email);
    const actor = { userId, name: email, ...origin };
    await recordAudit(trx, actor, { action: 'account.confirmed', subject: { type: 'user', id: userId, name: email } });
    return { ok: true, email };
  });
}
