import { hashPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Origin } from '../ui/view.js';
import { readRegistration } from './installation-store.js';
import { findInvitationOfLink, lockInvitation, markInvitation } from './invitation-store.js';
import type { Invitation } from './invitation.js';
import { findLink, useLink } from './one-time-link-store.js';
import type { LinkAnswer } from './one-time-link.js';
import { deleteUnconfirmedUser, insertUser } from './user-store.js';

const PURPOSES = ['invitation'] as const;

export type InvitationFault = Exclude<LinkAnswer['state'], 'valid'> | 'closed' | 'userExists';
export type InvitationAnswer = { ok: true; invitation: Invitation } | { ok: false; fault: InvitationFault };

interface Newcomer {
  name: string;
  password: string;
  timeZone: string;
  locale: Locale;
}

/** What the link of the letter would do now. */
export async function readInvitation(db: Database | Transaction, token: string): Promise<InvitationAnswer> {
  const answer = await findLink(db, PURPOSES, token);
  if (answer.state !== 'valid') return { ok: false, fault: answer.state };
  const invitation = await findInvitationOfLink(db, answer.link.id);
  if (!invitation) return { ok: false, fault: 'expired' };
  return (await readRegistration(db)) === 'closed' ? { ok: false, fault: 'closed' } : { ok: true, invitation };
}

/** Makes a user with the address and the role of the invitation; both come from there and nowhere else. */
export async function acceptInvitation(
  db: Database,
  token: string,
  newcomer: Newcomer,
  origin: Origin,
): Promise<InvitationAnswer> {
  const answer = await readInvitation(db, token);
  if (!answer.ok) return answer;
  const passwordHash = await hashPassword(newcomer.password);
  return db.transaction().execute(async (trx): Promise<InvitationAnswer> => {
    // Read again behind the lock: it may be accepted, revoked or sent again meanwhile.
    await lockInvitation(trx, answer.invitation.id);
    const current = await readInvitation(trx, token);
    if (!current.ok) return current;
    await useLink(trx, PURPOSES, token);
    return insertInvited(trx, current.invitation, { ...newcomer, passwordHash }, origin);
  });
}

async function insertInvited(
  trx: Transaction,
  invitation: Invitation,
  { name, passwordHash, timeZone, locale }: Newcomer & { passwordHash: string },
  origin: Origin,
): Promise<InvitationAnswer> {
  const { id: invitationId, email, role } = invitation;
  await deleteUnconfirmedUser(trx, email);
  const id = await insertUser(trx, { email, role, name, passwordHash, timeZone, locale });
  // Whose address it is has become a user in another way: nothing is left to accept.
  await markInvitation(trx, invitationId, id === undefined ? 'revoked_at' : 'accepted_at');
  if (id === undefined) return { ok: false, fault: 'userExists' };
  const actor = { userId: id, name: email, ...origin };
  await recordAudit(trx, actor, {
    action: 'account.registered',
    subject: { type: 'user', id, name: email },
    details: { role },
  });
  return { ok: true, invitation };
}
