import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { showCode } from '../../test/support/totp.js';
import { createUser } from './create-user.js';

const PASSWORD = 'seven green boats';
const HOME = '/settings/second-factor';

let database: TestDatabase;
let site: AccountSite;
let browser: Browser;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  await database.db.deleteFrom('verifications').execute();
  site = openAccountSite(database.db);
  browser = site.openBrowser();
  const made = await createUser(database.db, {
    email: 'anna@example.com',
    name: 'Anna',
    password: PASSWORD,
    role: 'user',
  });
  if (!made.ok) throw new Error('not created');
  await signIn(browser);
});

function signIn(by: Browser, fields: Record<string, string> = {}) {
  return by.post('/sign-in', { email: 'anna@example.com', password: PASSWORD, ...fields });
}

async function isSignedIn(by = browser) {
  return (await by.get('/')).text !== 'null';
}

function begin(password = PASSWORD) {
  return browser.post(`${HOME}/begin`, { begin_password: password });
}

function readKey(text: string): string {
  return /name="key" value="([A-Z2-7]+)"/.exec(text)?.[1] ?? '';
}

function readCodes(text: string): string[] {
  return [...text.matchAll(/<code>([a-z0-9]{5}-[a-z0-9]{5})<\/code>/g)].map(([, code = '']) => code);
}

async function turnOn() {
  const key = readKey((await begin()).text);
  const answer = await browser.post(`${HOME}/confirm`, { key, code: showCode(key) });
  return { key, codes: readCodes(answer.text), answer };
}

/** A browser in which the password was right. */
async function openWaiting(fields: Record<string, string> = {}) {
  const waiting = site.openBrowser();
  const answer = await signIn(waiting, fields);
  expect(answer.location).toMatch(/^\/sign-in\/code/);
  return waiting;
}

const countSessions = async () => (await database.db.selectFrom('sessions').select('id').execute()).length;

describe('turning it on', () => {
  it('wants the password, shows a key, and asks for nothing before the first code', async () => {
    for (const password of ['not the password', 'x'.repeat(5000)]) {
      const refused = await begin(password);
      expect(refused.status).toBe(422);
      expect(refused.text).toContain('This is not your current password.');
    }
    const page = await begin();
    expect(page.status).toBe(200);
    expect(page.text).toContain('<svg class="qr-code"');
    expect(readKey(page.text)).toMatch(/^[A-Z2-7]{52}$/);
    expect(page.text).not.toMatch(/style="/);
    expect((await signIn(site.openBrowser())).location).toBe('/');
  });

  it('is done by the first right code, with ten recovery codes, a letter and a new session', async () => {
    const key = readKey((await begin()).text);
    const wrong = await browser.post(`${HOME}/confirm`, { key, code: '000000' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('This code is wrong');
    expect(readKey(wrong.text)).toBe(key);
    const before = browser.cookies.get('vestnik.session_token');
    const right = await browser.post(`${HOME}/confirm`, { key, code: showCode(key) });
    expect(new Set(readCodes(right.text)).size).toBe(10);
    expect(browser.cookies.get('vestnik.session_token')).not.toBe(before);
    expect(await isSignedIn()).toBe(true);
    expect(await countSessions()).toBe(1);
    expect(site.letters.at(-1)).toMatchObject({ to: 'anna@example.com', purpose: 'second_factor' });
    const page = await browser.get(HOME);
    expect(page.text).toContain('10 recovery codes are left.');
    expect(readCodes(page.text)).toEqual([]);
    expect((await browser.post(`${HOME}/confirm`, { key, code: showCode(key) })).location).toBe(HOME);
  });

  it('takes no key that is none', async () => {
    expect((await browser.post(`${HOME}/confirm`, { key: '"><script>', code: '1' })).status).toBe(404);
  });

  it('keeps neither key nor recovery codes readable in the database', async () => {
    const { key, codes } = await turnOn();
    const row = JSON.stringify(await database.db.selectFrom('two_factors').selectAll().execute());
    for (const secret of [key, ...codes]) expect(row).not.toContain(secret);
  });
});

describe('signing in with it', () => {
  it('makes no session before the code is right, and leads on to where it was going', async () => {
    const { key } = await turnOn();
    await browser.post('/settings/sessions/end-all', {});
    const waiting = site.openBrowser();
    const answer = await signIn(waiting, { next: '/mailings?page=2' });
    expect(answer.location).toBe('/sign-in/code?next=%2Fmailings%3Fpage%3D2');
    expect(await isSignedIn(waiting)).toBe(false);
    expect(await countSessions()).toBe(0);
    expect((await waiting.get(answer.location ?? '')).text).toContain('anna@example.com');
    const wrong = await waiting.post('/sign-in/code', { code: '000 000', next: '/mailings?page=2' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('value="/mailings?page=2"');
    expect(await countSessions()).toBe(0);
    const code = showCode(key);
    const right = await waiting.post('/sign-in/code', {
      code: `${code.slice(0, 3)} ${code.slice(3)}`,
      next: '/mailings?page=2',
    });
    expect([right.status, right.location]).toEqual([303, '/mailings?page=2']);
    expect(await isSignedIn(waiting)).toBe(true);
    expect(await countSessions()).toBe(1);
  });

  it('remembers for 30 days where that was wanted with the password, and not otherwise', async () => {
    const { codes } = await turnOn();
    for (const [remember, pattern] of [
      ['on', /Max-Age=2592000/],
      ['', /^vestnik\.session_token=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/],
    ] as const) {
      const waiting = await openWaiting({ remember });
      const answer = await waiting.post('/sign-in/code', { code: codes.pop() ?? '' });
      expect(answer.response.headers.getSetCookie().find((cookie) => cookie.includes('session_token='))).toMatch(
        pattern,
      );
    }
  });

  it('takes a code of the app once', async () => {
    const { key } = await turnOn();
    const [first, second] = [await openWaiting(), await openWaiting()];
    const code = showCode(key);
    expect((await first.post('/sign-in/code', { code })).status).toBe(303);
    expect((await second.post('/sign-in/code', { code })).status).toBe(422);
    expect(await isSignedIn(second)).toBe(false);
  });

  it('takes each recovery code once, however it is typed', async () => {
    const { codes } = await turnOn();
    const [code = ''] = codes;
    const waiting = await openWaiting();
    expect((await waiting.post('/sign-in/code', { code: ` ${code.toUpperCase().replace('-', ' ')} ` })).status).toBe(
      303,
    );
    expect((await browser.get(HOME)).text).toContain('9 recovery codes are left.');
    const again = await openWaiting();
    expect((await again.post('/sign-in/code', { code })).status).toBe(422);
  });

  it('signs in one of two that use the same recovery code at once', async () => {
    const { codes } = await turnOn();
    const two = [await openWaiting(), await openWaiting()];
    const answers = await Promise.all(two.map((waiting) => waiting.post('/sign-in/code', { code: codes[0] ?? '' })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 422]);
  });

  it('begins again after five wrong codes', async () => {
    const { key } = await turnOn();
    const waiting = await openWaiting();
    for (let wrong = 0; wrong < 5; wrong += 1) {
      expect((await waiting.post('/sign-in/code', { code: `00000${wrong}` })).status).toBe(422);
    }
    const over = await waiting.post('/sign-in/code', { code: showCode(key) });
    expect([over.status, over.location]).toEqual([303, '/sign-in']);
    expect((await waiting.get('/sign-in')).text).toContain('Begin again.');
    expect(await isSignedIn(waiting)).toBe(false);
  });

  it('takes no code for a while after ten wrong ones, and says how long', async () => {
    const { key } = await turnOn();
    for (let round = 0; round < 2; round += 1) {
      const waiting = await openWaiting();
      for (let wrong = 0; wrong < 5; wrong += 1) await waiting.post('/sign-in/code', { code: `1${round}000${wrong}` });
    }
    const waiting = await openWaiting();
    const answer = await waiting.post('/sign-in/code', { code: showCode(key) });
    expect(answer.status).toBe(429);
    expect(answer.text).toContain('Try again in 15 minutes.');
    expect(Number(answer.response.headers.get('retry-after'))).toBeGreaterThan(800);
  });

  it('waits ten minutes for a code, and for nobody without the password', async () => {
    const { key } = await turnOn();
    expect((await site.openBrowser().get('/sign-in/code')).location).toBe('/sign-in');
    expect((await site.openBrowser().post('/sign-in/code', { code: showCode(key) })).location).toBe('/sign-in');
    const waiting = await openWaiting();
    await database.db
      .updateTable('verifications')
      .set({ expires_at: sql`now()` })
      .execute();
    expect((await waiting.post('/sign-in/code', { code: showCode(key) })).location).toBe('/sign-in');
    const forged = site.openBrowser();
    forged.cookies.set('vestnik.two_factor', '2fa-x.AAAA');
    expect((await forged.get('/sign-in/code')).location).toBe('/sign-in');
  });

  it('is not done for a user who was blocked meanwhile', async () => {
    const { key } = await turnOn();
    const waiting = await openWaiting();
    await database.db
      .updateTable('users')
      .set({ blocked: true, blocked_at: new Date(), blocked_reason: 'x' })
      .execute();
    expect((await waiting.post('/sign-in/code', { code: showCode(key) })).location).toBe('/sign-in');
    expect(await isSignedIn(waiting)).toBe(false);
  });

  it('is not done where the password was changed, or everything signed out, meanwhile', async () => {
    const { codes } = await turnOn();
    const waiting = await openWaiting();
    await browser.post('/settings/password', { current_password: PASSWORD, password: 'nine quiet rivers' });
    expect((await waiting.post('/sign-in/code', { code: codes[0] ?? '' })).location).toBe('/sign-in');
    const again = site.openBrowser();
    await signIn(again, { password: 'nine quiet rivers' });
    await browser.post('/settings/sessions/end-others', {});
    expect((await again.post('/sign-in/code', { code: codes[0] ?? '' })).location).toBe('/sign-in');
    expect([await isSignedIn(waiting), await isSignedIn(again), await isSignedIn()]).toEqual([false, false, true]);
  });

  it('asks a trusted browser for no code, until everything is signed out', async () => {
    const { codes } = await turnOn();
    const trusted = await openWaiting();
    await trusted.post('/sign-in/code', { code: codes[0] ?? '', trust: 'on' });
    await trusted.post('/sign-out', {});
    expect((await signIn(trusted)).location).toBe('/');
    await browser.post('/settings/sessions/end-others', {});
    expect((await signIn(trusted)).location).toBe('/sign-in/code');
  });
});

describe('turning it off', () => {
  it('wants the password, tells by a letter, and leaves nothing', async () => {
    await turnOn();
    expect((await browser.post(`${HOME}/disable`, { disable_password: 'no' })).status).toBe(422);
    const answer = await browser.post(`${HOME}/disable`, { disable_password: PASSWORD });
    expect(answer.location).toBe(HOME);
    expect((await browser.get(HOME)).text).toContain('The second factor is off');
    expect(site.letters.at(-1)).toMatchObject({ purpose: 'second_factor' });
    expect(await database.db.selectFrom('two_factors').selectAll().execute()).toEqual([]);
    expect((await signIn(site.openBrowser())).location).toBe('/');
    const actions = await database.db
      .selectFrom('audit_entries')
      .select('action')
      .orderBy('id', 'desc')
      .limit(4)
      .execute();
    expect(actions.map(({ action }) => action)).toContain('account.second_factor_disabled');
  });

  it('and making new codes ends the old ones', async () => {
    const { codes } = await turnOn();
    const answer = await browser.post(`${HOME}/renew`, { renew_password: PASSWORD });
    const renewed = readCodes(answer.text);
    expect(renewed).toHaveLength(10);
    expect(renewed.filter((code) => codes.includes(code))).toEqual([]);
    const waiting = await openWaiting();
    expect((await waiting.post('/sign-in/code', { code: codes[0] ?? '' })).status).toBe(422);
    expect((await waiting.post('/sign-in/code', { code: renewed[0] ?? '' })).status).toBe(303);
  });

  it('tells who guesses the password to wait', async () => {
    for (let guess = 0; guess < 10; guess += 1) await begin(`guess ${guess}`);
    const answer = await begin();
    expect(answer.status).toBe(429);
    expect(answer.text).toContain('Too many tries. Try again in 15 minutes.');
  });
});
