import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createUser } from './create-user.js';
import { firstAdministratorLink } from './first-administrator.js';
import { readUser } from './auth.js';
import { findUserByEmail, hasUsers } from './user-store.js';

const PASSWORD = 'seven green boats';
const OTHER_PASSWORD = 'nine quiet rivers';

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
});

function register(email: string, over: Record<string, string> = {}, by = browser) {
  return by.post('/sign-up', { name: 'Anna', email, password: PASSWORD, time_zone: 'Europe/Moscow', ...over });
}

/** The path and query of the link in the newest letter. */
function readLink(): string {
  const link = /http:\/\/localhost:3000(\/\S+)/.exec(site.letters.at(-1)?.text ?? '')?.[1];
  if (link === undefined) throw new Error('there is no letter with a link');
  return link;
}

async function addUser(email: string) {
  const result = await createUser(database.db, { email, name: 'Anna', password: PASSWORD, role: 'user' });
  if (!result.ok) throw new Error('not created');
  return result.id;
}

async function signInAs(email: string, password = PASSWORD, by = browser) {
  return by.post('/sign-in', { email, password });
}

async function isSignedIn(by = browser): Promise<boolean> {
  return (await by.get('/')).text !== 'null';
}

describe('registration', () => {
  it('leads by the letter to the confirmation, to signing in and out', async () => {
    const answer = await register('Anna@Example.com');
    expect([answer.status, answer.location]).toEqual([303, '/check-mail']);
    expect((await browser.get('/check-mail')).text).toContain('anna@example.com');
    expect(site.letters).toMatchObject([{ to: 'anna@example.com', purpose: 'confirmation', subject: 'Confirm your address' }]);
    expect(await isSignedIn()).toBe(false);

    const confirmed = await browser.get(readLink());
    expect(confirmed.status).toBe(200);
    expect(confirmed.text).toContain('Your address is confirmed');
    expect(confirmed.text).toContain('value="anna@example.com"');
    expect(await isSignedIn()).toBe(false);

    const signedIn = await browser.post('/sign-in', { email: 'ANNA@example.com', password: PASSWORD, next: '/mailings?page=2' });
    expect([signedIn.status, signedIn.location]).toEqual([303, '/mailings?page=2']);
    const user = JSON.parse((await browser.get('/')).text) as Record<string, unknown>;
    expect(user).toMatchObject({ email: 'anna@example.com', name: 'Anna', role: 'user', timeZone: 'Europe/Moscow', locale: 'en' });
    expect(browser.cookies.has('vestnik_pending')).toBe(false);

    const copy = new Headers({ cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; ') });
    expect(await readUser(site.auth, copy)).not.toBeNull();
    expect((await browser.post('/sign-out', {})).location).toBe('/sign-in');
    expect(await isSignedIn()).toBe(false);
    expect(await readUser(site.auth, copy)).toBeNull();
  });

  it('sets cookies that scripts and other sites do not get', async () => {
    await addUser('anna@example.com');
    const cookies = (await signInAs('anna@example.com')).response.headers.getSetCookie();
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(/^vestnik\.session_token=.*HttpOnly.*SameSite=Lax/);
  });
});
