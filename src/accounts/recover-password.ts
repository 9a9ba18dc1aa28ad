import { setTimeout as wait } from 'node:timers/promises';

import type { Locale } from '../lib/i18n.js';
import { writePasswordChanged } from './account-letters.js';
import { readRefusal, type Auth } from './auth.js';

/** Longer than the work takes for a known address, so that the time tells nothing. */
const SHORTEST_ANSWER_MS = 150;
/** better-auth looks up any text, also what PostgreSQL takes for none (a zero byte). */
const TOKEN_SHAPE = /^[A-Za-z0-9]{1,64}$/;

/** Sends a link if there is such a user; an address that waits for its confirmation is confirmed by the same link. */
export async function requestRecovery(auth: Auth, email: string): Promise<void> {
  await Promise.all([auth.better.api.requestPasswordReset({ body: { email } }), wait(SHORTEST_ANSWER_MS)]);
}

export async function isRecoveryToken(auth: Auth, token: string): Promise<boolean> {
  if (!TOKEN_SHAPE.test(token)) return false;
  const { internalAdapter } = await auth.better.$context;
  const verification = await internalAdapter.findVerificationValue(`reset-password:${token}`);
  return verification !== null && verification.expiresAt > new Date();
}

/** Ends all sessions of the user. False where the link was used, is too old or incomplete. */
export async function setNewPassword(auth: Auth, token: string, newPassword: string): Promise<boolean> {
  if (!TOKEN_SHAPE.test(token)) return false;
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
  locale: Locale;
  currentPassword: string;
  newPassword: string;
}

type PasswordChangeResult = { ok: true; headers: Headers } | { ok: false; fault: 'passwordWrong' };

/** Ends the user's other sessions; `headers` of the result hold the cookie of a new one. */
export async function changePassword(auth: Auth, change: PasswordChange): Promise<PasswordChangeResult> {
  const { headers, locale, ...passwords } = change;
  try {
    const body = { ...passwords, revokeOtherSessions: true };
    const result = await auth.better.api.changePassword({ body, headers, returnHeaders: true });
    await auth.letters.send(writePasswordChanged(locale, result.response.user.email, `${auth.baseUrl}/recovery`));
    return { ok: true, headers: result.headers };
  } catch (error) {
    if (readRefusal(error) === 'INVALID_PASSWORD') return { ok: false, fault: 'passwordWrong' };
    throw error;
  }
}
