import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addRecipients, addUser, setBlocked } from '../../test/support/fixtures.js';
import { addFrozenMailing, claim, makeEntry } from '../../test/support/ledger.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { openXlsx } from '../../test/support/xlsx-reader.js';
import { recordEntries } from '../delivery/lease-store.js';
import type { Database } from '../lib/database.js';

let database: TestDatabase;
let db: Database;
let site: TestSite;
let anna: number;
let mailing: number;
const cookies = { anna: '', boris: '', manager: '' };

/** Three letters of anna's: accepted, rejected with words that a spreadsheet would run, in doubt. Boris has one, accepted. */
beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  site = openTestSite(db);
  anna = await addUser(db, { email: 'anna@example.com' });
  const boris = await addUser(db, { email: 'boris@example.com' });
  mailing = await addTried(anna, ['accepted', 'rejected', 'in_doubt']);
  await addTried(boris, ['accepted']);
  [cookies.anna, cookies.boris] = [await site.cookieOf(anna), await site.cookieOf(boris)];
  cookies.manager = await site.signIn('manager');
});
afterAll(() => database.close());

async function addTried(ownerId: number, states: ('accepted' | 'rejected' | 'in_doubt')[]): Promise<number> {
  await addRecipients(db, ownerId, states.length);
  const id = await addFrozenMailing(db, ownerId);
  const lease = await claim(db, id);
  const entries = lease.deliveries.map((delivery, n) => {
    const entry = makeEntry(delivery.id, states[n] ?? 'accepted');
    const said =
      states[n] === 'rejected'
        ? { replyCode: 550, enhancedCode: '5.1.1', reply: '=cmd|calc "no, such" user\nsecond line' }
        : { replyCode: 250, enhancedCode: '2.0.0', reply: 'ok' };
    return {
      ...entry,
      attempt: entry.attempt && { ...entry.attempt, ...said, startedAt: new Date(Date.UTC(2026, 10, 20, 12, 0, n)) },
    };
  });
  await recordEntries(db, lease.id, entries, true);
  return id;
}

async function visit(path: string, who: keyof typeof cookies = 'anna', fields?: Record<string, string>) {
  const response = await site.web.request(path, {
    headers: { cookie: cookies[who], 'sec-fetch-site': 'same-origin' },
    ...(fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}),
  });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body, text: body.toString() };
}

const rowsOf = (text: string) => (text.match(/<tbody>.*<\/tbody>/s)?.[0].match(/<tr>/g) ?? []).length;

test('shows one’s own, one mailing’s, and to managers everybody’s, each in its place', async () => {
  expect(rowsOf((await visit('/attempts')).text)).toBe(3);
  expect(rowsOf((await visit('/attempts', 'boris')).text)).toBe(1);
  expect(rowsOf((await visit(`/mailings/${mailing}/attempts`)).text)).toBe(3);
  expect((await visit(`/mailings/${mailing}/attempts`, 'boris')).status).toBe(404);
  expect(rowsOf((await visit(`/mailings/${mailing}/attempts`, 'manager')).text)).toBe(3);
  const { text } = await visit('/oversight/attempts', 'manager');
  expect(rowsOf(text)).toBe(4);
  expect(text).toContain('>4 attempts<');
  expect(rowsOf((await visit('/attempts', 'manager')).text)).toBe(0);
  expect((await visit('/attempts', 'manager')).text).toContain('No attempts yet');
});

test.each([
  ['address=r2', 1],
  ['address=@example.com&outcome=unsuccessful', 2],
  ['code=5.1.1', 1],
  ['code=250&outcome=accepted', 1],
  ['reply=SUCH&relay=RELAY', 1],
  ['from=2026-11-20T12:00&until=2026-11-20T12:00', 3],
  ['until=2026-11-19', 0],
])('narrows by %s', async (query, count) => {
  const { status, text } = await visit(`/attempts?${query}`);
  expect([status, rowsOf(text)]).toEqual([200, count]);
  expect(text.includes('No attempt matches all of this.')).toBe(count === 0);
});

test('says at the field what was not understood, and keeps the rest', async () => {
  const { status, text } = await visit('/attempts?code=abc&address=r1&until=2026-11-01&from=2026-11-02');
  expect(status).toBe(422);
  expect(text).toContain('id="fault-code">Write a code of three digits');
  expect(text).toContain('id="fault-until">The end must be after the beginning.');
  expect(text).toMatch(/name="address" value="r1"/);
  expect(text).toContain('<details open');
  expect(rowsOf(text)).toBe(0);
  expect(text).not.toContain('/attempts/export');
});

test('exports as CSV what is shown, without formulas, and writes it into the audit log', async () => {
  const { headers, text } = await visit('/attempts/export', 'anna', { outcome: 'rejected', format: 'csv' });
  expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(headers.get('content-disposition')).toMatch(/^attachment; filename="vestnik-attempts-[\d-]+\.csv"$/);
  expect(text).toBe(
    '\uFEFFTime (UTC),Address,Mailing,Outcome,Code,Enhanced code,The mail server\'s reply,Mail server,TLS,"Duration, ms"\r\n' +
      `2026-11-20T12:00:01.000Z,r2@example.com,Hello,unsuccessful: rejected,550,5.1.1,"'=cmd|calc ""no, such"" user\nsecond line",relay:25,TLSv1.3,3\r\n`,
  );
  const entry = await db.selectFrom('audit_entries').selectAll().orderBy('id', 'desc').executeTakeFirstOrThrow();
  expect(entry).toMatchObject({ action: 'attempts.exported', actor: 'anna@example.com', subject: null });
});

test('exports a workbook that another reader understands, of a mailing and of everybody', async () => {
  const own = await visit(`/mailings/${mailing}/attempts/export`, 'anna', { format: 'xlsx' });
  expect(own.headers.get('content-type')).toBe('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet');
  const { cells } = openXlsx(own.body);
  expect(cells[0]).toEqual([
    'Time (UTC)',
    'Address',
    'Mailing',
    'Outcome',
    'Code',
    'Enhanced code',
    "The mail server's reply",
    'Mail server',
    'TLS',
    'Duration, ms',
  ]);
  expect(cells[2]).toEqual([
    '2026-11-20 12:00:01',
    'r2@example.com',
    'Hello',
    'unsuccessful: rejected',
    550,
    '5.1.1',
    '=cmd|calc "no, such" user\nsecond line',
    'relay:25',
    'TLSv1.3',
    3,
  ]);
  const entry = await db.selectFrom('audit_entries').selectAll().orderBy('id', 'desc').executeTakeFirstOrThrow();
  expect(entry).toMatchObject({
    action: 'attempts.exported',
    owner_id: anna,
    subject_type: 'mailing',
    subject_id: mailing,
  });
  const everybody = openXlsx((await visit('/oversight/attempts/export', 'manager', { format: 'xlsx' })).body).cells;
  expect(everybody.slice(1).map((row) => row[3])).toEqual(
    expect.arrayContaining(['anna@example.com', 'boris@example.com']),
  );
  const annas = openXlsx(
    (await visit('/oversight/attempts/export', 'manager', { format: 'xlsx', owner: 'anna@example.com' })).body,
  ).cells;
  expect(annas).toHaveLength(4);
});

test.each([
  ['is blocked', (id: number) => setBlocked(db, id, true)],
  ['is a user only', (id: number) => db.updateTable('users').set({ role: 'user' }).where('id', '=', id).execute()],
  ['is signed out', (id: number) => db.deleteFrom('sessions').where('user_id', '=', id).execute()],
])('an export that is read slowly breaks off once its reader %s', async (_, end) => {
  const reader = await addUser(db, { role: 'manager' });
  const headers = { cookie: await site.cookieOf(reader), 'sec-fetch-site': 'same-origin' };
  const response = await site.web.request('/oversight/attempts/export', {
    headers,
    method: 'POST',
    body: new URLSearchParams({ format: 'csv' }),
  });
  const chunks = response.body?.getReader();
  expect(Buffer.from((await chunks?.read())?.value ?? []).toString()).toContain('Time (UTC)');
  await end(reader);
  const rest = async () => {
    // What was made before is sent; then comes no end, but the break.
    while (!(await chunks?.read())?.done);
  };
  await expect(rest()).rejects.toThrow('the session ended');
});

test('an export of what was not understood is refused in the page', async () => {
  const { status, text } = await visit('/attempts/export', 'anna', { code: 'abc', format: 'csv' });
  expect(status).toBe(422);
  expect(text).toContain('id="fault-code"');
  expect((await visit(`/mailings/${mailing}/attempts/export`, 'boris', { format: 'csv' })).status).toBe(404);
});

test('says where attempts are not kept any more: in the journal, and at a delivery that has lost some', async () => {
  await sql`update installation_settings set attempts_kept_from = '2026-03-01T00:00:00Z'`.execute(db);
  const words = 'Attempts before March 1, 2026 (UTC) are no longer kept; the totals are.';
  expect((await visit('/attempts')).text).toContain(words);
  expect((await visit(`/mailings/${mailing}/attempts`)).text).not.toContain(words);
  await sql`update mailings set started_at = '2026-02-01' where id = ${mailing}`.execute(db);
  expect((await visit(`/mailings/${mailing}/attempts`)).text).toContain(words);
  const { id } = await db
    .selectFrom('deliveries')
    .select('id')
    .where('mailing_id', '=', mailing)
    .executeTakeFirstOrThrow();
  expect((await visit(`/mailings/${mailing}/deliveries/${id}`)).text).not.toContain(words);
  await sql`delete from attempts where delivery_id = ${id}`.execute(db);
  const { text } = await visit(`/mailings/${mailing}/deliveries/${id}`);
  expect(text).toContain(words);
  expect(text).not.toContain('There have been no attempts yet.');
});

test('a mailing all of whose attempts were removed says so, and blames no conditions', async () => {
  await sql`update installation_settings set attempts_kept_from = '2026-03-01T00:00:00Z'`.execute(db);
  await sql`update mailings set started_at = '2026-02-01' where id = ${mailing}`.execute(db);
  await sql`delete from attempts where mailing_id = ${mailing}`.execute(db);
  const all = (await visit(`/mailings/${mailing}/attempts`)).text;
  expect(all).toContain('These attempts are no longer kept');
  expect(all).not.toContain('Take one of the conditions away');
  expect(all).not.toContain('attempts/export');
  const searched = (await visit(`/mailings/${mailing}/attempts?outcome=rejected`)).text;
  expect(searched).toContain('Take one of the conditions away');
});
