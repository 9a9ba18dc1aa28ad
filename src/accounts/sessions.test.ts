import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Answer, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { createUser } from './create-user.js';
import { endSessions, hashSessionToken } from './session-store.js';
import { setPasswordHash } from './user-store.js';

const PASSWORD = 'seven green boats';
const DAY_MS = 86_400_000;
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

let database: TestDatabase;
let site: AccountSite;
let browser: Browser;
let userId: number;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  site = openAccountSite(database.db);
  browser = site.openBrowser({ address: '198.51.100.7', userAgent: FIREFOX });
  userId = await addUser('anna@example.com');
});

async function addUser(email: string) {
  const result = await createUser(database.db, { email, name: 'Anna', password: PASSWORD, role: 'user' });
  if (!result.ok) throw new Error('not created');
  return result.id;
}

function signIn(by: Browser, fields: Record<string, string> = {}) {
  return by.post('/sign-in', { email: 'anna@example.com', password: PASSWORD, ...fields });
}

async function isSignedIn(by: Browser) {
  return (await by.get('/')).text !== 'null';
}

function readSessions() {
  return database.db.selectFrom('sessions').selectAll().orderBy('id').execute();
}

/** Statements that wait for another transaction to end. */
async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
    database.db,
  );
  return Number(rows[0]?.count);
}

describe('a session', () => {
  it('is kept under a hash of its token, with the place it is from', async () => {
    await signIn(browser);
    const [session] = await readSessions();
    const [token = ''] = decodeURIComponent(browser.cookies.get('vestnik.session_token') ?? '').split('.');
    expect(token.length).toBeGreaterThan(30);
    expect(session).toMatchObject({ token: hashSessionToken(token), ip_address: '198.51.100.7', user_agent: FIREFOX });
    browser.cookies.set(
      'vestnik.session_token',
      browser.cookies.get('vestnik.session_token')?.replace(token, session?.token ?? '') ?? '',
    );
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('lasts until the browser is closed and a day at most, or 30 days where that was wanted', async () => {
    const short = await signIn(browser);
    expect(short.response.headers.getSetCookie()[0]).not.toMatch(/max-age|expires/i);
    expect(daysLeft((await readSessions())[0]?.expires_at)).toBe(1);
    const long = await signIn(browser, { remember: 'on' });
    expect(long.response.headers.getSetCookie()[0]).toMatch(/Max-Age=2592000/);
    expect(daysLeft((await readSessions())[0]?.expires_at)).toBe(30);
    expect(browser.cookies.has('vestnik.dont_remember')).toBe(false);
  });

  it('stays as short as it was when the password is changed', async () => {
    await signIn(browser);
    const answer = await browser.post('/settings/password', {
      current_password: PASSWORD,
      password: 'nine quiet rivers',
    });
    expect(answer.status).toBe(303);
    expect((await readSessions()).map(({ expires_at, ip_address }) => [daysLeft(expires_at), ip_address])).toEqual([
      [1, '198.51.100.7'],
    ]);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('is a new one at every sign-in, and the one that the browser brought along is over', async () => {
    await signIn(browser);
    const [before] = await readSessions();
    const old = new Map(browser.cookies);
    await signIn(browser);
    const after = await readSessions();
    expect(after).toHaveLength(1);
    expect(after[0]?.id).not.toBe(before?.id);
    const thief = site.openBrowser();
    for (const [name, value] of old) thief.cookies.set(name, value);
    expect(await isSignedIn(thief)).toBe(false);
  });

  it('takes no place with it that a stranger puts into the request', async () => {
    const answer = await site
      .openBrowser({ address: '' })
      .post('/sign-in', { email: 'anna@example.com', password: PASSWORD });
    expect(answer.status).toBe(303);
    expect((await readSessions())[0]?.ip_address).toBe('203.0.113.1');
  });

  it('is not made by a password that is changed while it is being checked', async () => {
    const { db } = database;
    let answer: Promise<Answer> | undefined;
    await db.transaction().execute(async (trx) => {
      await setPasswordHash(trx, userId, 'another');
      await endSessions(trx, userId);
      answer = signIn(browser);
      await eventually('the sign-in waits for the change', async () => (await countWaiting()) === 1);
    });
    expect((await answer)?.status).toBe(422);
    expect(await readSessions()).toEqual([]);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('is over at the next request when its user is blocked or it was ended', async () => {
    await signIn(browser);
    expect(await isSignedIn(browser)).toBe(true);
    const columns = { blocked: true, blocked_at: new Date(), blocked_reason: 'x' };
    await database.db.updateTable('users').set(columns).where('id', '=', userId).execute();
    expect(await isSignedIn(browser)).toBe(false);
    await database.db.updateTable('users').set({ blocked: false, blocked_at: null, blocked_reason: null }).execute();
    expect(await isSignedIn(browser)).toBe(true);
    await database.db.transaction().execute((trx) => endSessions(trx, userId));
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('keeps its last use and that of its user, to some minutes', async () => {
    await signIn(browser);
    const past = new Date(Date.now() - 10 * 60_000);
    await database.db.updateTable('sessions').set({ updated_at: past }).execute();
    await database.db.updateTable('users').set({ last_seen_at: null }).execute();
    await browser.get('/');
    const seen = await eventually('the use is written down', async () => {
      const [session] = await readSessions();
      return session && session.updated_at > past && session.updated_at;
    });
    const user = await database.db.selectFrom('users').select('last_seen_at').executeTakeFirstOrThrow();
    expect(user.last_seen_at).toEqual(seen);
    await browser.get('/');
    await browser.get('/settings/sessions');
    expect((await readSessions())[0]?.updated_at).toEqual(seen);
  });

  it('that has run out goes when its user signs in again', async () => {
    await signIn(browser);
    await database.db
      .updateTable('sessions')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    await signIn(site.openBrowser());
    expect(await readSessions()).toHaveLength(1);
  });
});

describe('the page of one’s own sessions', () => {
  it('shows device, address and times, and which one is this', async () => {
    await signIn(browser);
    await signIn(site.openBrowser({ address: '2001:db8::5', userAgent: 'curl/8.5' }));
    const { text } = await browser.get('/settings/sessions');
    expect(text).toContain('Firefox on Linux');
    expect(text).toContain('This device');
    expect(text).toContain('198.51.100.7');
    expect(text).toContain('curl');
    expect(text).toContain('2001:db8::5');
    expect(text.match(/\/settings\/sessions\/\d+\/end/g)).toHaveLength(1);
  });

  it('ends another one', async () => {
    const other = site.openBrowser();
    await signIn(browser);
    await signIn(other);
    const { text } = await browser.get('/settings/sessions');
    const path = /\/settings\/sessions\/\d+\/end/.exec(text)?.[0] ?? '';
    expect((await browser.post(path, {})).location).toBe('/settings/sessions');
    expect([await isSignedIn(browser), await isSignedIn(other)]).toEqual([true, false]);
    expect((await browser.post(path, {})).status).toBe(404);
  });

  it('ends all others, or all', async () => {
    const others = [site.openBrowser(), site.openBrowser()];
    await signIn(browser);
    for (const other of others) await signIn(other);
    await browser.post('/settings/sessions/end-others', {});
    expect((await browser.get('/settings/sessions')).text).toContain('Signed out on 2 other devices.');
    expect(await Promise.all(others.map(isSignedIn))).toEqual([false, false]);
    expect((await browser.get('/settings/sessions')).text).not.toContain('end-others');
    expect((await browser.post('/settings/sessions/end-all', {})).location).toBe('/sign-in');
    expect(await readSessions()).toEqual([]);
    expect(browser.cookies.has('vestnik.session_token')).toBe(false);
  });

  it('knows nobody else’s', async () => {
    await addUser('berta@example.com');
    const berta = site.openBrowser();
    await signIn(browser);
    await berta.post('/sign-in', { email: 'berta@example.com', password: PASSWORD });
    const [anna] = await readSessions();
    expect((await berta.post(`/settings/sessions/${anna?.id}/end`, {})).status).toBe(404);
    expect((await berta.post('/settings/sessions/x/end', {})).status).toBe(404);
    await berta.post('/settings/sessions/end-all', {});
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('is for who is signed in', async () => {
    for (const path of ['/settings/sessions', '/settings/second-factor']) {
      expect((await browser.get(path)).location).toContain('/sign-in');
    }
    for (const path of ['sessions/end-all', 'sessions/end-others', 'sessions/1/end', 'second-factor/begin']) {
      expect((await browser.post(`/settings/${path}`, {})).location).toContain('/sign-in');
    }
  });
});

describe('the log of signing in', () => {
  it('tells of starts, refusals and ends, and never holds a password', async () => {
    const before = await lastEntry();
    await signIn(browser, { password: 'not the password' });
    await browser.post('/sign-in', { email: 'nobody\u0000@example.com', password: 'swordfish' });
    await signIn(browser);
    await browser.post('/sign-out', {});
    const entries = await database.db
      .selectFrom('audit_entries')
      .selectAll()
      .where('id', '>', before)
      .orderBy('id')
      .execute();
    expect(entries).toMatchObject([
      {
        action: 'session.refused',
        actor_id: null,
        actor: 'anna@example.com',
        subject_id: userId,
        details: { because: 'wrong' },
      },
      { action: 'session.refused', actor_id: null, actor: 'nobody@example.com', subject_id: null },
      { action: 'session.started', actor_id: userId, actor: 'anna@example.com', address: '198.51.100.7' },
      { action: 'session.ended', actor_id: userId, actor: 'anna@example.com', user_agent: FIREFOX },
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/not the password|swordfish/);
  });
});

async function lastEntry(): Promise<number> {
  const row = await database.db
    .selectFrom('audit_entries')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirstOrThrow();
  return row.id ?? 0;
}

function daysLeft(until: Date | undefined): number {
  return Math.round(((until?.getTime() ?? 0) - Date.now()) / DAY_MS);
}
