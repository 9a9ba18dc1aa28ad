import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { findUserDetails } from '../accounts/user-list-store.js';
import type { Database } from '../lib/database.js';
import type { Role } from '../lib/schema-accounts.js';

let database: TestDatabase;
let db: Database;
let site: TestSite;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  site = openTestSite(db);
});
afterAll(() => database.close());
beforeEach(() => sql`delete from users`.execute(db));

interface Visitor {
  id: number;
  cookie: string;
  get(path: string): Promise<Answer>;
  post(path: string, fields?: Record<string, string>): Promise<Answer>;
}

interface Answer {
  status: number;
  location: string | null;
  text: string;
}

async function signIn(role: Role, locale: 'ru' | 'en' = 'en'): Promise<Visitor> {
  const id = await addUser(db, { role });
  await db.updateTable('users').set({ locale }).where('id', '=', id).execute();
  const cookie = await site.cookieOf(id);
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' };
    const response = await site.web.request(path, { ...init, headers });
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };
  return {
    id,
    cookie,
    get: (path) => send(path, {}),
    post: (path, fields = {}) => send(path, { method: 'POST', body: new URLSearchParams(fields) }),
  };
}

const listed = (html: string) =>
  [...html.matchAll(/<a class="row-link"[^>]*><bdi>([^<]*)<\/bdi>/g)].map(([, email]) => email);

const LIST = '/oversight/users';
const pageOf = (id: number) => `${LIST}/${id}`;

test('lists users with what they own, and keeps the filters in the address', async () => {
  const manager = await signIn('manager');
  const owner = await addUser(db, { email: 'anna@example.com' });
  await addUser(db, { email: 'boris@example.com', role: 'administrator' });
  await addRecipients(db, owner, 1234);
  await addMessage(db, owner);
  await addMailing(db, owner);
  const { status, text } = await manager.get(LIST);
  expect(status).toBe(200);
  expect(text).toContain('3 users');
  const [row = ''] = /<tr><td[^>]*><a[^>]*><bdi>anna@example\.com.*?<\/tr>/s.exec(text) ?? [];
  expect(row).toContain('>1,234<');
  expect(row).toContain('>2<');
  expect(row).toContain('>never<');
  const found = await manager.get(`${LIST}?q=example.com&role=administrator&sort=email`);
  expect(listed(found.text)).toEqual(['boris@example.com']);
  expect(found.text).toContain('1 found');
  expect(found.text).toMatch(/<option value="administrator" selected/);
  expect(found.text).toContain('role=administrator&amp;sort=-email');
  const nobody = await manager.get(`${LIST}?q=nobody&role=king&state=gone`);
  expect(nobody.text).toContain('Nothing found');
});

test('shows a user with links to what they own', async () => {
  const manager = await signIn('manager', 'ru');
  const owner = await addUser(db, { email: 'anna@example.com' });
  await addRecipients(db, owner, 3);
  await site.cookieOf(owner);
  const { status, text } = await manager.get(pageOf(owner));
  expect(status).toBe(200);
  for (const name of ['recipients', 'messages', 'mailings'])
    expect(text).toContain(`href="/oversight/${name}?owner=${owner}"`);
  expect(text).toContain('на 1 устройстве');
  expect(text).toContain(`${pageOf(owner)}/block`);
  expect(text).not.toContain(`${pageOf(owner)}/role`);
});

test('asks for a reason, blocks, and says who did it, when and why', async () => {
  const manager = await signIn('manager');
  const user = await signIn('user');
  const page = await manager.get(`${pageOf(user.id)}/block`);
  expect(page.text).toContain('signed out at once');
  expect(page.text).toContain('stop within seconds');
  for (const reason of ['', '  \n ', 'x'.repeat(501), 'a\0b']) {
    const refused = await manager.post(`${pageOf(user.id)}/block`, { reason });
    expect([refused.status, refused.text.includes('id="fault-reason"')]).toEqual([422, true]);
  }
  expect((await user.get('/')).status).toBe(200);
  const blocked = await manager.post(`${pageOf(user.id)}/block`, { reason: 'Complaints about <spam>' });
  expect([blocked.status, blocked.location]).toEqual([303, pageOf(user.id)]);
  const { text } = await manager.get(pageOf(user.id));
  expect(text).toContain('The user is blocked');
  expect(text).toMatch(/Blocked by user\d+@example\.com/);
  expect(text).toContain('Complaints about &lt;spam&gt;');
  expect(text).toContain(`${pageOf(user.id)}/unblock`);
  const again = await manager.post(`${pageOf(user.id)}/block`, { reason: 'again' });
  expect(again.location).toBe(pageOf(user.id));
  expect(await findUserDetails(db, user.id)).toMatchObject({ blockedReason: 'Complaints about <spam>' });
});

test('a blocked user’s cookie is worth nothing from the next request on, and not after the block either', async () => {
  const manager = await signIn('manager');
  const user = await signIn('user');
  expect((await user.get('/recipients')).status).toBe(200);
  await manager.post(`${pageOf(user.id)}/block`, { reason: 'spam' });
  const refused = await user.get('/recipients');
  expect([refused.status, refused.location]).toEqual([303, '/sign-in?next=%2Frecipients']);
  // As a sign-in leaves it that was under way.
  const late = await site.cookieOf(user.id);
  const request = () => site.web.request('/recipients', { headers: { cookie: late } });
  expect((await request()).status).toBe(303);
  await manager.post(`${pageOf(user.id)}/unblock`, { reason: 'mistake' });
  expect((await request()).status).toBe(303);
  expect((await user.get('/recipients')).status).toBe(303);
  const fresh = await site.cookieOf(user.id);
  expect((await site.web.request('/recipients', { headers: { cookie: fresh } })).status).toBe(200);
});

test('changes a role after a confirmation that says what it means', async () => {
  const admin = await signIn('administrator');
  const user = await signIn('user');
  const choice = await admin.get(`${pageOf(user.id)}/role`);
  expect(choice.text).toMatch(/value="manager" checked/);
  expect(choice.text).not.toContain('value="user"');
  const confirmation = await admin.get(`${pageOf(user.id)}/role?role=manager`);
  expect(confirmation.text).toMatch(/Make User \d+ a manager\?/);
  expect(confirmation.text).toContain('blocks users and disables mailings');
  expect((await findUserDetails(db, user.id))?.role).toBe('user');
  const changed = await admin.post(`${pageOf(user.id)}/role`, { role: 'manager' });
  expect([changed.status, changed.location]).toEqual([303, pageOf(user.id)]);
  expect((await findUserDetails(db, user.id))?.role).toBe('manager');
  expect((await user.get('/')).status).toBe(303);
  for (const role of ['', 'king']) expect((await admin.post(`${pageOf(user.id)}/role`, { role })).status).toBe(422);
});

test('shows a page to those alone who may do what it does', async () => {
  const visitors = {
    user: await signIn('user'),
    manager: await signIn('manager'),
    admin: await signIn('administrator'),
  };
  const [other, colleague, chief] = [
    await addUser(db),
    await addUser(db, { role: 'manager' }),
    await addUser(db, { role: 'administrator' }),
  ];
  const statuses = async (path: string) => {
    const { user, manager, admin } = visitors;
    return [(await user.get(path)).status, (await manager.get(path)).status, (await admin.get(path)).status];
  };
  expect(await statuses(LIST)).toEqual([403, 200, 200]);
  expect(await statuses(pageOf(other))).toEqual([403, 200, 200]);
  expect(await statuses(`${pageOf(other)}/block`)).toEqual([403, 200, 200]);
  expect(await statuses(`${pageOf(colleague)}/block`)).toEqual([403, 403, 200]);
  expect(await statuses(`${pageOf(chief)}/block`)).toEqual([403, 403, 200]);
  expect(await statuses(`${pageOf(chief)}/unblock`)).toEqual([403, 403, 303]);
  expect(await statuses(`${pageOf(other)}/role`)).toEqual([403, 403, 200]);
  expect(await statuses(`${LIST}/invitations`)).toEqual([403, 403, 200]);
  for (const visitor of Object.values(visitors)) {
    for (const action of ['block', 'unblock', 'role'])
      expect(
        (await visitor.post(`${pageOf(visitor.id)}/${action}`, { reason: 'me', role: 'administrator' })).status,
      ).toBe(403);
  }
  for (const path of ['/0', '/999999', '/9007199254740991', '/anna', '/999999/block', '/999999/role'])
    expect((await visitors.admin.get(LIST + path)).status).toBe(404);
  for (const path of ['/0', '/999999', '/9007199254740991'])
    expect((await visitors.admin.get(`${LIST}/invitations${path}/revocation`)).status).toBe(404);
});

test('invites, sends again, and revokes', async () => {
  const admin = await signIn('administrator');
  const invitations = `${LIST}/invitations`;
  expect((await admin.get(invitations)).text).toContain('There are no open invitations');
  const typed = { email: 'Guest@Example.com', role: 'manager', locale: 'ru' };
  for (const [field, value] of [
    ['email', 'guest@'],
    ['role', 'king'],
    ['locale', 'de'],
  ] as const) {
    const refused = await admin.post(invitations, { ...typed, [field]: value });
    expect([refused.status, refused.text.includes(`id="fault-${field}"`)]).toEqual([422, true]);
  }
  const invited = await admin.post(invitations, typed);
  expect([invited.status, invited.location]).toEqual([303, invitations]);
  const twice = await admin.post(invitations, typed);
  expect([twice.status, twice.text.includes('is open already')]).toEqual([422, true]);
  const row = await db.selectFrom('invitations').selectAll().executeTakeFirstOrThrow();
  expect(row).toMatchObject({ email: 'guest@example.com', role: 'manager', locale: 'ru', invited_by: admin.id });
  const page = await admin.get(invitations);
  expect(page.text).toContain('guest@example.com');
  expect((await admin.post(`${invitations}/${row.id}/letter`)).location).toBe(invitations);
  const confirmation = await admin.get(`${invitations}/${row.id}/revocation`);
  expect(confirmation.text).toContain('Revoke the invitation to guest@example.com?');
  expect((await admin.post(`${invitations}/${row.id}/revocation`)).location).toBe(invitations);
  expect((await admin.get(invitations)).text).toContain('There are no open invitations');
  expect((await admin.post(`${invitations}/${row.id}/letter`)).status).toBe(404);
  const actions = await db
    .selectFrom('audit_entries')
    .select('action')
    .where('actor_id', '=', admin.id)
    .orderBy('id')
    .execute();
  expect(actions.map(({ action }) => action)).toEqual(['user.invited', 'user.invited', 'user.invitation_revoked']);
});

test('offers no invitation while registration is closed, and refuses one', async () => {
  const admin = await signIn('administrator');
  await sql`update installation_settings set registration = 'closed'`.execute(db);
  const { text } = await admin.get(`${LIST}/invitations`);
  expect(text).toContain('Registration is closed now');
  expect(text).not.toContain('name="email"');
  await admin.post(`${LIST}/invitations`, { email: 'guest@example.com', role: 'user', locale: 'en' });
  expect(await db.selectFrom('invitations').select('id').where('invited_by', '=', admin.id).execute()).toEqual([]);
  await sql`update installation_settings set registration = 'open'`.execute(db);
});
