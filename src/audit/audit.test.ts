import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import { openSignedInSite, type SignedInSite } from '../../test/support/signed-in-site.js';
import { auditRoutes } from './audit-routes.js';
import { recordAudit } from './audit-store.js';
import { TERMINAL, VESTNIK, type Actor, type AuditEntry } from './audit.js';

let database: TestDatabase;
let manager: SignedInSite;
const ANNA: Actor = { userId: 1, name: 'anna@example.com', address: '203.0.113.7', userAgent: 'Firefox' };

beforeAll(async () => {
  database = await createTestDatabase();
  manager = await openSignedInSite(database.db, '/oversight/audit', auditRoutes({ db: database.db }));
});
afterAll(() => database.close());

async function write(actor: Actor, entry: AuditEntry): Promise<void> {
  await recordAudit(database.db, actor, entry);
}

async function writeAt(at: string, actor: Actor, entry: AuditEntry): Promise<void> {
  await write(actor, entry);
  await sql`alter table audit_entries disable trigger audit_entries_kept`.execute(database.db);
  await sql`update audit_entries set at = ${at} where id = (select max(id) from audit_entries)`.execute(database.db);
  await sql`alter table audit_entries enable trigger audit_entries_kept`.execute(database.db);
}

const rows = (text: string) =>
  [...text.matchAll(/<tr>.*?<\/tr>/gs)].slice(1).map(([row]) => row.replaceAll(/<[^>]+>/g, '|'));

test('keeps every entry as it was written: nobody changes, deletes or empties the log', async () => {
  await write(ANNA, {
    action: 'user.blocked',
    subject: { type: 'user', id: 5, name: 'bob@example.com' },
    reason: 'spam',
  });
  for (const statement of [
    sql`update audit_entries set reason = 'none'`,
    sql`delete from audit_entries`,
    sql`truncate audit_entries`,
    sql`truncate audit_entries cascade`,
  ]) {
    await expect(statement.execute(database.db)).rejects.toThrow('the audit log cannot be changed');
  }
  const { text } = await manager.browser.get('/oversight/audit');
  expect(rows(text)).toHaveLength(1);
  expect(rows(text)[0]).toMatch(/User blocked.*anna@example\.com.*bob@example\.com.*spam.*203\.0\.113\.7/s);
  expect(text).toContain('href="/oversight/users/5"');
});

test('outlives whom it tells of', async () => {
  const id = await addUser(database.db, { email: 'gone@example.com' });
  await write({ ...ANNA, userId: id, name: 'gone@example.com' }, { action: 'account.deleted', ownerId: id });
  await database.db.deleteFrom('users').where('id', '=', id).execute();
  expect((await manager.browser.get('/oversight/audit?q=gone@')).text).toContain('gone@example.com');
});

test('names what happens by itself and what is done at the terminal', async () => {
  const subject = { type: 'mailing', id: 9, name: 'Spring' } as const;
  await write(VESTNIK, { action: 'mailing.started', subject });
  await write(TERMINAL, {
    action: 'user.created',
    subject: { type: 'user', id: 3, name: 'c@example.com' },
    details: { role: 'manager' },
  });
  const { text } = await manager.browser.get('/oversight/audit');
  expect(rows(text)[0]).toMatch(/User created.*Terminal of the server.*role: manager/s);
  expect(rows(text)[1]).toMatch(/Mailing started.*Vestnik, by itself.*Spring/s);
});

test('takes nobody who signs in as “terminal” for the terminal', async () => {
  await write({ userId: null, name: 'terminal', address: '203.0.113.7', userAgent: '' }, { action: 'session.refused' });
  const { text } = await manager.browser.get('/oversight/audit?action=session.refused');
  expect(rows(text)[0]).not.toContain('Terminal of the server');
  expect(rows(text)[0]).toMatch(/terminal.*203\.0\.113\.7/s);
});

test('is found by words, action and days of the reader’s time zone', async () => {
  const entry = (name: string): AuditEntry => ({
    action: 'mailing.stopped',
    subject: { type: 'mailing', id: 1, name },
  });
  await writeAt('2026-03-01T23:59:59Z', ANNA, entry('First'));
  await writeAt('2026-03-02T00:00:00Z', ANNA, entry('Second'));
  await writeAt('2026-03-02T23:59:59.999Z', ANNA, entry('Third'));
  await writeAt('2026-03-03T00:00:00Z', ANNA, entry('Fourth'));
  const find = async (query: string) => rows((await manager.browser.get(`/oversight/audit?${query}`)).text);
  expect(await find('from=2026-03-02&until=2026-03-02')).toHaveLength(2);
  expect(await find('action=mailing.stopped')).toHaveLength(4);
  expect(await find('action=mailing.stopped&q=SECOND')).toHaveLength(1);
  expect(await find('action=mailing.stopped&until=2026-03-01')).toHaveLength(1);
  expect(await find('from=soon&action=drop')).toHaveLength((await find('')).length);
});

test('is exported as it is filtered, and the export is itself written down', async () => {
  await write(ANNA, { action: 'recipient.deleted', reason: '=HYPERLINK("x")', details: { count: 3 } });
  const answer = await manager.browser.post('/oversight/audit/export', { action: 'recipient.deleted' });
  expect(answer.response.headers.get('content-disposition')).toMatch(
    /^attachment; filename="vestnik-log-[\d-]+\.csv"$/,
  );
  expect(answer.response.headers.get('cache-control')).toBe('private, no-store');
  const lines = answer.text.split('\r\n');
  expect(lines[0]).toContain('When,What,Who,To what,Why,Details,From where,Browser');
  expect(lines[1]).toMatch(
    /^\d{4}-.*Z,Recipients deleted,anna@example\.com,,"'=HYPERLINK\(""x""\)",count: 3,203\.0\.113\.7,Firefox$/,
  );
  expect(lines.slice(2)).toEqual(['']);
  expect((await manager.browser.get('/oversight/audit')).text).toContain('Log exported');
});

test('has pages, and an end', async () => {
  for (let n = 0; n < 60; n += 1) await write(ANNA, { action: 'session.started' });
  const first = await manager.browser.get('/oversight/audit?action=session.started');
  const next = /href="([^"]*after=[^"]*)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  expect(rows(first.text)).toHaveLength(50);
  expect(rows((await manager.browser.get(next)).text)).toHaveLength(10);
});
