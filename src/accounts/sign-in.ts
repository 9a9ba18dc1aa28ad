import { recordAudit } from '../audit/audit-store.js';
import type { Origin } from '../ui/view.js';
import { readRefusal, readSessionKey, tellBetterAuth, type Auth } from './auth.js';
import { endSessionByKey, sweepSessions } from './session-store.js';
import { allowSignIn } from './throttle.js';
import { findPasswordHash, findUserByEmail, findUserById, lockPasswordHash, markSeen } from './user-store.js';

const MAX_EMAIL = 254;

/** Where it comes from, and what its browser brought along. */
export interface SignInRequest {
  headers: Headers;
  origin: Origin;
}

interface SignInAttempt extends SignInRequest {
  email: string;
  password: string;
  /** For 30 days; otherwise until the browser is closed, and no longer than a day. */
  isRemembered?: boolean;
}

export type SignInRefusal =
  | { ok: false; fault: 'wrong' | 'unconfirmed' }
  | { ok: false; fault: 'blocked'; reason: string | null }
  | { ok: false; fault: 'throttled'; seconds: number };

type RefusalFault = SignInRefusal['fault'] | 'code';

/** `headers` hold the cookies: of the session, or where `needsCode`, of a sign-in that waits for the second factor. */
export type SignInResult = { ok: true; needsCode: boolean; headers: Headers } | SignInRefusal;

/** Only who knows the password learns more than that something is wrong. A session is always a new one. */
export async function signIn(auth: Auth, attempt: SignInAttempt): Promise<SignInResult> {
  const { origin } = attempt;
  // What was typed may be anything: for PostgreSQL, and for the people who read the log.
  const email = attempt.email.replaceAll(/\p{Cc}/gu, '').slice(0, MAX_EMAIL);
  const allowance = await allowSignIn(auth, email, origin);
  if (!allowance.ok) {
    // Once in a window: a flood of tries is no flood of entries.
    if (allowance.isFirst) await recordRefusal(auth, email, origin, 'throttled');
    return { ok: false, fault: 'throttled', seconds: allowance.seconds };
  }
  const result = await checkUnchangedPassword(auth, email, attempt);
  if (!result.ok) {
    await recordRefusal(auth, email, origin, result.fault);
    return result;
  }
  await allowance.refund();
  if (!result.needsCode) await recordSignIn(auth, result.userId, attempt);
  return result;
}

/** After everything was right: the session that the browser brought along is over. */
export async function recordSignIn(auth: Auth, userId: number, { headers, origin }: SignInRequest): Promise<void> {
  const brought = readSessionKey(auth, headers);
  await auth.db.transaction().execute(async (trx) => {
    if (brought !== undefined) await endSessionByKey(trx, brought);
    await sweepSessions(trx, userId);
    await markSeen(trx, userId);
    const user = await findUserById(trx, userId);
    const subject = { type: 'user' as const, id: userId, name: user?.email ?? '' };
    await recordAudit(trx, { userId, name: subject.name, ...origin }, { action: 'session.started', subject });
  });
}

export async function recordRefusal(auth: Auth, email: string, origin: Origin, fault: RefusalFault): Promise<void> {
  const user = await findUserByEmail(auth.db, email);
  await recordAudit(
    auth.db,
    { userId: null, name: email, ...origin },
    {
      action: 'session.refused',
      ...(user && { subject: { type: 'user', id: user.id, name: user.email } }),
      details: { because: fault },
    },
  );
}

/** Ends the session of the cookies; the result takes them away. */
export async function signOut(auth: Auth, { headers, origin }: SignInRequest): Promise<Headers> {
  const key = readSessionKey(auth, headers);
  if (key !== undefined) {
    await auth.db.transaction().execute(async (trx) => {
      const userId = await endSessionByKey(trx, key);
      const user = userId === undefined ? undefined : await findUserById(trx, userId);
      if (!user) return;
      const subject = { type: 'user' as const, id: user.id, name: user.email };
      await recordAudit(trx, { userId: user.id, name: user.email, ...origin }, { action: 'session.ended', subject });
    });
  }
  return dropCookies(auth, headers);
}

/** The cookies of a session that is over. */
export async function dropCookies(auth: Auth, headers: Headers): Promise<Headers> {
  const result = await auth.better.api.signOut({ headers, returnHeaders: true });
  return result.headers;
}

type Checked = { ok: true; needsCode: boolean; headers: Headers; userId: number } | SignInRefusal;

/**
 * A password takes a while to check, and can be changed meanwhile; what ended the sessions then did not see the one that is made here.
 * The lock waits until such a change is done.
 */
async function checkUnchangedPassword(auth: Auth, email: string, attempt: SignInAttempt): Promise<Checked> {
  const userId = (await findUserByEmail(auth.db, email))?.id ?? 0;
  const hash = await findPasswordHash(auth.db, userId);
  const result = await checkPassword(auth, attempt);
  if (!result.ok || (await lockPasswordHash(auth.db, userId)) === hash) return result;
  await endSessionOf(auth, result.headers);
  return { ok: false, fault: 'wrong' };
}

/** The one that was made for these cookies, which nobody gets. */
async function endSessionOf(auth: Auth, headers: Headers): Promise<void> {
  const cookie = headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
  const key = readSessionKey(auth, new Headers({ cookie: cookie.join('; ') }));
  if (key !== undefined) await auth.db.transaction().execute((trx) => endSessionByKey(trx, key));
}

async function checkPassword(auth: Auth, attempt: SignInAttempt): Promise<Checked> {
  const { email, password, isRemembered = false, headers, origin } = attempt;
  try {
    const result = await auth.better.api.signInEmail({
      body: { email, password, rememberMe: isRemembered },
      headers: tellBetterAuth(auth, headers, origin, false),
      returnHeaders: true,
    });
    const needsCode = !('user' in result.response);
    const userId = needsCode ? 0 : Number(result.response.user.id);
    return { ok: true, needsCode, headers: result.headers, userId };
  } catch (error) {
    return describeRefusal(auth, email, readRefusal(error));
  }
}

async function describeRefusal(auth: Auth, email: string, code: string): Promise<SignInRefusal> {
  switch (code) {
    case 'INVALID_EMAIL_OR_PASSWORD':
    case 'INVALID_EMAIL':
    case 'PASSWORD_TOO_LONG':
      return { ok: false, fault: 'wrong' };
    case 'EMAIL_NOT_VERIFIED':
      return { ok: false, fault: 'unconfirmed' };
    case 'USER_BLOCKED': {
      const user = await findUserByEmail(auth.db, email);
      return { ok: false, fault: 'blocked', reason: user?.blockedReason ?? null };
    }
    default:
      throw new Error(`better-auth refused a sign-in: ${code}`);
  }
}
