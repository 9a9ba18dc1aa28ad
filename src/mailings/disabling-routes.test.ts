import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { claim } from '../../test/support/ledger.js';
import { openSignedInSite } from '../../test/support/signed-in-site.js';
import { TERMINAL } from '../audit/audit.js';
import { freezeAudience } from '../delivery/ledger-store.js';
import { systemClock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { disablingRoutes } from './disabling-routes.js';
import { mailingRoutes } from './mailing-routes.js';
import { findMailing } from './mailing-store.js';
import { SpeedBook } from './speed-book.js';
import { startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let manager: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  [owner, manager] = [await addUser(db), await addUser(db, { role: 'manager' })];
});

/** A visitor of the pages of mailings. */
async function visit(userId: number, role: 'user' | 'manager', locale: Locale = 'en') {
  const deps = { db, clock: systemClock, letters: { send: () => Promise.resolve() }, baseUrl: 'http://localhost' };
  const routes = mailingRoutes({ ...deps, speeds: new SpeedBook() }).route('/', disablingRoutes(deps));
  const { browser } = await openSignedInSite(db, '/mailings', routes, { ownerId: userId, role, locale });
  return browser;
}

/** Running; of three letters two have left: one accepted, one in doubt. */
async function makeRunning(): Promise<number> {
  await addRecipients(db, owner, 3);
  const id = await addMailing(db, owner);
  await startMailing(db, TERMINAL, owner, id, new Date());
  await freezeAudience(db, id);
  await sql`update mailing_counters set waiting = 1, accepted = 1, in_doubt = 1 where mailing_id = ${id}`.execute(db);
  return id;
}

async function addAttempt(mailingId: number, endedAfterMs: number): Promise<void> {
  await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select d.id, ${mailingId}, m.disabled_at + make_interval(secs => ${(endedAfterMs - 300) / 1000}), 300, 'accepted', d.address, 'r', 'dot', 'ok'
    from deliveries d, mailings m where d.mailing_id = ${mailingId} and m.id = ${mailingId} limit 1`.execute(db);
}

test('a manager disables somebody’s mailing with a reason, and everybody sees how it stopped', async () => {
  const id = await makeRunning();
  const browser = await visit(manager, 'manager');
  const form = await browser.get(`/mailings/${id}/disabling`);
  expect(form.text).toContain('2 letters of 3 have left by now');
  const refused = await browser.post(`/mailings/${id}/disabling`, { reason: ' \n ' });
  expect(refused.status).toBe(422);
  expect(refused.text).toContain('aria-invalid="true"');
  expect(await browser.post(`/mailings/${id}/disabling`, { reason: 'Spam' })).toMatchObject({
    status: 303,
    location: `/mailings/${id}`,
  });
  expect((await findMailing(db, owner, id))?.disabledReason).toBe('Spam');
  expect((await browser.get(`/mailings/${id}`)).text).toContain('Sending stopped at once; 2 letters had left by then.');
  await addAttempt(id, 840);
  expect((await browser.get(`/mailings/${id}`)).text).toContain('Sending stopped after 0.8 s; 2 letters had left');
  const own = await visit(owner, 'user', 'ru');
  const { text } = await own.get(`/mailings/${id}`);
  expect(text).toContain('Отправка прекратилась через 0,8 с; к этому времени ушло 2 письма.');
  expect(text).toContain('Причина: Spam');
});

test('while letters are on the wire the page says that it waits for them', async () => {
  const id = await makeRunning();
  const browser = await visit(manager, 'manager', 'ru');
  await claim(db, id, 1);
  await browser.post(`/mailings/${id}/disabling`, { reason: 'Спам' });
  const { text } = await browser.get(`/mailings/${id}/progress`);
  expect(text).toContain('Ждём ответа почтового сервера на последние письма. Пока ушло 2 письма.');
});

test('what was disabled is enabled with a reason; a second press is told', async () => {
  const id = await addMailing(db, owner);
  const browser = await visit(manager, 'manager');
  expect(await browser.get(`/mailings/${id}/enabling`)).toMatchObject({ status: 303 });
  await browser.post(`/mailings/${id}/disabling`, { reason: 'Spam' });
  expect(await browser.get(`/mailings/${id}/disabling`)).toMatchObject({ status: 303 });
  expect((await browser.get(`/mailings/${id}/enabling`)).text).toContain('It starts by itself at its time');
  expect((await browser.post(`/mailings/${id}/enabling`, { reason: '' })).status).toBe(422);
  expect((await browser.post(`/mailings/${id}/enabling`, { reason: 'A mistake' })).status).toBe(303);
  expect((await findMailing(db, owner, id))?.disabledAt).toBeNull();
});

test('is not for the owner, and does not exist for anybody else', async () => {
  const id = await addMailing(db, owner);
  const own = await visit(owner, 'user');
  const other = await visit(await addUser(db), 'user');
  for (const path of [`/mailings/${id}/disabling`, `/mailings/${id}/enabling`]) {
    expect((await own.get(path)).status).toBe(403);
    expect((await own.post(path, { reason: 'x' })).status).toBe(403);
    expect((await other.get(path)).status).toBe(404);
    expect((await other.post(path, { reason: 'x' })).status).toBe(404);
  }
});

test('a disabled mailing offers its owner no start', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner);
  const browser = await visit(owner, 'user');
  expect((await browser.get(`/mailings/${id}`)).text).toContain(`/mailings/${id}/start`);
  await (await visit(manager, 'manager')).post(`/mailings/${id}/disabling`, { reason: 'Spam' });
  expect((await browser.get(`/mailings/${id}`)).text).not.toContain(`/mailings/${id}/start`);
  await browser.post(`/mailings/${id}/start`, {});
  expect(await findMailing(db, owner, id)).toMatchObject({ status: 'created' });
});

test('a disabled mailing that had started offers its owner the stop, and neither pause nor continuing', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner);
  await db
    .updateTable('mailings')
    .set({ status: 'running', started_at: new Date(), frozen_at: new Date() })
    .where('id', '=', id)
    .execute();
  const browser = await visit(owner, 'user');
  const readPresses = async () => {
    const { text } = await browser.get(`/mailings/${id}`);
    return ['pause', 'continue', 'stop'].filter((press) => text.includes(`/mailings/${id}/${press}"`));
  };
  expect(await readPresses()).toEqual(['pause', 'stop']);
  await (await visit(manager, 'manager')).post(`/mailings/${id}/disabling`, { reason: 'Spam' });
  expect(await readPresses()).toEqual(['stop']);
  await db.updateTable('mailings').set({ paused_at: new Date() }).where('id', '=', id).execute();
  expect(await readPresses()).toEqual(['stop']);
});
