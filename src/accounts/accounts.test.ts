import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Answer, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { readUser } from './auth.js';
import { createUser } from './create-user.js';
import { firstAdministratorLink } from './first-administrator.js';
import { signUp } from './sign-up.js';
import { findUserByEmail, findUserById, hasAdministrator } from './user-store.js';

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

function setNewPassword(token: string, password = OTHER_PASSWORD, by = browser) {
  return by.post(`/recovery/new?token=${encodeURIComponent(token)}`, { password });
}

async function isSignedIn(by = browser): Promise<boolean> {
  return (await by.get('/')).text !== 'null';
}

describe('registration', () => {
  it('leads by the letter to the confirmation, to signing in and out', async () => {
    const answer = await register('Anna@Example.com');
    expect([answer.status, answer.location]).toEqual([303, '/check-mail']);
    expect((await browser.get('/check-mail')).text).toContain('anna@example.com');
    expect(site.letters).toMatchObject([
      { to: 'anna@example.com', purpose: 'confirmation', subject: 'Confirm your address' },
    ]);
    expect(await isSignedIn()).toBe(false);

    const confirmed = await browser.get(readLink());
    expect(confirmed.status).toBe(200);
    expect(confirmed.text).toContain('Your address is confirmed');
    expect(confirmed.text).toContain('value="anna@example.com"');
    expect(await isSignedIn()).toBe(false);

    const signedIn = await browser.post('/sign-in', {
      email: 'ANNA@example.com',
      password: PASSWORD,
      next: '/mailings?page=2',
    });
    expect([signedIn.status, signedIn.location]).toEqual([303, '/mailings?page=2']);
    const user = JSON.parse((await browser.get('/')).text) as Record<string, unknown>;
    expect(user).toMatchObject({
      email: 'anna@example.com',
      name: 'Anna',
      role: 'user',
      timeZone: 'Europe/Moscow',
      locale: 'en',
    });
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
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual(['vestnik.session_token', 'vestnik.dont_remember']);
    for (const cookie of cookies) expect(cookie).toMatch(/HttpOnly.*SameSite=Lax/);
  });

  it('sends the secure variants of its cookies only over https', () => {
    expect(openAccountSite(database.db, { baseUrl: 'https://vestnik.example' }).auth).toMatchObject({
      sessionCookie: '__Secure-vestnik.session_token',
      isSecure: true,
    });
  });

  it('answers for a known address as for an unknown one, and writes to its owner alone', async () => {
    await addUser('anna@example.com');
    const [known, unknown] = [site.openBrowser(), site.openBrowser()];
    const answers = [await register('anna@example.com', {}, known), await register('berta@example.com', {}, unknown)];
    expect(describeAnswer(answers[0])).toEqual(describeAnswer(answers[1]));
    const pages = [await known.get('/check-mail'), await unknown.get('/check-mail')];
    expect(describeAnswer(pages[0], 'anna@')).toEqual(describeAnswer(pages[1], 'berta@'));
    expect(site.letters.map(({ to, purpose }) => [to, purpose])).toEqual([
      ['anna@example.com', 'existing_account'],
      ['berta@example.com', 'confirmation'],
    ]);
    expect((await signInAs('anna@example.com')).status).toBe(303);
  });

  it('takes about as long, and one letter, for a known address, an unknown one, and one that waits for its confirmation', async () => {
    await addUser('anna@example.com');
    const values = { name: 'X', timeZone: 'UTC', locale: 'en' as const };
    const origin = { address: '203.0.113.1', userAgent: '' };
    let serial = 0;
    // The pages would be throttled.
    const time = (email: () => string, password: string) =>
      measure(() => signUp(site.auth, { ...values, email: email(), password }, origin));
    await time(() => 'waiting@example.com', PASSWORD);
    site.letters.length = 0;
    const times = [
      await time(() => 'anna@example.com', OTHER_PASSWORD),
      await time(() => 'waiting@example.com', OTHER_PASSWORD),
      await time(() => `nobody${(serial += 1)}@example.com`, OTHER_PASSWORD),
    ];
    expect(Math.max(...times) / Math.min(...times)).toBeLessThan(3);
    expect(site.letters).toHaveLength(15);
  });

  it('tells of a name of 5,000 characters at its field', async () => {
    const answer = await register('anna@example.com', { name: 'x'.repeat(5000) });
    expect(answer.status).toBe(422);
    expect(answer.text).toMatch(/id="fault-name">Too long: [^<]*200/);
    expect(site.letters).toEqual([]);
  });

  it('writes down who registered and who confirmed, and from where', async () => {
    await register('log@example.com');
    const id = (await findUserByEmail(database.db, 'log@example.com'))?.id;
    await browser.get(readLink());
    const entries = await database.db
      .selectFrom('audit_entries')
      .select(['action', 'actor_id', 'actor', 'subject_id', 'address'])
      .where('subject', '=', 'log@example.com')
      .where('subject_id', '=', id ?? 0)
      .orderBy('id')
      .execute();
    const facts = { actor_id: id, actor: 'log@example.com', subject_id: id, address: '203.0.113.1' };
    expect(entries).toEqual([
      { action: 'account.registered', ...facts },
      { action: 'account.confirmed', ...facts },
    ]);
  });

  it('keeps the first password of an address that was never confirmed, unless its owner sets another by the letter', async () => {
    await register('anna@example.com');
    await register('anna@example.com', { password: OTHER_PASSWORD });
    expect(site.letters.map(({ purpose, subject }) => [purpose, subject])).toEqual([
      ['confirmation', 'Confirm your address'],
      ['confirmation', 'Finish your registration'],
    ]);
    const token = new URLSearchParams(readLink().split('?')[1]).get('token') ?? '';
    expect((await setNewPassword(token)).location).toBe('/sign-in');
    expect((await signInAs('anna@example.com')).status).toBe(422);
    expect((await signInAs('anna@example.com', OTHER_PASSWORD)).status).toBe(303);
  });

  it('sends the confirmation again to who registers twice with the same password', async () => {
    await register('anna@example.com');
    await register('anna@example.com');
    expect(site.letters.map(({ subject }) => subject)).toEqual(['Confirm your address', 'Confirm your address']);
    expect((await browser.get(readLink())).status).toBe(200);
    expect((await signInAs('anna@example.com')).status).toBe(303);
  });

  it('makes one user of a double press', async () => {
    const answers = await Promise.all([register('anna@example.com'), register('anna@example.com')]);
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect(await database.db.selectFrom('users').select('email').execute()).toEqual([{ email: 'anna@example.com' }]);
    expect(await database.db.selectFrom('credentials').select('id').execute()).toHaveLength(1);
  });

  it('gives nobody a role, a confirmed address or another id by fields slipped into the form', async () => {
    const slipped = {
      role: 'administrator',
      email_verified: 'true',
      emailVerified: 'true',
      id: '1000',
      blocked: 'false',
    };
    await register('anna@example.com', slipped);
    expect(await findUserByEmail(database.db, 'anna@example.com')).toMatchObject({ role: 'user', isConfirmed: false });
    expect((await signInAs('anna@example.com')).status).toBe(422);
  });

  it('shows the form again as it was typed, without the password, with each fault at its field', async () => {
    const answer = await register('anna@', { name: '<b>Anna</b>\0', password: 'short' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('3 fields need attention');
    expect(answer.text).toContain('value="anna@"');
    expect(answer.text).toContain('value="&lt;b&gt;Anna&lt;/b&gt;');
    expect(answer.text).toContain('At least 10 characters.');
    expect(answer.text).not.toContain('short"');
    expect(site.letters).toEqual([]);
    expect(await database.db.selectFrom('users').select('id').execute()).toEqual([]);
  });

  it.each(['Анна 🌷', 'שָׁלוֹם', '"<script>alert(1)</script>'])('keeps the name %s as it is', async (name) => {
    await register('anna@example.com', { name });
    expect(await findUserByEmail(database.db, 'anna@example.com')).toMatchObject({ name });
  });
});

describe('confirmation links', () => {
  it('explains a used one and leads on to signing in', async () => {
    await register('anna@example.com');
    await browser.get(readLink());
    const again = await browser.get(readLink());
    expect(again.status).toBe(200);
    expect(again.text).toContain('This link was used before');
  });

  it('says that the address is confirmed wherever it is, also by an earlier letter', async () => {
    await register('anna@example.com');
    const first = readLink();
    await browser.post('/confirmation/letter', { email: 'anna@example.com' });
    expect((await browser.get(first)).text).toContain('This link is too old');
    await browser.get(readLink());
    expect((await browser.get(first)).text).toContain('This link was used before');
  });

  it('confirms nothing by a link for something else', async () => {
    await register('anna@example.com');
    await browser.post('/recovery', { email: 'anna@example.com' });
    const answer = await browser.get(`/confirmation?token=${readLink().split('=')[1]}`);
    expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('This link does not work')]);
    expect(await findUserByEmail(database.db, 'anna@example.com')).toMatchObject({ isConfirmed: false });
  });

  it('explains an expired one, and sends another', async () => {
    await register('anna@example.com');
    await expireLinks();
    const answer = await site.openBrowser().get(readLink());
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('This link is too old');
    expect(answer.text).toContain('value="anna@example.com"');
    const again = await browser.post('/confirmation/letter', { email: 'anna@example.com' });
    expect(again.location).toBe('/check-mail');
    expect(site.letters).toHaveLength(2);
    expect((await browser.get(readLink())).text).toContain('Your address is confirmed');
  });

  it.each([
    ['nothing', () => ''],
    ['a word', () => 'token'],
    ['a cut one', (token: string) => token.slice(0, -3)],
    ['another one of the same length', (token: string) => token.split('').toReversed().join('')],
    ['zero bytes', () => '%00.%00.%00'],
  ])('refuses %s', async (_title, mangle) => {
    await register('anna@example.com');
    const token = readLink().split('=')[1] ?? '';
    const answer = await browser.get(`/confirmation?token=${mangle(token)}`);
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('This link does not work');
    expect(await findUserByEmail(database.db, 'anna@example.com')).toMatchObject({ isConfirmed: false });
  });

  it('is not sent to unknown or confirmed addresses, with the same answer', async () => {
    await addUser('anna@example.com');
    const known = await browser.post('/confirmation/letter', { email: 'anna@example.com' });
    const unknown = await browser.post('/confirmation/letter', { email: 'nobody@example.com' });
    expect(describeAnswer(known)).toEqual(describeAnswer(unknown));
    expect(site.letters).toEqual([]);
  });
});

describe('signing in', () => {
  it('answers a wrong password as an unknown address, in about the same time', async () => {
    await addUser('anna@example.com');
    const wrong = await signInAs('anna@example.com', OTHER_PASSWORD);
    const unknown = await signInAs('nobody@example.com', OTHER_PASSWORD);
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('The e-mail or the password is wrong.');
    expect(describeAnswer(wrong, 'anna@')).toEqual(describeAnswer(unknown, 'nobody@'));
    const known = await measure(() => signInAs('anna@example.com', OTHER_PASSWORD));
    const other = await measure(() => signInAs('nobody@example.com', OTHER_PASSWORD));
    expect(Math.max(known, other) / Math.min(known, other)).toBeLessThan(3);
  });

  it.each(['not an address', 'a@b\0', `${'x'.repeat(5000)}@example.com`])(
    'answers the address "%.20s" alike',
    async (email) => {
      const answer = await signInAs(email);
      expect(answer.status).toBe(422);
      expect(answer.text).toContain('The e-mail or the password is wrong.');
    },
  );

  it('names the fields that are empty', async () => {
    const answer = await browser.post('/sign-in', { email: '' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('2 fields need attention');
  });

  it('tells who knows the password, and nobody else, that the address is not confirmed', async () => {
    await register('anna@example.com');
    const right = await signInAs('anna@example.com');
    expect(right.status).toBe(422);
    expect(right.text).toContain('Your address is not confirmed yet');
    expect(right.text).toContain('action="/confirmation/letter"');
    expect((await signInAs('anna@example.com', OTHER_PASSWORD)).text).not.toContain('not confirmed');
    expect(await isSignedIn()).toBe(false);
  });

  it('ends the session of a user who is blocked, and tells the reason to who signs in', async () => {
    const id = await addUser('anna@example.com');
    await signInAs('anna@example.com');
    expect(await isSignedIn()).toBe(true);
    await block(id, 'Spam <b>');
    expect(await isSignedIn()).toBe(false);
    const answer = await signInAs('anna@example.com');
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('This user is blocked.');
    expect(answer.text).toContain('Spam &lt;b&gt;');
    expect((await signInAs('anna@example.com', OTHER_PASSWORD)).text).not.toContain('blocked');
    expect(await database.db.selectFrom('sessions').select('id').execute()).toHaveLength(1);
    await block(id, null);
    expect((await signInAs('anna@example.com')).status).toBe(303);
  });

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', '/\t/evil.example'])(
    'does not lead to %j',
    async (next) => {
      await addUser('anna@example.com');
      const page = await browser.get(`/sign-in?next=${encodeURIComponent(next)}`);
      expect(page.text).toContain('action="/sign-in"');
      expect(page.text.split('action="/sign-in"')[1]).not.toContain('evil');
      expect((await browser.post('/sign-in', { email: 'anna@example.com', password: PASSWORD, next })).location).toBe(
        '/',
      );
      expect((await browser.get(`/sign-in?next=${encodeURIComponent(next)}`)).location).toBe('/');
      expect((await browser.post('/locale', { locale: 'ru', next })).location).toBe('/');
    },
  );

  it('takes no forged session', async () => {
    await addUser('anna@example.com');
    await signInAs('anna@example.com');
    const cookie = browser.cookies.get('vestnik.session_token') ?? '';
    const { token } = await database.db.selectFrom('sessions').select('token').executeTakeFirstOrThrow();
    for (const forged of [
      token,
      `${token}.`,
      `${token}.AAAA`,
      cookie.slice(0, -6),
      `x${cookie}`,
      '',
      '.',
      '%00',
      '%E0%A4%A',
    ]) {
      browser.cookies.set('vestnik.session_token', forged);
      expect(await isSignedIn()).toBe(false);
    }
  });

  it('knows the visitor within 3 ms', async () => {
    await addUser('anna@example.com');
    await signInAs('anna@example.com');
    const headers = new Headers({ cookie: `vestnik.session_token=${browser.cookies.get('vestnik.session_token')}` });
    const ms = await measure(() => readUser(site.auth, headers), 50);
    expect(ms).toBeLessThan(3);
  });

  it('ends after its time', async () => {
    await addUser('anna@example.com');
    await signInAs('anna@example.com');
    await database.db
      .updateTable('sessions')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    expect(await isSignedIn()).toBe(false);
  });
});

describe('recovery of a password', () => {
  it('sets a new one, once, and ends every session', async () => {
    await addUser('anna@example.com');
    await signInAs('anna@example.com');
    const elsewhere = site.openBrowser();
    await elsewhere.post('/recovery', { email: 'anna@example.com' });
    expect(site.letters).toMatchObject([{ to: 'anna@example.com', purpose: 'recovery' }]);
    const link = readLink();
    const token = link.split('=')[1] ?? '';
    expect((await elsewhere.get(link)).text).toContain('Set a new password');

    const weak = await setNewPassword(token, 'qwertyuiop');
    expect(weak.status).toBe(422);
    expect(weak.text).toContain('among the most common');
    const set = await setNewPassword(token, OTHER_PASSWORD);
    expect([set.status, set.location]).toEqual([303, '/sign-in']);
    expect(site.letters.at(-1)).toMatchObject({ to: 'anna@example.com', purpose: 'password_changed' });

    expect(await isSignedIn()).toBe(false);
    expect((await signInAs('anna@example.com')).status).toBe(422);
    expect((await elsewhere.get(link)).status).toBe(410);
    expect((await setNewPassword(token, PASSWORD)).status).toBe(410);
    expect((await signInAs('anna@example.com', OTHER_PASSWORD)).status).toBe(303);
  });

  it('answers for a known address as for an unknown one', async () => {
    await addUser('anna@example.com');
    const known = await browser.post('/recovery', { email: 'anna@example.com' });
    const unknown = await browser.post('/recovery', { email: 'nobody@example.com' });
    expect(describeAnswer(known, 'anna@')).toEqual(describeAnswer(unknown, 'nobody@'));
    expect(site.letters).toHaveLength(1);
  });

  it('refuses expired, mangled and absent tokens', async () => {
    await addUser('anna@example.com');
    await browser.post('/recovery', { email: 'anna@example.com' });
    const token = readLink().split('=')[1] ?? '';
    await expireLinks();
    const told = { [token]: 'This link is too old' };
    for (const tried of [token, token.slice(1), '', '\0', "' or 1=1 --"]) {
      expect((await browser.get(`/recovery/new?token=${encodeURIComponent(tried)}`)).status).toBe(410);
      const answer = await setNewPassword(tried, OTHER_PASSWORD);
      expect(answer.status).toBe(410);
      expect(answer.text).toContain(told[tried] ?? 'This link does not work');
    }
    expect((await signInAs('anna@example.com')).status).toBe(303);
  });

  it('keeps no token in the database as it is', async () => {
    await addUser('anna@example.com');
    await browser.post('/recovery', { email: 'anna@example.com' });
    const rows = await database.db.selectFrom('one_time_links').selectAll().execute();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify({ ...rows[0], token_hash: rows[0]?.token_hash.toString() })).not.toContain(
      readLink().split('=')[1],
    );
  });
});

describe('settings', () => {
  it('are for who is signed in', async () => {
    expect((await browser.get('/settings')).location).toBe('/sign-in?next=/settings');
    expect((await browser.post('/settings', { name: 'X' })).status).toBe(303);
    expect((await browser.post('/settings/password', { password: OTHER_PASSWORD })).status).toBe(303);
  });

  it('change name, time zone, language and theme, and nothing else', async () => {
    const id = await addUser('anna@example.com');
    await signInAs('anna@example.com');
    expect((await browser.get('/settings')).text).toContain('UTC+03:00 Europe/Moscow');
    const fields = { name: 'Анна', time_zone: 'Asia/Tokyo', locale: 'ru', theme: 'dark' };
    await browser.post('/settings', { ...fields, role: 'administrator', email: 'x@example.com' });
    const page = await browser.get('/settings');
    expect(page.text).toContain('Настройки сохранены.');
    expect(page.text).toContain('<option value="Asia/Tokyo" selected="">');
    expect(await findUserById(database.db, id)).toMatchObject({
      name: 'Анна',
      timeZone: 'Asia/Tokyo',
      locale: 'ru',
      theme: 'dark',
      role: 'user',
      email: 'anna@example.com',
    });
  });

  it('refuse what there is not', async () => {
    await addUser('anna@example.com');
    await signInAs('anna@example.com');
    const answer = await browser.post('/settings', {
      name: '',
      time_zone: 'Mars/Olympus',
      locale: 'xx',
      theme: 'pink',
    });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('4 fields need attention');
  });

  it('change the password with the old one, and end the other sessions', async () => {
    await addUser('anna@example.com');
    const elsewhere = site.openBrowser();
    await signInAs('anna@example.com');
    await signInAs('anna@example.com', PASSWORD, elsewhere);
    for (const guess of [OTHER_PASSWORD, 'x'.repeat(5000)]) {
      const wrong = await browser.post('/settings/password', { current_password: guess, password: OTHER_PASSWORD });
      expect(wrong.status).toBe(422);
      expect(wrong.text).toContain('This is not your current password.');
    }
    const own = { current_password: PASSWORD, password: 'anna@example.com' };
    expect((await browser.post('/settings/password', own)).status).toBe(422);
    const right = await browser.post('/settings/password', { current_password: PASSWORD, password: OTHER_PASSWORD });
    expect(right.location).toBe('/settings/security');
    expect([await isSignedIn(), await isSignedIn(elsewhere)]).toEqual([true, false]);
    expect(site.letters.at(-1)).toMatchObject({ purpose: 'password_changed' });
  });
});

describe('the language of visitors', () => {
  it('is remembered in a cookie', async () => {
    const answer = await browser.post('/locale', { locale: 'ru', next: '/sign-in?next=%2Fmailings' });
    expect(answer.location).toBe('/sign-in?next=%2Fmailings');
    expect(browser.cookies.get('locale')).toBe('ru');
    await browser.post('/locale', { locale: 'xx' });
    expect(browser.cookies.get('locale')).toBe('ru');
  });
});

describe('the first administrator', () => {
  it('is made by the link and signed in at once', async () => {
    expect((await browser.get(`/setup?token=${readSetupToken()}`)).status).toBe(200);
    expect((await setUp('anna@example.com', browser)).location).toBe('/');
    expect(JSON.parse((await browser.get('/')).text)).toMatchObject({
      role: 'administrator',
      email: 'anna@example.com',
    });
    expect((await browser.get(`/setup?token=${readSetupToken()}`)).text).toContain('This link was used');
  });

  it('is one, of two who try at once', async () => {
    const browsers = [site.openBrowser(), site.openBrowser()] as const;
    const answers = await Promise.all([
      setUp('anna@example.com', browsers[0]),
      setUp('berta@example.com', browsers[1]),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 410]);
    expect(await database.db.selectFrom('users').select('role').execute()).toEqual([{ role: 'administrator' }]);
  });

  it('is still to be made after others have registered, but not with an address of theirs', async () => {
    await register('anna@example.com');
    const refused = await setUp('Anna@example.com', browser);
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('There is already a user with this address.');
    expect(await findUserByEmail(database.db, 'anna@example.com')).toMatchObject({ role: 'user', isConfirmed: false });
    expect((await setUp('berta@example.com', browser)).location).toBe('/');
    expect(await findUserByEmail(database.db, 'berta@example.com')).toMatchObject({ role: 'administrator' });
  });

  it('needs the whole link', async () => {
    for (const token of ['', 'x', readSetupToken().slice(1), `${readSetupToken()}x`]) {
      expect((await browser.get(`/setup?token=${token}`)).status).toBe(404);
      expect((await setUp('anna@example.com', browser, token)).status).toBe(404);
    }
    expect(await hasAdministrator(database.db)).toBe(false);
  });
});

describe('users made on the command line', () => {
  it('can sign in at once, with their role', async () => {
    const made = await createUser(database.db, {
      email: 'Boss@example.com',
      name: 'Boss',
      password: PASSWORD,
      role: 'manager',
    });
    expect(made).toMatchObject({ ok: true, email: 'boss@example.com' });
    await signInAs('boss@example.com');
    expect(JSON.parse((await browser.get('/')).text)).toMatchObject({ role: 'manager' });
  });

  it('are refused with the faults by field', async () => {
    await addUser('anna@example.com');
    expect(await faultsFor({ email: 'ANNA@example.com' })).toEqual({ email: { key: 'userExists' } });
    expect(await faultsFor({ email: 'x', name: '', password: 'y' })).toMatchObject({
      email: { key: 'email' },
      name: { key: 'required' },
      password: { key: 'passwordShort' },
    });
  });
});

describe('the cookie of the address just registered', () => {
  it('is believed only as it was made, and for an hour', async () => {
    await register('anna@example.com');
    const value = browser.cookies.get('vestnik_pending') ?? '';
    const forged = Buffer.from(JSON.stringify(['eve@example.com', Date.now() + 60_000])).toString('base64url');
    for (const cookie of [`${forged}.${value.split('.')[1]}`, forged, `${forged}.`, '', '.', value.slice(1)]) {
      browser.cookies.set('vestnik_pending', cookie);
      expect((await browser.get('/check-mail')).text).not.toContain('@example.com');
    }
    browser.cookies.set('vestnik_pending', value);
    expect((await browser.get('/check-mail')).text).toContain('anna@example.com');
  });
});

async function faultsFor(over: object) {
  const user = { email: 'x@example.com', name: 'X', password: PASSWORD, role: 'user' as const };
  const result = await createUser(database.db, { ...user, ...over });
  return result.ok ? {} : result.faults;
}

function setUp(email: string, by: Browser, token = readSetupToken()) {
  const fields = { name: 'Anna', email, password: PASSWORD, time_zone: 'Europe/Moscow' };
  return by.post(`/setup?token=${token}`, fields);
}

/** What an observer sees of an answer, without the address that was typed. */
function describeAnswer(answer: Answer | undefined, typed = '@') {
  const cookies = answer?.response.headers.getSetCookie().map((cookie) => cookie.replace(/=[^;]*/, ''));
  return { status: answer?.status, location: answer?.location, text: answer?.text.replaceAll(typed, 'X@'), cookies };
}

/** The shortest of some runs, in milliseconds: least disturbed by whatever else runs. */
async function measure(task: () => Promise<unknown>, runs = 5): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const begun = performance.now();
    await task();
    times.push(performance.now() - begun);
  }
  return Math.min(...times);
}

function readSetupToken(): string {
  const { baseUrl, secret } = site.auth;
  return firstAdministratorLink(baseUrl, secret).split('token=')[1] ?? '';
}

async function expireLinks() {
  await database.db
    .updateTable('one_time_links')
    .set({ expires_at: new Date(Date.now() - 1000) })
    .execute();
}

async function block(id: number, reason: string | null) {
  const columns = { blocked: reason !== null, blocked_reason: reason, blocked_at: reason === null ? null : new Date() };
  await database.db.updateTable('users').set(columns).where('id', '=', id).execute();
}
