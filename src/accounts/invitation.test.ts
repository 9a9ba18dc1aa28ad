import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Browser } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import type { Actor } from '../audit/audit.js';
import type { Registration } from '../lib/schema-accounts.js';
import { changeRegistration, readRegistration } from './installation-store.js';
import { listInvitations } from './invitation-store.js';
import { inviteUser, resendInvitation, revokeInvitation } from './invite-user.js';
import { findUserByEmail } from './user-store.js';

const EMAIL = 'nina@example.com';
const PASSWORD = 'seven green boats';
const INVITATION = { email: EMAIL, role: 'manager', locale: 'en' } as const;

let database: TestDatabase;
let site: AccountSite;
let browser: Browser;
let boss: Actor;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  await database.db.deleteFrom('invitations').execute();
  await setRegistration('open');
  site = openAccountSite(database.db);
  browser = site.openBrowser();
  const userId = await addUser(database.db, { role: 'administrator', email: 'boss@example.com' });
  boss = { userId, name: 'boss@example.com', address: '203.0.113.7', userAgent: '' };
});

function setRegistration(registration: Registration) {
  return database.db.transaction().execute((trx) => changeRegistration(trx, registration));
}

async function invite(over: Partial<{ email: string; role: 'user' | 'administrator' }> = {}) {
  const result = await inviteUser(site.auth, boss, { ...INVITATION, ...over });
  if (!result.ok) throw new Error(result.fault);
  return result.id;
}

function readLink(): string {
  const link = /http:\/\/localhost:3000(\/invitation\S+)/.exec(site.letters.at(-1)?.text ?? '')?.[1];
  if (link === undefined) throw new Error('there is no letter with an invitation');
  return link;
}

function accept(link = readLink(), fields: Record<string, string> = {}, by = browser) {
  return by.post(link, { name: 'Nina', password: PASSWORD, time_zone: 'Asia/Tokyo', ...fields });
}

async function readActions(name = EMAIL) {
  const rows = await database.db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'details'])
    .where('subject', '=', name)
    .where('action', 'not like', 'session.%')
    .orderBy('id')
    .execute();
  return rows.map(({ action, actor_id: actorId, details }) => ({ action, actorId, details }));
}

describe('an invitation', () => {
  it('leads by its letter to a confirmed user with the invited role, signed in at once', async () => {
    await invite();
    expect(site.letters).toMatchObject([{ to: EMAIL, purpose: 'invitation', subject: 'An invitation to Vestnik' }]);
    expect(site.letters[0]?.text).toContain('boss@example.com invites you');
    const page = await browser.get(readLink());
    expect(page.status).toBe(200);
    expect(page.text).toContain('You will sign in as nina@example.com, with the role: manager.');

    const accepted = await accept();
    expect([accepted.status, accepted.location]).toEqual([303, '/']);
    expect(JSON.parse((await browser.get('/')).text)).toMatchObject({
      email: EMAIL,
      name: 'Nina',
      role: 'manager',
      timeZone: 'Asia/Tokyo',
    });
    expect(await listInvitations(database.db)).toEqual([]);
    const id = (await findUserByEmail(database.db, EMAIL))?.id;
    expect((await readActions()).slice(-2)).toEqual([
      { action: 'user.invited', actorId: boss.userId, details: { role: 'manager' } },
      { action: 'account.registered', actorId: id, details: { role: 'manager' } },
    ]);
    const again = await site.openBrowser().get(readLink());
    expect([again.status, again.text]).toEqual([410, expect.stringContaining('This invitation was accepted')]);
  });

  it('gives no other role or address by fields slipped into the form', async () => {
    await invite({ role: 'user' });
    await accept(readLink(), { role: 'administrator', email: 'eve@example.com', email_verified: 'true', id: '1' });
    expect(await findUserByEmail(database.db, EMAIL)).toMatchObject({ role: 'user' });
    expect(await findUserByEmail(database.db, 'eve@example.com')).toBeUndefined();
  });

  it('shows the form again with each fault at its field, and stays valid', async () => {
    await invite();
    const answer = await accept(readLink(), { name: 'x'.repeat(5000), password: 'nina' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('2 fields need attention');
    expect(answer.text).toContain('id="fault-name"');
    expect(answer.text).toContain('id="fault-password"');
    expect((await accept(readLink(), { password: EMAIL })).text).toContain('among the most common');
    expect((await accept()).status).toBe(303);
  });

  it('makes one user of a double press', async () => {
    await invite();
    const answers = await Promise.all([accept(), accept(readLink(), {}, site.openBrowser())]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 410]);
  });

  it('is unknown, too old or revoked, and says so', async () => {
    const id = await invite();
    const link = readLink();
    await browser.post('/recovery', { email: 'boss@example.com' });
    const recovery = /new\?token=(\S+)/.exec(site.letters.at(-1)?.text ?? '')?.[1] ?? '';
    for (const token of ['', 'x', '%00', recovery]) {
      expect((await browser.get(`/invitation?token=${token}`)).text).toContain('This link does not work');
      expect((await accept(`/invitation?token=${token}`)).status).toBe(410);
    }
    await revokeInvitation(database.db, boss, id);
    for (const answer of [await browser.get(link), await accept(link)]) {
      expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('does not work any more')]);
    }
    expect(await findUserByEmail(database.db, EMAIL)).toBeUndefined();
    expect(await revokeInvitation(database.db, boss, id)).toBe(false);
    expect((await readActions()).at(-1)).toMatchObject({ action: 'user.invitation_revoked', actorId: boss.userId });
  });

  it('sent again has a new link, and the earlier one stops working', async () => {
    const id = await invite();
    const first = readLink();
    await database.db
      .updateTable('one_time_links')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    expect(await listInvitations(database.db)).toMatchObject([{ id, isExpired: true, invitedBy: 'boss@example.com' }]);
    expect(await resendInvitation(site.auth, boss, id)).toBe(true);
    expect(await listInvitations(database.db)).toMatchObject([{ id, email: EMAIL, role: 'manager', isExpired: false }]);
    expect((await accept(first)).status).toBe(410);
    expect((await accept()).status).toBe(303);
    expect(await resendInvitation(site.auth, boss, id)).toBe(false);
  });

  it('is not made twice, nor for somebody who is a user', async () => {
    await invite();
    expect(await inviteUser(site.auth, boss, INVITATION)).toEqual({ ok: false, fault: 'invited' });
    const user = { ...INVITATION, email: 'boss@example.com' };
    expect(await inviteUser(site.auth, boss, user)).toEqual({ ok: false, fault: 'userExists' });
    expect(site.letters).toHaveLength(1);
  });

  it('goes to who registered the address and never confirmed it, and takes the place of that', async () => {
    await browser.post('/sign-up', { name: 'Eve', email: EMAIL, password: 'nine quiet rivers' });
    await invite();
    expect((await accept()).status).toBe(303);
    expect(await findUserByEmail(database.db, EMAIL)).toMatchObject({ name: 'Nina', role: 'manager' });
    const eve = site.openBrowser();
    expect((await eve.post('/sign-in', { email: EMAIL, password: 'nine quiet rivers' })).status).toBe(422);
  });

  it('is over when its address has become a user’s in another way', async () => {
    await invite();
    const link = readLink();
    await addUser(database.db, { email: EMAIL });
    const answer = await accept(link);
    expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('You are registered already')]);
    expect(await listInvitations(database.db)).toEqual([]);
  });
});

describe('while registration is', () => {
  const fields = { name: 'Eve', email: 'eve@example.com', password: PASSWORD };

  it.each([
    ['invitation', 'Registration by invitation'],
    ['closed', 'Registration is closed'],
  ] as const)('"%s", nobody registers without one, and nothing leads there', async (registration, title) => {
    await setRegistration(registration);
    expect(await readRegistration(database.db)).toBe(registration);
    const answers = [await browser.get('/sign-up'), await browser.post('/sign-up', fields)];
    for (const answer of answers) expect([answer.status, answer.text]).toEqual([403, expect.stringContaining(title)]);
    expect(site.letters).toEqual([]);
    expect(await findUserByEmail(database.db, fields.email)).toBeUndefined();
    expect((await browser.get('/sign-in')).text).not.toContain('/sign-up');
  });

  it('"open", the page to sign in leads there', async () => {
    expect((await browser.get('/sign-in')).text).toContain('href="/sign-up"');
  });

  it('"invitation", an invitation works', async () => {
    await setRegistration('invitation');
    await invite();
    expect((await accept()).status).toBe(303);
  });

  it('"closed", not even an invitation works, and none is made', async () => {
    await invite();
    await setRegistration('closed');
    for (const answer of [await browser.get(readLink()), await accept()]) {
      expect([answer.status, answer.text]).toEqual([410, expect.stringContaining('Registration is closed')]);
    }
    expect(await findUserByEmail(database.db, EMAIL)).toBeUndefined();
    const other = { ...INVITATION, email: 'olga@example.com' };
    expect(await inviteUser(site.auth, boss, other)).toEqual({ ok: false, fault: 'registrationClosed' });
    await setRegistration('open');
    expect((await accept()).status).toBe(303);
  });
});
