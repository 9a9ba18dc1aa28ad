import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { SystemLetters } from '../lib/system-mail.js';
import { writeInvitation } from './account-letters.js';
import { readRegistration } from './installation-store.js';
import {
  findInvitation,
  giveInvitationLink,
  insertInvitation,
  lockInvitation,
  lockInvitationsBy,
  markInvitation,
} from './invitation-store.js';
import type { Invitation } from './invitation.js';
import { endLink, makeLink } from './one-time-link-store.js';
import { findUserByEmail } from './user-store.js';

/** `Auth` is one. */
export interface InvitationDeps {
  db: Database;
  letters: SystemLetters;
  baseUrl: string;
}

export interface InvitationValues {
  /** In lower case, as `emailForm` gives it. */
  email: string;
  role: Role;
  /** The letter's language. */
  locale: Locale;
}

/** `registrationClosed`: nobody could accept it. */
export type InviteFault = 'userExists' | 'invited' | 'registrationClosed';
export type InviteResult = { ok: true; id: number } | { ok: false; fault: InviteFault };

/** Whether the actor may (`users.invite`) the caller has asked. An address that waits for its confirmation can be invited. */
export async function inviteUser(
  { db, letters, baseUrl }: InvitationDeps,
  actor: Actor,
  { email, role, locale }: InvitationValues,
): Promise<InviteResult> {
  return db.transaction().execute(async (trx): Promise<InviteResult> => {
    if ((await readRegistration(trx)) === 'closed') return { ok: false, fault: 'registrationClosed' };
    const user = await findUserByEmail(trx, email);
    if (user && (user.isConfirmed || user.blocked)) return { ok: false, fault: 'userExists' };
    const id = await insertInvitation(trx, { email, role, locale, invitedBy: actor.userId });
    if (id === undefined) return { ok: false, fault: 'invited' };
    await sendLink(trx, { letters, baseUrl }, actor, { id, email, role, locale });
    await recordAudit(trx, actor, {
      action: 'user.invited',
      subject: { type: 'user', id: null, name: email },
      details: { role },
    });
    return { ok: true, id };
  });
}

/** Sends a new link, for another seven days; the earlier one stops working. False where there is no such open invitation. */
export async function resendInvitation(
  { db, letters, baseUrl }: InvitationDeps,
  actor: Actor,
  id: number,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const invitation = (await lockInvitation(trx, id)) ? await findInvitation(trx, id) : undefined;
    if (!invitation) return false;
    const { email, role } = invitation;
    await sendLink(trx, { letters, baseUrl }, actor, invitation);
    await recordAudit(trx, actor, {
      action: 'user.invited',
      subject: { type: 'user', id: null, name: email },
      details: { role },
    });
    return true;
  });
}

/** Its link stops working. False where there is no such open invitation. */
export async function revokeInvitation(db: Database, actor: Actor, id: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const invitation = (await lockInvitation(trx, id)) ? await findInvitation(trx, id) : undefined;
    if (!invitation) return false;
    await revoke(trx, actor, invitation);
    return true;
  });
}

/** All that a user sent who may invite no more: nobody shall come in by their word. */
export async function revokeInvitationsBy(trx: Transaction, actor: Actor, inviterId: number): Promise<void> {
  for (const id of await lockInvitationsBy(trx, inviterId)) {
    const invitation = await findInvitation(trx, id);
    if (invitation) await revoke(trx, actor, invitation);
  }
}

async function revoke(trx: Transaction, actor: Actor, { id, email, role, linkId }: Invitation): Promise<void> {
  await markInvitation(trx, id, 'revoked_at');
  if (linkId !== null) await endLink(trx, linkId);
  await recordAudit(trx, actor, {
    action: 'user.invitation_revoked',
    subject: { type: 'user', id: null, name: email },
    details: { role },
  });
}

async function sendLink(
  trx: Transaction,
  { letters, baseUrl }: Omit<InvitationDeps, 'db'>,
  actor: Actor,
  { id, email, role, locale }: InvitationValues & { id: number },
): Promise<void> {
  const { id: linkId, token } = await makeLink(trx, { purpose: 'invitation', userId: null, email });
  await giveInvitationLink(trx, id, linkId);
  const link = `${baseUrl}/invitation?token=${token}`;
  await letters.send(writeInvitation(locale, email, { link, inviter: actor.name, role }), trx);
}
