import { hashPassword } from 'better-auth/crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openTestSite } from '../../test/support/test-site.js';
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { Erasure } from './delete-account.js';

const PASSWORD = 'seven green boats';

let database: TestDatabase;
let passwordHash: string;

beforeAll(async () => {
  database = await createTestDatabase();
  passwordHash = await hashPassword(PASSWORD);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
});

async function open(role: Role = 'user', locale: Locale = 'en') {
  const { db } = database;
  const queued: Erasure[] = [];
  const erasures = { send: (erasure: Erasure) => Promise.resolve(void queued.push(erasure)) };
  const { web, cookieOf } = openTestSite(db, { erasures });
  const userId = await addUser(db, { role, email: 'anna@example.com' });
  await db.updateTable('users').set({ locale }).where('id', '=', userId).execute();
  await db
    .insertInto('credentials')
    .values({ user_id: userId, account_id: String(userId), provider_id: 'credential', password: passwordHash })
    .execute();
  const headers = { cookie: await cookieOf(userId), 'sec-fetch-site': 'same-origin' };
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await web.request(path, { ...init, headers });
    const { status, headers: answered } = response;
    return { status, headers: answered, location: answered.get('location'), text: await response.text() };
  };
  return {
    userId,
    queued,
    get: (path: string) => send(path),
    post: (path: string, fields: Record<string, string>) =>
      send(path, { method: 'POST', body: new URLSearchParams(fields) }),
  };
}

test.each([
  ['en', ['41 recipients', '2 messages', '1 mailing; what has not started is not sent', 'anna@example.com']],
  ['ru', ['41 получатель', '2 сообщения', '1 рассылка; незапущенная отправлена не будет', 'anna@example.com']],
] as const)('says what goes, offers the export first, and asks for the password alone (%s)', async (locale, words) => {
  const { userId, get } = await open('user', locale);
  await addRecipients(database.db, userId, 41);
  await addMessage(database.db, userId);
  await addMailing(database.db, userId);
  const page = await get('/settings/data/deletion');
  for (const word of words) expect(page.text).toContain(word);
  expect(page.text.indexOf('/settings/data/export')).toBeLessThan(page.text.indexOf('type="password"'));
  expect(page.text.match(/<input(?![^>]*type="hidden")[^>]*>/g)).toHaveLength(1);
  expect((await get('/settings/data')).text).toContain('href="/settings/data/deletion"');
});

test('deletes with the right password: the session is over, the address free, the job queued', async () => {
  const { userId, queued, get, post } = await open();
  const wrong = await post('/settings/data/deletion', { password: 'seven green goats' });
  expect(wrong.status).toBe(422);
  expect(wrong.text).toContain('id="fault-password"');
  const done = await post('/settings/data/deletion', { password: PASSWORD });
  expect(done.status).toBe(200);
  expect(done.text).toContain('Your account is deleted.');
  expect(done.text).toContain('app-guest');
  // Who comes next to this browser finds nothing by going back.
  expect(done.headers.get('clear-site-data')).toBe('"cache"');
  expect(queued).toEqual([{ userId, email: 'anna@example.com', locale: 'en' }]);
  expect((await get('/settings/data')).location).toBe('/sign-in?next=/settings/data');
  expect(await addUser(database.db, { email: 'anna@example.com' })).toBeGreaterThan(userId);
});

test('takes no session that came about at the same moment', async () => {
  const { userId, get } = await open();
  const { db } = database;
  await db.updateTable('users').set({ deletion_requested_at: new Date() }).where('id', '=', userId).execute();
  expect((await get('/settings/data')).location).toBe('/sign-in?next=/settings/data');
});

test('tells what stands in the way, and offers no button', async () => {
  const { userId, get, post } = await open('administrator', 'ru');
  const id = await addMailing(database.db, userId);
  await sql`update mailings set status = 'running', started_at = now() where id = ${id}`.execute(database.db);
  const page = await get('/settings/data/deletion');
  expect(page.text).toContain('Вы последний администратор.');
  expect(page.text).toContain('У вас идёт 1 рассылка. Сначала остановите её.');
  expect(page.text).not.toContain('type="password"');
  expect((await post('/settings/data/deletion', { password: PASSWORD })).status).toBe(422);
  expect((await get('/settings')).status).toBe(200);
});

test('lets nobody try passwords without end', async () => {
  const { post } = await open();
  const statuses: number[] = [];
  for (let n = 0; n < 11; n += 1) statuses.push((await post('/settings/data/deletion', { password: `x${n}` })).status);
  expect(statuses).toEqual([...Array<number>(10).fill(422), 429]);
  expect((await post('/settings/data/deletion', { password: PASSWORD })).status).toBe(429);
});

test('the tabs stand on every page of the settings, with the place marked', async () => {
  const { get } = await open();
  for (const path of ['/settings', '/settings/security', '/settings/data']) {
    const page = await get(path);
    expect(page.text).toContain(`<a href="${path}" aria-current="page">`);
    expect(page.text.match(/aria-current="page">(?!<)/g)).toHaveLength(1);
  }
});
