import { APIError } from 'better-auth/api';

import { readAuthCookie, readRefusal, tellBetterAuth, type Auth } from './auth.js';
import { readTypedCode, type TypedCode } from './second-factor-code.js';
import { findLockedUntil } from './second-factor-store.js';
import { recordRefusal, recordSignIn, type SignInRequest } from './sign-in.js';
import { allowCode, isFirstUse } from './throttle.js';
import { findUserById, type User } from './user-store.js';

/*
 * The second step of signing in. Better-auth remembers for ten minutes, by a cookie, whose password was right; there is no session
 * until the code is right, too. After five wrong codes it forgets, and after ten in a row an account takes no code for a quarter of
 * an hour, from anywhere: who comes so far knows the password.
 */

interface CodeAttempt extends SignInRequest {
  /** As it was typed. */
  code: string;
  /** No code is asked of this browser for 30 days. */
  isTrusted: boolean;
}

export type CodeResult =
  | { ok: true; headers: Headers }
  | { ok: false; fault: 'wrong' }
  | { ok: false; fault: 'throttled'; seconds: number }
  /** It waits for no code, any more: sign in again. */
  | { ok: false; fault: 'over' };

/** Whose password was right in this browser a moment ago. */
export async function findWaitingUser(auth: Auth, headers: Headers): Promise<User | undefined> {
  const challenge = readAuthCookie(auth, headers, 'two_factor');
  if (challenge === undefined) return undefined;
  const { internalAdapter } = await auth.better.$context;
  const verification = await internalAdapter.findVerificationValue(challenge);
  if (!verification || verification.expiresAt <= new Date()) return undefined;
  return findUserById(auth.db, Number(verification.value));
}

export async function confirmCode(auth: Auth, attempt: CodeAttempt): Promise<CodeResult> {
  const { origin } = attempt;
  const user = await findWaitingUser(auth, attempt.headers);
  if (!user) return { ok: false, fault: 'over' };
  const allowance = await allowCode(auth, origin);
  if (!allowance.ok) {
    if (allowance.isFirst) await recordRefusal(auth, user.email, origin, 'throttled');
    return { ok: false, fault: 'throttled', seconds: allowance.seconds };
  }
  const result = await check(auth, user, attempt);
  if (!result.ok) {
    await recordRefusal(auth, user.email, origin, 'code');
    return result;
  }
  await allowance.refund();
  await recordSignIn(auth, user.id, attempt);
  return result;
}

async function check(
  auth: Auth,
  user: User,
  { code: typed, isTrusted, headers, origin }: CodeAttempt,
): Promise<CodeResult> {
  const code = readTypedCode(typed);
  const isFresh = code?.kind !== 'app' || (await isFirstUse(auth, user.id, code.code));
  try {
    // What cannot be right is counted as a wrong one is.
    const checked: TypedCode = code && isFresh ? code : { kind: 'app', code: '-' };
    const verify = checked.kind === 'app' ? auth.better.api.verifyTOTP : auth.better.api.verifyBackupCode;
    const result = await verify({
      body: { code: checked.code, trustDevice: isTrusted },
      headers: tellBetterAuth(auth, headers, origin, false),
      returnHeaders: true,
    });
    return { ok: true, headers: result.headers };
  } catch (error) {
    // Somebody used the same recovery code at the same time.
    if (error instanceof APIError && error.status === 'CONFLICT') return { ok: false, fault: 'wrong' };
    return describeRefusal(auth, user, readRefusal(error));
  }
}

async function describeRefusal(auth: Auth, user: User, code: string): Promise<CodeResult> {
  switch (code) {
    case 'INVALID_CODE':
    case 'INVALID_BACKUP_CODE':
      return { ok: false, fault: 'wrong' };
    case 'ACCOUNT_TEMPORARILY_LOCKED':
      return { ok: false, fault: 'throttled', seconds: await readLock(auth, user.id) };
    case 'TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE':
    case 'INVALID_TWO_FACTOR_COOKIE':
    // Turned off, or blocked, while it waited: the sign-in says so.
    case 'TOTP_NOT_ENABLED':
    case 'BACKUP_CODES_NOT_ENABLED':
    case 'USER_BLOCKED':
      return { ok: false, fault: 'over' };
    default:
      throw new Error(`better-auth refused a code: ${code}`);
  }
}

async function readLock(auth: Auth, userId: number): Promise<number> {
  const until = await findLockedUntil(auth.db, userId);
  return Math.max(1, Math.ceil(((until?.getTime() ?? 0) - Date.now()) / 1000));
}
