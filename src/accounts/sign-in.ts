import { readRefusal, type Auth } from './auth.js';
import { findUserByEmail } from './user-store.js';

export type SignInResult =
  | { ok: true; headers: Headers }
  | { ok: false; fault: 'wrong' | 'unconfirmed' }
  | { ok: false; fault: 'blocked'; reason: string | null };

/** `headers` of the result hold the session's cookie. Only who knows the password learns more than that something is wrong. */
export async function signIn(auth: Auth, email: string, password: string, userAgent = ''): Promise<SignInResult> {
  try {
    const { headers } = await auth.better.api.signInEmail({
      body: { email, password },
      headers: new Headers({ 'user-agent': userAgent.slice(0, 500) }),
      returnHeaders: true,
    });
    return { ok: true, headers };
  } catch (error) {
    return describeRefusal(auth, email, readRefusal(error));
  }
}

/** Ends the session of the cookie; the result takes it away. */
export async function signOut(auth: Auth, headers: Headers): Promise<Headers> {
  const result = await auth.better.api.signOut({ headers, returnHeaders: true });
  return result.headers;
}

async function describeRefusal(auth: Auth, email: string, code: string): Promise<SignInResult> {
  if (code === 'EMAIL_NOT_VERIFIED') return { ok: false, fault: 'unconfirmed' };
  if (code !== 'USER_BLOCKED') return { ok: false, fault: 'wrong' };
  const user = await findUserByEmail(auth.db, email);
  return { ok: false, fault: 'blocked', reason: user?.blockedReason ?? null };
}
