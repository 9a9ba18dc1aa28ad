import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createUser } from './create-user.js';
import { findUserByEmail, findUserById } from './user-store.js';

const PASSWORD = 'seven green boats';
const OTHER_PASSWORD = 'nine quiet rivers';
const OLD = 'anna@example.com';
const NEW = 'anna@new.example';

let database: TestDatabase;
let site: AccountSite;
let browser: Browser;
let annaId: number;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  site = openAccountSite(database.db);
  browser = site.openBrowser();
  annaId = await addUser(OLD);
  await signInAs(OLD);
});

async function addUser(email: string) {
  const result = await createUser(database.db, { email, name: 'Anna', password: PASSWORD, role: 'user' });
  if (!result.ok) throw new Error('not created');
  return result.id;
}

function signInAs(email: string, password = PASSWORD, by = browser) {
  return by.post('/sign-in', { email, password });
}

function ask(email = NEW, fields: Record<string, string> = {}, by = browser) {
  return by.post('/settings/email', { email, email_password: PASSWORD, ...fields });
}

/** The path and query of the link in the newest letter to this address. */
function readLink(to: string): string {
  const letter = site.letters.findLast((sent) => sent.to === to);
  const link = /http:\/\/localhost:3000(\/\S+)/.exec(letter?.text ?? '')?.[1];
  if (link === undefined) throw new Error('there is no letter with a link');
  return link;
}

async function readEmail() {
  return (await findUserById(database.db, annaId))?.email;
}

describe('a change of the address', () => {
  it('happens when the link that went to the new address is followed, and its button pressed', async () => {
    const asked = await ask('Anna@New.example');
    expect([asked.status, asked.location]).toEqual([303, '/settings/security']);
    expect(site.letters.map(({ to, subject }) => [to, subject])).toEqual([
      [NEW, 'Confirm your new address'],
      [OLD, 'A change of your address was asked for'],
    ]);
    expect((await browser.get('/settings/security')).text).toContain(`${NEW} waits for its confirmation`);

    const page = await browser.get(readLink(NEW));
    expect(page.status).toBe(200);
    expect(page.text).toContain(`After the change, sign in with ${NEW}`);
    expect(await readEmail()).toBe(OLD);

    const changed = await browser.post(readLink(NEW), {});
    expect([changed.status, changed.location]).toEqual([303, '/settings/security']);
    expect(await readEmail()).toBe(NEW);
    expect(site.letters.at(-1)).toMatchObject({ to: OLD, subject: 'Your address was changed' });
    const again = await browser.post(readLink(NEW), {});
    expect([again.status, again.text]).toEqual([410, expect.stringContaining('This link was used')]);

    expect((await signInAs(OLD, PASSWORD, site.openBrowser())).status).toBe(422);
    expect((await signInAs(NEW, PASSWORD, site.openBrowser())).status).toBe(303);
    const entry = await database.db
      .selectFrom('audit_entries')
      .select(['actor', 'subject', 'details', 'address'])
      .where('action', '=', 'account.email_changed')
      .where('subject_id', '=', annaId)
      .executeTakeFirst();
    expect(entry).toEqual({ actor: OLD, subject: NEW, details: { from: OLD, to: NEW }, address: '203.0.113.1' });
  });

  it('needs the password, another address, and an address at all', async () => {
    const answers = [
      await ask(NEW, { email_password: OTHER_PASSWORD }),
      await ask(OLD),
      await ask('x'),
      await ask('', { email_password: '' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 422]);
    expect(answers[0]?.text).toContain('This is not your current password.');
    expect(answers[0]?.text).toContain(`value="${NEW}"`);
    expect(answers[1]?.text).toContain('This is your address already.');
    expect(answers[2]?.text).toContain('This is not an e-mail address');
    expect(answers[3]?.text).toContain('2 fields need attention');
    expect(site.letters).toEqual([]);
  });

  it('writes to the same stranger a few times and no more, whoever asks', async () => {
    for (let n = 0; n < 8; n += 1) expect((await ask()).location).toBe('/settings/security');
    expect(site.letters.filter(({ to }) => to === NEW)).toHaveLength(5);
  });

  it('is for who is signed in', async () => {
    const visitor = site.openBrowser();
    expect((await ask(NEW, {}, visitor)).location).toMatch(/^\/sign-in/);
    await ask();
    const link = readLink(NEW);
    expect((await visitor.get(link)).location).toBe(`/sign-in?next=${encodeURIComponent(link)}`);
    expect((await visitor.post(link, {})).location).toMatch(/^\/sign-in/);
    expect(await readEmail()).toBe(OLD);
  });

  it('is unknown to another user, who changes neither their own address nor that of who asked', async () => {
    const foreigner = await addUser('eve@example.com');
    const eve = site.openBrowser();
    await signInAs('eve@example.com', PASSWORD, eve);
    await ask();
    for (const answer of [await eve.get(readLink(NEW)), await eve.post(readLink(NEW), {})]) {
      expect(answer.status).toBe(410);
      expect(answer.text).toContain('This link does not work');
      expect(answer.text).not.toContain(NEW);
    }
    expect(await readEmail()).toBe(OLD);
    expect((await findUserById(database.db, foreigner))?.email).toBe('eve@example.com');
    expect((await browser.post(readLink(NEW), {})).status).toBe(303);
  });

  it('is one at a time: a later request takes the place of an earlier one', async () => {
    await ask('first@new.example');
    await ask('second@new.example');
    const first = await browser.get(readLink('first@new.example'));
    expect([first.status, first.text]).toEqual([410, expect.stringContaining('This link is too old')]);
    await browser.post(readLink('second@new.example'), {});
    expect(await readEmail()).toBe('second@new.example');
  });

  it('does not happen by links that are too old, mangled or for something else', async () => {
    await ask();
    const link = readLink(NEW);
    await site.openBrowser().post('/recovery', { email: OLD });
    const recovery = readLink(OLD).split('=')[1] ?? '';
    for (const token of ['', 'x', '%00', recovery, link.split('=')[1]?.slice(1) ?? '']) {
      expect((await browser.get(`/email-change?token=${token}`)).text).toContain('This link does not work');
      expect((await browser.post(`/email-change?token=${token}`, {})).status).toBe(410);
    }
    await database.db
      .updateTable('one_time_links')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    expect((await browser.post(link, {})).text).toContain('This link is too old');
    expect(await readEmail()).toBe(OLD);
  });

  it('gives nobody a role or another user’s address by fields slipped into the form', async () => {
    await ask(NEW, { role: 'administrator', user_id: '1', id: '1' });
    await browser.post(readLink(NEW), { email: 'eve@example.com', role: 'administrator' });
    expect(await findUserById(database.db, annaId)).toMatchObject({ email: NEW, role: 'user' });
  });
});

describe('an address that is another user’s', () => {
  it('is answered as a free one; its owner alone is told', async () => {
    await addUser('berta@example.com');
    const taken = await ask('berta@example.com');
    const pages = [(await browser.get('/settings/security')).text.replaceAll('berta@example.com', 'X')];
    expect(site.letters.map(({ to, subject }) => [to, subject])).toEqual([
      ['berta@example.com', 'This address is taken'],
      [OLD, 'A change of your address was asked for'],
    ]);
    const free = await ask('nobody@example.com');
    pages.push((await browser.get('/settings/security')).text.replaceAll('nobody@example.com', 'X'));
    expect([taken.status, taken.location]).toEqual([free.status, free.location]);
    expect(pages[0]).toBe(pages[1]);
    expect(site.letters).toHaveLength(4);
  });

  it('is refused when it became that after the letter', async () => {
    await ask();
    await addUser(NEW);
    const answer = await browser.post(readLink(NEW), {});
    expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('This address is taken')]);
    expect(await readEmail()).toBe(OLD);
  });

  it('is free where its registration was never confirmed', async () => {
    await site.openBrowser().post('/sign-up', { name: 'Eve', email: NEW, password: OTHER_PASSWORD });
    await ask();
    await browser.post(readLink(NEW), {});
    expect(await readEmail()).toBe(NEW);
    expect((await signInAs(NEW, OTHER_PASSWORD, site.openBrowser())).status).toBe(422);
  });
});

describe('the way back from a change', () => {
  it('restores the old address with a new password, and ends every session', async () => {
    await ask();
    await browser.post(readLink(NEW), {});
    const link = readLink(OLD);
    const owner = site.openBrowser();
    expect((await owner.get(link)).text).toContain(`You will sign in with ${OLD} again`);
    expect((await owner.post(link, { password: OTHER_PASSWORD })).location).toBe('/sign-in');
    expect(await readEmail()).toBe(OLD);
    expect((await browser.get('/')).text).toBe('null');
    expect((await signInAs(NEW)).status).toBe(422);
    expect((await signInAs(OLD, OTHER_PASSWORD)).status).toBe(303);
    expect((await owner.get(link)).text).toContain('This link was used');
  });

  it('cannot be taken away by who changed the address, nor followed by them', async () => {
    await ask();
    await browser.post(readLink(NEW), {});
    await ask('further@new.example');
    await browser.post(readLink('further@new.example'), {});
    await browser.post('/recovery', { email: 'further@new.example' });
    const [ours, theirs] = [readLink(OLD), readLink(NEW)];
    expect((await site.openBrowser().post(ours, { password: OTHER_PASSWORD })).status).toBe(303);
    expect(await readEmail()).toBe(OLD);
    for (const link of [theirs, readLink('further@new.example')]) {
      expect((await site.openBrowser().post(link, { password: 'three tall chimneys' })).status).toBe(410);
    }
    expect(await readEmail()).toBe(OLD);
  });

  it('is closed where the old address has become another user’s', async () => {
    await ask();
    await browser.post(readLink(NEW), {});
    const link = readLink(OLD);
    await addUser(OLD);
    expect((await site.openBrowser().post(link, { password: OTHER_PASSWORD })).status).toBe(410);
    expect(await readEmail()).toBe(NEW);
    expect(await findUserByEmail(database.db, OLD)).toBeDefined();
  });
});

it('ends by a recovery of the password: who asked for it knew the old one', async () => {
  await ask();
  const visitor = site.openBrowser();
  await visitor.post('/recovery', { email: OLD });
  await visitor.post(readLink(OLD), { password: OTHER_PASSWORD });
  await signInAs(OLD, OTHER_PASSWORD);
  expect((await browser.post(readLink(NEW), {})).text).toContain('This link is too old');
  expect(await readEmail()).toBe(OLD);
});
