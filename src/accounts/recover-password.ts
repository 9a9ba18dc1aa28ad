import { hashPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import { isUniqueViolation, type Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Origin } from '../ui/view.js';
import { writePasswordChanged } from './account-letters.js';
import { readRefusal, tellBetterAuth, type Auth } from './auth.js';
import { takeEvenTime } from './even-time.js';
import { endLaterReturns, endLinks, findLink, useLink } from './one-time-link-store.js';
import type { LinkAnswer, OneTimeLink } from './one-time-link.js';
import { localeOf, sendRecovery } from './send-link.js';
import { endSessions, forgetPassedSteps } from './session-store.js';
import {
  confirmEmail,
  deleteUnconfirmedUser,
  findUserByEmail,
  findUserById,
  setEmail,
  setPasswordHash,
} from './user-store.js';

/** The second is the way back after a change of the address: it sets a password as well. */
const PURPOSES = ['recovery', 'email_return'] as const;

export type RecoveryResult = { ok: true } | { ok: false; fault: Exclude<LinkAnswer['state'], 'valid'> };

/** Sends a link if there is such a user; an address that waits for its confirmation is confirmed by the same link. */
export async function requestRecovery(auth: Auth, email: string): Promise<void> {
  await takeEvenTime(
    auth.db.transaction().execute(async (trx) => {
      const user = await findUserByEmail(trx, email);
      if (user) await sendRecovery(trx, auth, user);
    }),
  );
}

/** What the link of the letter would do now. */
export async function findRecovery(auth: Auth, token: string): Promise<LinkAnswer> {
  return findLink(auth.db, PURPOSES, token);
}

/** Ends all sessions of the user, and every other link. Who could follow the link has the mailbox: that confirms the address, too. */
export async function setNewPassword(
  auth: Auth,
  token: string,
  newPassword: string,
  origin: Origin,
): Promise<RecoveryResult> {
  const answer = await findRecovery(auth, token);
  if (answer.state !== 'valid') return { ok: false, fault: answer.state };
  const passwordHash = await hashPassword(newPassword);
  try {
    const isSet = await auth.db.transaction().execute((trx) => recover(trx, auth, { token, passwordHash, origin }));
    return isSet ? { ok: true } : { ok: false, fault: 'used' };
  } catch (error) {
    // The address that was to come back is another user's by now.
    if (answer.link.purpose === 'email_return' && isUniqueViolation(error)) return { ok: false, fault: 'expired' };
    throw error;
  }
}

interface Recovery {
  token: string;
  passwordHash: string;
  origin: Origin;
}

/** False where somebody else was faster. */
async function recover(trx: Transaction, auth: Auth, { token, passwordHash, origin }: Recovery): Promise<boolean> {
  const link = await useLink(trx, PURPOSES, token);
  const user = link?.userId && (await findUserById(trx, link.userId));
  if (!link || !user) return false;
  const { id, email: from } = user;
  const { email } = link;
  const actor = { userId: id, name: email, ...origin };
  const subject = { type: 'user', id, name: email } as const;
  if (link.purpose === 'email_return') {
    await giveEmailBack(trx, link, id);
    await recordAudit(trx, actor, { action: 'account.email_changed', subject, details: { from, to: email } });
  } else if (!user.isConfirmed) {
    await confirmEmail(trx, id);
    await recordAudit(trx, actor, { action: 'account.confirmed', subject });
  }
  await setPasswordHash(trx, id, passwordHash);
  await endSessions(trx, id);
  await endLinks(trx, id);
  await recordAudit(trx, actor, { action: 'account.password_changed', subject });
  await auth.letters.send(writePasswordChanged(localeOf(auth, user), email, `${auth.baseUrl}/recovery`), trx);
  return true;
}

async function giveEmailBack(trx: Transaction, link: OneTimeLink, userId: number): Promise<void> {
  await deleteUnconfirmedUser(trx, link.email);
  await setEmail(trx, userId, link.email);
  await endLaterReturns(trx, link);
}

interface PasswordChange {
  headers: Headers;
  locale: Locale;
  actor: Actor;
  currentPassword: string;
  newPassword: string;
}

type PasswordChangeResult = { ok: true; headers: Headers } | { ok: false; fault: 'passwordWrong' };

/** Ends the user's other sessions; `headers` of the result hold the cookie of a new one. */
export async function changePassword(auth: Auth, change: PasswordChange): Promise<PasswordChangeResult> {
  const { headers, locale, actor, ...passwords } = change;
  try {
    const body = { ...passwords, revokeOtherSessions: true };
    const told = tellBetterAuth(auth, headers, actor, true);
    const result = await auth.better.api.changePassword({ body, headers: told, returnHeaders: true });
    await auth.db.transaction().execute((trx) => tellOfPasswordChange(trx, auth, locale, actor));
    return { ok: true, headers: result.headers };
  } catch (error) {
    if (['INVALID_PASSWORD', 'PASSWORD_TOO_LONG'].includes(readRefusal(error)))
      return { ok: false, fault: 'passwordWrong' };
    throw error;
  }
}

async function tellOfPasswordChange(trx: Transaction, auth: Auth, locale: Locale, actor: Actor): Promise<void> {
  const subject = { type: 'user', id: actor.userId, name: actor.name } as const;
  if (actor.userId !== null) {
    await forgetPassedSteps(trx, actor.userId);
    // What somebody asked for who knew the old one.
    await endLinks(trx, actor.userId);
  }
  await recordAudit(trx, actor, { action: 'account.password_changed', subject });
  await auth.letters.send(writePasswordChanged(locale, actor.name, `${auth.baseUrl}/recovery`), trx);
}
