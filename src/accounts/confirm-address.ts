import { z } from 'zod';

import { readRefusal, type Auth } from './auth.js';
import { findUserByEmail } from './user-store.js';

export type ConfirmationResult =
  | { ok: true; email: string }
  | { ok: false; fault: 'used' | 'expired'; email: string }
  | { ok: false; fault: 'mangled' };

const payload = z.object({ email: z.string() });

/** The token is better-auth's: a signed JWT that holds the address. */
export async function confirmAddress(auth: Auth, token: string): Promise<ConfirmationResult> {
  const email = readEmail(token);
  if (email === undefined) return { ok: false, fault: 'mangled' };
  const user = await findUserByEmail(auth.db, email);
  try {
    await auth.better.api.verifyEmail({ query: { token } });
  } catch (error) {
    // The signature is checked before the time, so that the address of an expired token is a true one.
    return readRefusal(error) === 'TOKEN_EXPIRED'
      ? { ok: false, fault: 'expired', email }
      : { ok: false, fault: 'mangled' };
  }
  return user?.isConfirmed ? { ok: false, fault: 'used', email } : { ok: true, email };
}

/** What the token says; whether that is true better-auth tells. */
function readEmail(token: string): string | undefined {
  try {
    return payload.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).email;
  } catch {
    return undefined;
  }
}
