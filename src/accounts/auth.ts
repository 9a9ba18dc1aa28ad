import { createHmac, timingSafeEqual } from 'node:crypto';

import { betterAuth } from 'better-auth';
import { APIError } from 'better-auth/api';
import { parse } from 'hono/utils/cookie';

import type { Database } from '../lib/database.js';
import { isLocale, type Locale } from '../lib/i18n.js';
import type { Log } from '../lib/log.js';
import type { SystemLetters } from '../lib/system-mail.js';
import type { SignedInUser } from '../ui/view.js';
import { writeConfirmation, writePasswordChanged, writeRecovery, writeUnfinishedAccount } from './account-letters.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import { confirmEmail, findSessionUser, findUserById } from './user-store.js';

export interface AuthDeps {
  db: Database;
  secret: string;
  baseUrl: string;
  letters: SystemLetters;
  /** Cookies for https only; by the protocol of `baseUrl` unless told. */
  secureCookies?: boolean;
  /** For letters to users who never chose a language. */
  defaultLocale?: Locale;
  log?: Log;
}

/** better-auth's functions, and what the rest of the feature needs beside them. Its own HTTP routes are not mounted. */
export interface Auth extends AuthDeps {
  better: BetterAuth;
  sessionCookie: string;
  isSecure: boolean;
}

export const CONFIRMATION_HOURS = 24;
export const RECOVERY_MINUTES = 60;
const SESSION_DAYS = 30;
const COOKIE_PREFIX = 'vestnik';

export function createAuth(deps: AuthDeps): Auth {
  const isSecure = deps.secureCookies ?? deps.baseUrl.startsWith('https:');
  const sessionCookie = `${isSecure ? '__Secure-' : ''}${COOKIE_PREFIX}.session_token`;
  return { ...deps, isSecure, sessionCookie, better: configure(deps, isSecure) };
}

/**
 * Who is signed in, by one statement: a blocked user or an ended session counts from the next request on. The cookie is
 * better-auth's: `token.signature`, signed by HMAC-SHA256.
 */
export async function readUser(auth: Auth, headers: Headers): Promise<SignedInUser | null> {
  const cookie = parse(headers.get('cookie') ?? '', auth.sessionCookie)[auth.sessionCookie];
  const token = cookie === undefined ? undefined : readSignedToken(cookie, auth.secret);
  if (token === undefined) return null;
  return (await findSessionUser(auth.db, token)) ?? null;
}

/** better-auth's name for an expected refusal; anything else is thrown on. */
export function readRefusal(error: unknown): string {
  if (error instanceof APIError && error.body?.code !== undefined) return error.body.code;
  throw error;
}

type BetterAuth = ReturnType<typeof configure>;

function configure(deps: AuthDeps, isSecure: boolean) {
  const { db, secret, baseUrl, letters, log, defaultLocale = 'en' } = deps;
  const localeOf = (user: object) => ('locale' in user && isLocale(user.locale) ? user.locale : defaultLocale);
  return betterAuth({
    appName: 'Vestnik',
    baseURL: baseUrl,
    secret,
    database: { db, type: 'postgres', transaction: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { level: 'error', log: (_level, message) => log?.error({ part: 'accounts' }, message) },
    advanced: {
      database: { generateId: 'serial' },
      cookiePrefix: COOKIE_PREFIX,
      useSecureCookies: isSecure,
      ipAddress: { disableIpTracking: true },
    },
    user: { modelName: 'users', fields: USER_FIELDS, additionalFields: ADDITIONAL_USER_FIELDS },
    session: { modelName: 'sessions', fields: SESSION_FIELDS, expiresIn: SESSION_DAYS * 86_400 },
    account: { modelName: 'credentials', fields: CREDENTIAL_FIELDS },
    verification: { modelName: 'verifications', fields: TIMESTAMP_FIELDS_WITH_EXPIRY, storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: true,
      minPasswordLength: MIN_PASSWORD,
      maxPasswordLength: MAX_PASSWORD,
      resetPasswordTokenExpiresIn: RECOVERY_MINUTES * 60,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: ({ user, token }) => {
        const link = `${baseUrl}/recovery/new?token=${token}`;
        const write = user.emailVerified ? writeRecovery : writeUnfinishedAccount;
        return letters.send(write(localeOf(user), user.email, link));
      },
      // Who could follow the link has the mailbox: that confirms the address, too.
      onPasswordReset: async ({ user }) => {
        await confirmEmail(db, Number(user.id));
        await letters.send(writePasswordChanged(localeOf(user), user.email, `${baseUrl}/recovery`));
      },
    },
    emailVerification: {
      sendOnSignUp: true,
      expiresIn: CONFIRMATION_HOURS * 3600,
      sendVerificationEmail: ({ user, token }) =>
        letters.send(writeConfirmation(localeOf(user), user.email, `${baseUrl}/confirmation?token=${token}`)),
    },
    databaseHooks: { session: { create: { before: (session) => refuseBlocked(db, Number(session.userId)) } } },
  });
}

const TIMESTAMP_FIELDS = { createdAt: 'created_at', updatedAt: 'updated_at' };
const TIMESTAMP_FIELDS_WITH_EXPIRY = { ...TIMESTAMP_FIELDS, expiresAt: 'expires_at' };
const USER_FIELDS = { ...TIMESTAMP_FIELDS, emailVerified: 'email_verified' };
const SESSION_FIELDS = {
  ...TIMESTAMP_FIELDS_WITH_EXPIRY,
  userId: 'user_id',
  ipAddress: 'ip_address',
  userAgent: 'user_agent',
};
const CREDENTIAL_FIELDS = {
  ...TIMESTAMP_FIELDS,
  userId: 'user_id',
  accountId: 'account_id',
  providerId: 'provider_id',
  accessToken: 'access_token',
  refreshToken: 'refresh_token',
  idToken: 'id_token',
  accessTokenExpiresAt: 'access_token_expires_at',
  refreshTokenExpiresAt: 'refresh_token_expires_at',
};

/** What a registration may set beside name, address and password. The role and the rest are not better-auth's to write. */
const ADDITIONAL_USER_FIELDS = {
  locale: { type: 'string', required: false },
  timeZone: { type: 'string', required: false, fieldName: 'time_zone' },
} as const;

async function refuseBlocked(db: Database, userId: number): Promise<void> {
  const user = await findUserById(db, userId);
  if (user?.blocked) throw new APIError('FORBIDDEN', { code: 'USER_BLOCKED', message: 'This user is blocked' });
}

function readSignedToken(cookie: string, secret: string): string | undefined {
  const dot = cookie.lastIndexOf('.');
  if (dot < 1) return undefined;
  const token = cookie.slice(0, dot);
  const expected = createHmac('sha256', secret).update(token).digest();
  const given = Buffer.from(cookie.slice(dot + 1), 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected) ? token : undefined;
}
