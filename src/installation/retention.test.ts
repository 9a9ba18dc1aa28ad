import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { readRetention } from '../accounts/installation-store.js';

let database: TestDatabase;
let site: TestSite;
let cookie: string;

beforeAll(async () => {
  database = await createTestDatabase();
  site = openTestSite(database.db);
  cookie = await site.signIn('administrator');
});
afterAll(() => database.close());

const PATH = '/oversight/installation/attempts';

async function visit(path: string, fields?: Record<string, string>) {
  const response = await site.web.request(path, {
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
    ...(fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}),
  });
  return { status: response.status, text: await response.text() };
}

test('asks once more, saying what goes and what stays, and changes nothing by that', async () => {
  const { text } = await visit(`${PATH}?months=12`);
  expect(text).toContain('Keep attempts for 12 months?');
  expect(text).toContain('The totals stay');
  expect(text).toContain('name="months" value="12"');
  expect((await visit(`${PATH}?months=`)).text).toContain('Keep attempts for ever?');
  expect(await readRetention(database.db)).toEqual({ months: null, keptFrom: null });
});

test('keeps them as long as was chosen, for ever again, and writes both into the audit log', async () => {
  expect((await visit(PATH, { months: '12' })).status).toBe(303);
  expect((await readRetention(database.db)).months).toBe(12);
  expect((await visit('/oversight/installation')).text).toMatch(/name="months" value="12"/);
  await visit(PATH, { months: '12' });
  await visit(PATH, { months: ' ' });
  expect((await readRetention(database.db)).months).toBeNull();
  const entries = await database.db
    .selectFrom('audit_entries')
    .select(['action', 'details'])
    .where('action', '=', 'settings.attempts_kept')
    .orderBy('id')
    .execute();
  expect(entries.map(({ details }) => details)).toEqual([
    { from: 'forever', to: 12 },
    { from: 12, to: 'forever' },
  ]);
  expect((await visit('/oversight/audit')).text).toContain('was: 12, now: for ever');
});

test.each(['0', '121', '-1', '1.5', 'x', '1000'])('“%s” is no number of months', async (months) => {
  for (const { status, text } of [await visit(`${PATH}?months=${months}`), await visit(PATH, { months })]) {
    expect(status).toBe(422);
    expect(text).toContain('id="fault-months"');
    expect(text).toContain(`value="${months}"`);
  }
  expect((await readRetention(database.db)).months).toBeNull();
});
