import { hashPassword, verifyPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Locale } from '../lib/i18n.js';
import type { Origin } from '../ui/view.js';
import { writeExistingAccount } from './account-letters.js';
import type { Auth } from './auth.js';
import { takeEvenTime } from './even-time.js';
import { localeOf, sendConfirmation, sendRecovery } from './send-link.js';
import { findPasswordHash, findUserByEmail, insertUser, type User } from './user-store.js';

interface Registration {
  name: string;
  email: string;
  password: string;
  timeZone: string;
  locale: Locale;
}

/**
 * Registers, or writes to who has that address already. The caller learns nothing of the difference, and it takes about as long:
 * one scrypt and one queued letter either way.
 */
export async function signUp(auth: Auth, registration: Registration, origin: Origin): Promise<void> {
  await takeEvenTime(addOrRemind(auth, registration, origin));
}

/** A new confirmation letter, if that address waits for its confirmation; nothing otherwise, in the same time. */
export async function sendConfirmationAgain(auth: Auth, email: string): Promise<void> {
  await takeEvenTime(
    auth.db.transaction().execute(async (trx) => {
      const user = await findUserByEmail(trx, email);
      if (user && !user.isConfirmed) await sendConfirmation(trx, auth, user);
    }),
  );
}

async function addOrRemind(auth: Auth, registration: Registration, origin: Origin): Promise<void> {
  const existing = await findUserByEmail(auth.db, registration.email);
  if (existing) return remind(auth, existing, registration.password);
  if (await addUser(auth, registration, origin)) return;
  // The same form at the same time, as by a double press, was faster.
  const winner = await findUserByEmail(auth.db, registration.email);
  if (winner) await remind(auth, winner, registration.password);
}

/** False when the address was taken meanwhile. */
async function addUser(auth: Auth, { password, ...registration }: Registration, origin: Origin): Promise<boolean> {
  const passwordHash = await hashPassword(password);
  return auth.db.transaction().execute(async (trx) => {
    const { email, locale } = registration;
    const id = await insertUser(trx, { ...registration, passwordHash, role: 'user', isConfirmed: false });
    if (id === undefined) return false;
    await sendConfirmation(trx, auth, { id, email, locale });
    const actor = { userId: id, name: email, ...origin };
    await recordAudit(trx, actor, { action: 'account.registered', subject: { type: 'user', id, name: email } });
    return true;
  });
}

/**
 * Whoever registered an address first and never confirmed it may not be its owner. A plain confirmation would put that password in
 * force; so only who knows it gets one, and anybody else a link by which the mailbox's owner sets another.
 */
async function remind(auth: Auth, user: User, password: string): Promise<void> {
  const hash = await findPasswordHash(auth.db, user.id);
  const isSame = hash !== undefined && (await verifyPassword({ hash, password }));
  if (user.isConfirmed) {
    return auth.letters.send(writeExistingAccount(localeOf(auth, user), user.email, `${auth.baseUrl}/recovery`));
  }
  const send = isSame ? sendConfirmation : sendRecovery;
  await auth.db.transaction().execute((trx) => send(trx, auth, user));
}
