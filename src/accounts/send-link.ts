import type { Transaction } from '../lib/database.js';
import { writeConfirmation, writeRecovery, writeUnfinishedAccount } from './account-letters.js';
import type { Auth } from './auth.js';
import { makeLink } from './one-time-link-store.js';
import type { User } from './user-store.js';

type Addressee = Pick<User, 'id' | 'email' | 'locale'>;

export async function sendConfirmation(trx: Transaction, auth: Auth, user: Addressee): Promise<void> {
  const { token } = await makeLink(trx, { purpose: 'confirmation', userId: user.id, email: user.email });
  const link = `${auth.baseUrl}/confirmation?token=${token}`;
  await auth.letters.send(writeConfirmation(localeOf(auth, user), user.email, link), trx);
}

/** The same link confirms an address that waits for that; the letter says so. */
export async function sendRecovery(
  trx: Transaction,
  auth: Auth,
  user: Addressee & Pick<User, 'isConfirmed'>,
): Promise<void> {
  const { token } = await makeLink(trx, { purpose: 'recovery', userId: user.id, email: user.email });
  const write = user.isConfirmed ? writeRecovery : writeUnfinishedAccount;
  await auth.letters.send(write(localeOf(auth, user), user.email, `${auth.baseUrl}/recovery/new?token=${token}`), trx);
}

/** The language of letters to this user. */
export function localeOf({ defaultLocale = 'en' }: Auth, { locale }: Pick<User, 'locale'>) {
  return locale ?? defaultLocale;
}
