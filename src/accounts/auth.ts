import { createHmac, timingSafeEqual } from 'node:crypto';

import { kyselyAdapter } from '@better-auth/kysely-adapter';
import { betterAuth, type BetterAuthOptions } from 'better-auth';
import { APIError } from 'better-auth/api';
import { twoFactor } from 'better-auth/plugins/two-factor';
import { parse } from 'hono/utils/cookie';

import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { countInMemory, type Limits } from '../lib/limits.js';
import type { Log } from '../lib/log.js';
import type { SystemLetters } from '../lib/system-mail.js';
import type { Origin, SignedInUser } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import { hashSessionTokens } from './hashed-sessions.js';
import { makeRecoveryCodes } from './second-factor-code.js';
import { findSession, hashSessionToken, touchSession } from './session-store.js';
import { findUserById } from './user-store.js';

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
  /** Where tries are counted; in this process unless told. */
  limits?: Limits;
}

/** better-auth's functions, and what the rest of the feature needs beside them. Its own HTTP routes are not mounted. */
export interface Auth extends AuthDeps {
  better: BetterAuth;
  limits: Limits;
  sessionCookie: string;
  isSecure: boolean;
}

const SESSION_DAYS = 30;
const DAY_SECONDS = 86_400;
const COOKIE_PREFIX = 'vestnik';
const ADDRESS_HEADER = 'x-vestnik-address';
const MAX_USER_AGENT = 500;

export function createAuth(deps: AuthDeps): Auth {
  const isSecure = deps.secureCookies ?? deps.baseUrl.startsWith('https:');
  const limits = deps.limits ?? countInMemory();
  return {
    ...deps,
    limits,
    isSecure,
    sessionCookie: nameCookie('session_token', isSecure),
    better: configure(deps, isSecure),
  };
}

/** Better-auth's cookies beside that of the session. */
export type AuthCookie = 'dont_remember' | 'two_factor' | 'trust_device';

/** Who is signed in, by one statement: a blocked user or an ended session counts from the next request on. */
export async function readUser(auth: Auth, headers: Headers): Promise<SignedInUser | null> {
  const key = readSessionKey(auth, headers);
  const session = key === undefined ? undefined : await findSession(auth.db, key);
  if (!session) return null;
  // Nobody waits for it: the page is made meanwhile.
  if (session.isStale) void keepLastUse(auth, session.id);
  return session.user;
}

/** What the session of these cookies is kept under in the database; undefined where there is no cookie, or a forged one. */
export function readSessionKey(auth: Auth, headers: Headers): string | undefined {
  const token = readSignedCookie(auth, headers, auth.sessionCookie);
  return token === undefined ? undefined : hashSessionToken(token);
}

/** The value of one of better-auth's other cookies. */
export function readAuthCookie(auth: Auth, headers: Headers, cookie: AuthCookie): string | undefined {
  return readSignedCookie(auth, headers, nameCookie(cookie, auth.isSecure));
}

/**
 * What better-auth is told of a request: where it comes from, as Vestnik found out, and the cookies. Before somebody is signed in it
 * gets all but the session's, so that a session that the browser brings along has no say.
 */
export function tellBetterAuth(auth: Auth, headers: Headers, origin: Origin, withSession: boolean): Headers {
  const cookies = (headers.get('cookie') ?? '').split(/; */);
  const told = cookies.filter((cookie) => withSession || !cookie.startsWith(`${auth.sessionCookie}=`));
  return new Headers({
    cookie: told.join('; '),
    'user-agent': origin.userAgent.slice(0, MAX_USER_AGENT),
    [ADDRESS_HEADER]: origin.address,
  });
}

/** better-auth's name for an expected refusal; anything else is thrown on. */
export function readRefusal(error: unknown): string {
  if (error instanceof APIError && error.body?.code !== undefined) return error.body.code;
  throw error;
}

type BetterAuth = ReturnType<typeof configure>;

function configure(deps: AuthDeps, isSecure: boolean) {
  const { db, secret, baseUrl, log } = deps;
  return betterAuth({
    appName: 'Vestnik',
    baseURL: baseUrl,
    secret,
    database: (options: BetterAuthOptions) =>
      hashSessionTokens(kyselyAdapter(db, { type: 'postgres', transaction: true })(options)),
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { level: 'error', log: (_level, message) => log?.error({ part: 'accounts' }, message) },
    advanced: {
      database: { generateId: 'serial' },
      cookiePrefix: COOKIE_PREFIX,
      useSecureCookies: isSecure,
      ipAddress: { disableIpTracking: true },
    },
    user: { modelName: 'users', fields: USER_FIELDS },
    session: {
      modelName: 'sessions',
      fields: SESSION_FIELDS,
      expiresIn: SESSION_DAYS * DAY_SECONDS,
      disableSessionRefresh: true,
    },
    account: { modelName: 'credentials', fields: CREDENTIAL_FIELDS },
    verification: { modelName: 'verifications', fields: TIMESTAMP_FIELDS_WITH_EXPIRY, storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      // Registration is `signUp`'s own.
      disableSignUp: true,
      requireEmailVerification: true,
      minPasswordLength: MIN_PASSWORD,
      maxPasswordLength: MAX_PASSWORD,
    },
    plugins: [
      twoFactor({
        schema: TWO_FACTOR_SCHEMA,
        twoFactorTable: 'two_factors',
        backupCodeOptions: { customBackupCodesGenerate: makeRecoveryCodes },
      }),
    ],
    databaseHooks: {
      session: {
        create: {
          before: async (session, context) => {
            await refuseBlocked(db, Number(session.userId));
            return { data: completeSession(session, context, isSecure) };
          },
        },
      },
    },
  });
}

interface SessionContext {
  headers?: Headers | undefined;
  path?: string | undefined;
}

/** Where it is from, by what `tellBetterAuth` said. One that takes the place of a short one, as after a change of the password, is as short. */
function completeSession<S extends { expiresAt: Date }>(session: S, context: SessionContext | null, isSecure: boolean) {
  const headers = context?.headers ?? new Headers();
  const wasShort = headers.get('cookie')?.includes(`${nameCookie('dont_remember', isSecure)}=`);
  const isShort = wasShort && context?.path !== '/sign-in/email';
  const inOneDay = new Date(Date.now() + DAY_SECONDS * 1000);
  return {
    ...session,
    ipAddress: headers.get(ADDRESS_HEADER),
    userAgent: headers.get('user-agent')?.slice(0, MAX_USER_AGENT),
    expiresAt: isShort && session.expiresAt > inOneDay ? inOneDay : session.expiresAt,
  };
}

async function keepLastUse({ db, log }: Auth, sessionId: number): Promise<void> {
  try {
    await touchSession(db, sessionId);
  } catch (error) {
    log?.warn({ err: error }, 'the last use of a session was not written down');
  }
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

const TWO_FACTOR_SCHEMA = {
  user: { fields: { twoFactorEnabled: 'two_factor_enabled' } },
  twoFactor: {
    fields: {
      userId: 'user_id',
      backupCodes: 'backup_codes',
      failedVerificationCount: 'failed_verification_count',
      lockedUntil: 'locked_until',
    },
  },
};

async function refuseBlocked(db: Database, userId: number): Promise<void> {
  const user = await findUserById(db, userId);
  if (user?.blocked) throw new APIError('FORBIDDEN', { code: 'USER_BLOCKED', message: 'This user is blocked' });
}

function nameCookie(name: AuthCookie | 'session_token', isSecure: boolean): string {
  return `${isSecure ? '__Secure-' : ''}${COOKIE_PREFIX}.${name}`;
}

/** Better-auth writes `value.signature`, signed by HMAC-SHA256. */
function readSignedCookie({ secret }: Auth, headers: Headers, name: string): string | undefined {
  const cookie = parse(headers.get('cookie') ?? '', name)[name] ?? '';
  const dot = cookie.lastIndexOf('.');
  if (dot < 1) return undefined;
  const value = cookie.slice(0, dot);
  const expected = createHmac('sha256', secret).update(value).digest();
  const given = Buffer.from(cookie.slice(dot + 1), 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected) ? value : undefined;
}
