import { recordAudit } from '../audit/audit-store.js';
import type { Locale } from '../lib/i18n.js';
import type { Origin, SignedInUser } from '../ui/view.js';
import { writeSecondFactorDisabled, writeSecondFactorEnabled } from './account-letters.js';
import { readRefusal, tellBetterAuth, type Auth } from './auth.js';
import { readKey, readTypedCode } from './second-factor-code.js';
import { hasSecondFactor } from './second-factor-store.js';
import { forgetPassedSteps } from './session-store.js';
import { allowOwnPassword } from './throttle.js';

/* Turning the second factor on and off, by who is signed in. Better-auth keeps the key and the recovery codes, encrypted. */

export interface Owner {
  user: SignedInUser;
  locale: Locale;
  headers: Headers;
  origin: Origin;
}

export type SecondFactorRefusal =
  | { ok: false; fault: 'passwordWrong' | 'codeWrong' | 'changed' }
  | { ok: false; fault: 'throttled'; seconds: number };

/** How many recovery codes are left; undefined while it is off. */
export async function countRecoveryCodes(auth: Auth, userId: number): Promise<number | undefined> {
  if (!(await hasSecondFactor(auth.db, userId))) return undefined;
  return (await readRecoveryCodes(auth, userId)).length;
}

/** Lays a new key ready. It asks for nothing until a first code has shown that the app has it. */
export async function beginSecondFactor(
  auth: Auth,
  owner: Owner,
  password: string,
): Promise<{ ok: true; key: string } | SecondFactorRefusal> {
  return withPassword(auth, owner, async (headers) => {
    const enabled = await auth.better.api.enableTwoFactor({ body: { password, method: 'totp' }, headers });
    return { ok: true, key: 'totpURI' in enabled ? readKey(enabled.totpURI) : '' };
  });
}

/** `headers` hold the cookie of the session, which is a new one now. */
export async function confirmSecondFactor(
  auth: Auth,
  owner: Owner,
  typed: string,
): Promise<{ ok: true; headers: Headers; recoveryCodes: string[] } | SecondFactorRefusal> {
  const { user } = owner;
  if (await hasSecondFactor(auth.db, user.id)) return { ok: false, fault: 'changed' };
  return withPassword(auth, owner, async (told) => {
    const code = readTypedCode(typed)?.code ?? '-';
    const { headers } = await auth.better.api.verifyTOTP({ body: { code }, headers: told, returnHeaders: true });
    await record(auth, owner, 'account.second_factor_enabled');
    return { ok: true, headers, recoveryCodes: await readRecoveryCodes(auth, user.id) };
  });
}

export async function disableSecondFactor(
  auth: Auth,
  owner: Owner,
  password: string,
): Promise<{ ok: true; headers: Headers } | SecondFactorRefusal> {
  if (!(await hasSecondFactor(auth.db, owner.user.id))) return { ok: false, fault: 'changed' };
  return withPassword(auth, owner, async (told) => {
    const { headers } = await auth.better.api.disableTwoFactor({
      body: { password },
      headers: told,
      returnHeaders: true,
    });
    await record(auth, owner, 'account.second_factor_disabled');
    return { ok: true, headers };
  });
}

/** The old ones end. */
export async function renewRecoveryCodes(
  auth: Auth,
  owner: Owner,
  password: string,
): Promise<{ ok: true; recoveryCodes: string[] } | SecondFactorRefusal> {
  return withPassword(auth, owner, async (headers) => {
    const { backupCodes } = await auth.better.api.generateBackupCodes({ body: { password }, headers });
    return { ok: true, recoveryCodes: backupCodes };
  });
}

/** Every wrong password, and wrong code, of who is signed in counts. */
async function withPassword<T extends { ok: true }>(
  auth: Auth,
  { user, headers, origin }: Owner,
  action: (told: Headers) => Promise<T>,
): Promise<T | SecondFactorRefusal> {
  const allowance = await allowOwnPassword(auth, user.id);
  if (!allowance.ok) return { ok: false, fault: 'throttled', seconds: allowance.seconds };
  try {
    const result = await action(tellBetterAuth(auth, headers, origin, true));
    await allowance.refund();
    return result;
  } catch (error) {
    return describeRefusal(readRefusal(error));
  }
}

function describeRefusal(code: string): SecondFactorRefusal {
  switch (code) {
    case 'INVALID_PASSWORD':
    case 'PASSWORD_TOO_LONG':
      return { ok: false, fault: 'passwordWrong' };
    case 'INVALID_CODE':
      return { ok: false, fault: 'codeWrong' };
    // Another tab has turned it on or off meanwhile, or ended this session.
    case 'TOTP_ALREADY_ENABLED':
    case 'TOTP_NOT_ENABLED':
    case 'TWO_FACTOR_NOT_ENABLED':
    case 'UNAUTHORIZED':
      return { ok: false, fault: 'changed' };
    default:
      throw new Error(`better-auth refused a change of the second factor: ${code}`);
  }
}

async function readRecoveryCodes(auth: Auth, userId: number): Promise<string[]> {
  const { backupCodes } = await auth.better.api.viewBackupCodes({ body: { userId: String(userId) } });
  return backupCodes;
}

type Change = 'account.second_factor_enabled' | 'account.second_factor_disabled';

async function record(auth: Auth, { user, locale, origin }: Owner, action: Change): Promise<void> {
  const write = action === 'account.second_factor_enabled' ? writeSecondFactorEnabled : writeSecondFactorDisabled;
  await auth.db.transaction().execute(async (trx) => {
    await forgetPassedSteps(trx, user.id);
    const subject = { type: 'user' as const, id: user.id, name: user.email };
    await recordAudit(trx, { userId: user.id, name: user.email, ...origin }, { action, subject });
    await auth.letters.send(write(locale, user.email, auth), trx);
  });
}
