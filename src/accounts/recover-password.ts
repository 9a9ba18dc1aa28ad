import { setTimeout as wait } from 'node:timers/promises';

import { writePasswordChanged } from './account-letters.js';
import { readRefusal, type Auth } from './auth.js';

/** Longer than the work takes for a known address, so that the time tells nothing. */
const SHORTEST_ANSWER_MS = 150;

/** Sends a link if there is such a user; an address that waits for its confirmation is confirmed by the same link. */
export async function requestRecovery(auth: Auth, email: string): Promise<void> {
  await Promise.all([auth.better.api.requestPasswordReset({ body: { email } }), wait(SHORTEST_ANSWER_MS)]);
}

export async function isRecoveryToken(auth: Auth, token: string): Promise<boolean> {
  const { internalAdapter } = await auth.better.$context;
  const verification = await internalAdapter.findVerificationValue(`reset-password:${token}`);
  return verification !== null && verification.expiresAt > new Date();
}

/** Ends all sessions of the user. False where the link was used, is too old or incomplete. */
export async function setNewPassword(auth: Auth, token: string, newPassword: string): Promise<boolean> {
  try {
    await auth.better.api.resetPassword({ body: { newPassword, token } });
    return true;
  } catch (error) {
    const refusal = readRefusal(error);
    if (refusal === 'INVALID_TOKEN' || refusal === 'USER_NOT_FOUND') return false;
    throw error;
  }
}

interface PasswordChange {
  headers: Headers;
  currentPassword: string;
  newPassword: string;
}

type PasswordChangeResult = { ok: true; headers: Headers } | { ok: false; fault: 'passwordWrong' };

/** Ends the user's other sessions; `headers` of the result hold the cookie of a new one. */
export async function changePassword(auth: Auth, change: PasswordChange): Promise<PasswordChangeResult> {
  const { headers, ...passwords } = change;
  try {
    const body = { ...passwords, revokeOtherSessions: true };
    const result = await auth.better.api.changePassword({ body, headers, returnHeaders: true });
    const { user } = result.response;
    const locale = user.locale === 'ru' || user.locale === 'en' ? user.locale : (auth.defaultLocale ?? 'en');
    await auth.letters.send(writePasswordChanged(locale, user.email, `${auth.baseUrl}/recovery`));
    return { ok: true, headers: result.headers };
  } catch (error) {
    if (readRefusal(error) === 'INVALID_PASSWORD') return { ok: false, fault: 'passwordWrong' };
    throw error;
  }
}
