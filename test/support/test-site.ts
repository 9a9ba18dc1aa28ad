import { createHmac, randomBytes } from 'node:crypto';
import { BlockList } from 'node:net';

import { Hono } from 'hono';

import { createAuth } from '../../src/accounts/auth.js';
import { rememberPendingAddress } from '../../src/accounts/pending-address.js';
import { hashSessionToken } from '../../src/accounts/session-store.js';
import { cacheInMemory } from '../../src/lib/cache.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Database } from '../../src/lib/database.js';
import type { Locale } from '../../src/lib/i18n.js';
import { openLog } from '../../src/lib/log.js';
import type { Role } from '../../src/lib/schema-accounts.js';
import { timeQueries } from '../../src/lib/timing.js';
import { LiveHub } from '../../src/mailings/live-hub.js';
import type { View, WebEnv } from '../../src/ui/view.js';
import { createWeb, type WebDeps } from '../../src/web.js';
import { addUser } from './fixtures.js';

export interface TestSite {
  web: Hono<WebEnv>;
  /** The cookie of a new user who is signed in. */
  signIn: (role: Role) => Promise<string>;
  /** The cookie of a session of this user. */
  cookieOf: (userId: number) => Promise<string>;
  /** The cookie of a visitor who has just registered this address. */
  register: (address: string) => Promise<string>;
}

const SECRET = 'a secret of the tests, long enough';

interface SiteOptions {
  lettersStayHere?: boolean;
  baseUrl?: string;
  defaultLocale?: Locale;
  assetsFolder?: string;
  assets?: View['assets'];
  mail?: WebDeps['mail'];
  erasures?: WebDeps['erasures'];
  metrics?: WebDeps['metrics'];
  cache?: WebDeps['cache'];
  clock?: WebDeps['clock'];
  live?: LiveHub;
}

/** The whole site, but what it would hand on to background jobs goes nowhere. */
export function openTestSite(database: Database, options: SiteOptions = {}): TestSite {
  const db = timeQueries(database);
  const { baseUrl = 'http://localhost:3000' } = options;
  const auth = createAuth({ db, secret: SECRET, baseUrl, letters: { send: () => Promise.resolve() } });
  const web = createWeb({
    db,
    cache: cacheInMemory({ db, secret: SECRET }),
    clock: systemClock,
    live: new LiveHub({ db: database, clock: systemClock, log: openLog('silent') }),
    log: openLog('silent'),
    assets: { script: '/main.js', styles: [] },
    assetsFolder: 'dist/client',
    trustedProxies: new BlockList(),
    defaultLocale: 'en',
    lettersStayHere: true,
    erasures: { send: () => Promise.resolve() },
    mail: { url: 'smtp://127.0.0.1:1', from: 'Vestnik <vestnik@localhost>' },
    ...options,
    auth,
    baseUrl,
  });
  return {
    web,
    signIn: async (role) => `${auth.sessionCookie}=${await openSession(db, await addUser(db, { role }))}`,
    cookieOf: async (userId) => `${auth.sessionCookie}=${await openSession(db, userId)}`,
    register: (address) => makePendingCookie(address),
  };
}

/** As better-auth signs it. */
async function openSession(db: Database, userId: number): Promise<string> {
  const token = randomBytes(24).toString('hex');
  const expiresAt = new Date(Date.now() + 3_600_000);
  await db
    .insertInto('sessions')
    .values({
      user_id: userId,
      token: hashSessionToken(token),
      expires_at: expiresAt,
      ip_address: null,
      user_agent: null,
    })
    .execute();
  return encodeURIComponent(`${token}.${createHmac('sha256', SECRET).update(token).digest('base64')}`);
}

async function makePendingCookie(address: string): Promise<string> {
  const app = new Hono().get('/', (c) => {
    rememberPendingAddress(c, { secret: SECRET, isSecure: false }, address);
    return c.body(null);
  });
  const response = await app.request('/');
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}
