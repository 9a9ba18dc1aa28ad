import { verifyPassword } from 'better-auth/crypto';

import type { Locale } from '../lib/i18n.js';
import { writeExistingAccount } from './account-letters.js';
import { readRefusal, type Auth } from './auth.js';
import { findPasswordHash, findUserByEmail, type User } from './user-store.js';

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
export async function signUp(auth: Auth, registration: Registration): Promise<void> {
  const existing = await findUserByEmail(auth.db, registration.email);
  if (existing) return remind(auth, existing, registration.password);
  try {
    await auth.better.api.signUpEmail({ body: registration });
  } catch (error) {
    // The same form at the same time, as by a double press, was faster.
    const isTaken =
      readRefusal(error) === 'FAILED_TO_CREATE_USER' && (await findUserByEmail(auth.db, registration.email));
    if (!isTaken) throw error;
  }
}

/** A new confirmation letter, if that address waits for its confirmation; nothing otherwise, in the same time (better-auth: 500 ms). */
export async function sendConfirmationAgain(auth: Auth, email: string): Promise<void> {
  await auth.better.api.sendVerificationEmail({ body: { email } });
}

/**
 * Whoever registered an address first and never confirmed it may not be its owner. A plain confirmation would put that password in
 * force; so only who knows it gets one, and anybody else a link by which the mailbox's owner sets another.
 */
async function remind(auth: Auth, user: User, password: string): Promise<void> {
  const hash = await findPasswordHash(auth.db, user.id);
  const isSame = hash !== undefined && (await verifyPassword({ hash, password }));
  if (user.isConfirmed) {
    const locale = user.locale ?? auth.defaultLocale ?? 'en';
    return auth.letters.send(writeExistingAccount(locale, user.email, `${auth.baseUrl}/recovery`));
  }
  if (isSame) await sendConfirmationAgain(auth, user.email);
  else await auth.better.api.requestPasswordReset({ body: { email: user.email } });
}
