import { verifyPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import { isUniqueViolation, type Transaction } from '../lib/database.js';
import type { SignedInUser } from '../ui/view.js';
import { writeEmailChange, writeEmailChangeAsked, writeEmailChanged, writeEmailTaken } from './account-letters.js';
import type { Auth } from './auth.js';
import { closeInvitationsTo } from './invitation-store.js';
import { endLinks, findLink, makeLink, useLink } from './one-time-link-store.js';
import type { LinkAnswer } from './one-time-link.js';
import { localeOf } from './send-link.js';
import { mayReceiveLetter } from './throttle.js';
import { deleteUnconfirmedUser, findPasswordHash, findUserByEmail, setEmail } from './user-store.js';

const PURPOSES = ['email_change'] as const;

interface EmailChange {
  currentPassword: string;
  newEmail: string;
}

type RequestResult = { ok: true } | { ok: false; fault: 'passwordWrong' | 'emailSame' };

/** `taken`: the address became another user's after the link was sent. */
export type EmailChangeFault = Exclude<LinkAnswer['state'], 'valid'> | 'taken';
export type EmailChangeResult = { ok: true; email: string } | { ok: false; fault: EmailChangeFault };

/**
 * Changes nothing yet: the new address gets a link, the old one a word of warning. An address that is another user's is answered
 * alike, with the same work: its owner is told, and the link that is made reaches nobody. A later request ends an earlier one.
 */
export async function requestEmailChange(
  auth: Auth,
  user: SignedInUser,
  { currentPassword, newEmail }: EmailChange,
): Promise<RequestResult> {
  const hash = await findPasswordHash(auth.db, user.id);
  if (hash === undefined || !(await verifyPassword({ hash, password: currentPassword }))) {
    return { ok: false, fault: 'passwordWrong' };
  }
  if (newEmail === user.email) return { ok: false, fault: 'emailSame' };
  // Whoever has had their letters gets no more, whoever asks.
  if (!(await mayReceiveLetter(auth, 'email change', newEmail))) return { ok: true };
  await auth.db.transaction().execute((trx) => sendLetters(trx, auth, user, newEmail));
  return { ok: true };
}

/** Of this user: to anybody else the link is unknown. A mistyped address gives nobody the account. */
export async function findEmailChange(auth: Auth, userId: number, token: string): Promise<LinkAnswer> {
  const answer = await findLink(auth.db, PURPOSES, token);
  return answer.state !== 'unknown' && answer.link.userId === userId ? answer : { state: 'unknown' };
}

export async function changeEmail(
  auth: Auth,
  user: SignedInUser,
  token: string,
  actor: Actor,
): Promise<EmailChangeResult> {
  const answer = await findEmailChange(auth, user.id, token);
  if (answer.state !== 'valid') return { ok: false, fault: answer.state };
  const { email } = answer.link;
  try {
    const isChanged = await auth.db.transaction().execute(async (trx) => {
      if (!(await useLink(trx, PURPOSES, token))) return false;
      await replaceEmail(trx, auth, user, email);
      const details = { from: user.email, to: email };
      const subject = { type: 'user', id: user.id, name: email } as const;
      await recordAudit(trx, actor, { action: 'account.email_changed', subject, details });
      return true;
    });
    return isChanged ? { ok: true, email } : { ok: false, fault: 'used' };
  } catch (error) {
    if (isUniqueViolation(error)) return { ok: false, fault: 'taken' };
    throw error;
  }
}

async function sendLetters(trx: Transaction, auth: Auth, user: SignedInUser, newEmail: string): Promise<void> {
  const { baseUrl, letters } = auth;
  const owner = await findUserByEmail(trx, newEmail);
  const { token } = await makeLink(trx, { purpose: 'email_change', userId: user.id, email: newEmail });
  const letter = owner?.isConfirmed
    ? writeEmailTaken(localeOf(auth, owner), newEmail, { baseUrl })
    : writeEmailChange(localeOf(auth, user), newEmail, `${baseUrl}/email-change?token=${token}`);
  await letters.send(letter, trx);
  await letters.send(writeEmailChangeAsked(localeOf(auth, user), user.email, { baseUrl, newEmail }), trx);
}

/** The old address gets a way back. Links that were sent to it before end, since it is not the user's any more. */
async function replaceEmail(trx: Transaction, auth: Auth, user: SignedInUser, newEmail: string): Promise<void> {
  await deleteUnconfirmedUser(trx, newEmail);
  await setEmail(trx, user.id, newEmail);
  await endLinks(trx, user.id);
  await closeInvitationsTo(trx, newEmail);
  const { token } = await makeLink(trx, { purpose: 'email_return', userId: user.id, email: user.email });
  const link = `${auth.baseUrl}/recovery/new?token=${token}`;
  await auth.letters.send(writeEmailChanged(localeOf(auth, user), user.email, { link, newEmail }), trx);
}
