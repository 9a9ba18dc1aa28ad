import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import type { NodeRole } from '../lib/schema.js';
import type { Sending } from './node.js';
import { saveBeat } from './nodes-store.js';

let database: TestDatabase;
let site: TestSite;

beforeEach(async () => {
  database = await createTestDatabase();
  site = openTestSite(database.db);
});
afterEach(() => database.close());

/** What stands on the page, without its markup. */
async function read(path = '/oversight/nodes', locale = 'en'): Promise<string> {
  const headers = { cookie: `${await site.signIn('manager')}; locale=${locale}` };
  const response = await site.web.request(path, { headers });
  expect(response.status).toBe(200);
  return response.text();
}

const toText = (html: string) => html.replaceAll(/<[^>]+>/g, '|').replaceAll(/\|+/g, '|');

const IDLE: Sending = {
  lettersPerSecond: 0,
  outcomes: { accepted: 0, deferred: 0, rejected: 0, inDoubt: 0 },
  onTheWire: 0,
  connections: 0,
  mailings: [],
};

async function add(name: string, roles: NodeRole[], sending?: Partial<Sending>): Promise<void> {
  const activity = { memoryBytes: 145_400_000, ...(sending ? { sending: { ...IDLE, ...sending } } : {}) };
  await saveBeat(database.db, { name, roles, version: '1.2.3', secretDigest: 'x', uptimeMs: 0, activity });
}

test('shows each living process with what it does, and links to what it sends', async () => {
  const mailing = await addMailing(database.db, await addUser(database.db));
  const outcomes = { accepted: 12_345, deferred: 1, rejected: 0, inDoubt: 2 };
  await add('pages', ['web']);
  const now = { onTheWire: 1, connections: 8, mailings: [mailing, 900_001] };
  await add('sender', ['worker'], { lettersPerSecond: 1234.56, outcomes, ...now });
  const html = await read();
  const text = toText(html);
  expect(text).toContain('2 processes are alive');
  expect(text).toMatch(/Serves pages\|pages\|version 1\.2\.3\|since [^|]+\|—\|—\|—\|—\|145 MB/);
  expect(text).toMatch(
    /Sends letters\|sender\|version 1\.2\.3\|since [^|]+\|1,235\|12,345 accepted\|1 put off\|2 in doubt\|1 letter on the wire\|8 connections\|Hello\|145 MB/,
  );
  expect(html).toContain(`href="/mailings/${mailing}"`);
  expect(html).not.toContain('900001');
  expect(text).not.toContain('0 rejected');
  expect(text).not.toContain('Gone');
});

test('sums up the installation', async () => {
  const { db } = database;
  for (const waiting of [1500, 20]) {
    const mailing = await addMailing(db, await addUser(db));
    await sql`insert into mailing_counters (mailing_id, audience, waiting) values (${mailing}, ${waiting}, ${waiting})`.execute(
      db,
    );
  }
  await add('pages', ['web']);
  await add('both', ['web', 'worker'], { lettersPerSecond: 2.25 });
  await add('sender', ['worker'], { lettersPerSecond: 3.5 });
  await add('gone', ['worker'], { lettersPerSecond: 1000 });
  await sql`update nodes set seen_at = now() - interval '1 minute' where name = 'gone'`.execute(db);
  expect(toText(await read())).toMatch(
    /Letters a second\|5\.8\|Letters waiting\|1,520\|Processes that serve pages\|2\|Processes that send\|2\|/,
  );
});

test('shows who is gone, and warns when nobody sends any more', async () => {
  await add('pages', ['web']);
  await add('sender', ['worker'], {});
  expect(toText(await read())).not.toContain('No process sends letters');
  await sql`update nodes set seen_at = now() - interval '1 minute' where name = 'sender'`.execute(database.db);
  const text = toText(await read());
  expect(text).toContain('1 process is alive');
  expect(text).toContain('No process sends letters');
  expect(text).toMatch(/Gone\|.*Last seen\|Sends letters\|sender\|/s);
});

test.each([
  [1, 'Работает 1 процесс|'],
  [2, 'Работают 2 процесса|'],
  [5, 'Работают 5 процессов|'],
])('counts %i in Russian as Russian does', async (count, heading) => {
  for (let n = 1; n <= count; n += 1) await add(`sender ${n}`, ['worker'], { onTheWire: count });
  const text = toText(await read('/oversight/nodes', 'ru'));
  expect(text).toContain(heading);
  expect(text).toMatch(/Отправляет письма\|sender 1\|версия 1\.2\.3\|с \d/);
});

test('says so when no process has signed on, and when all of them are gone', async () => {
  expect(toText(await read())).toContain('No process has signed on');
  await add('pages', ['web']);
  await sql`update nodes set seen_at = now() - interval '1 minute'`.execute(database.db);
  expect(toText(await read())).toContain('None has been seen in the last seconds.');
});

test('the live part is the same, without the frame', async () => {
  await add('pages', ['web']);
  const [page, part] = [await read(), await read('/oversight/nodes/live')];
  expect(part).toContain('pages');
  expect(part).not.toContain('<html');
  expect(page).toContain('data-live="/oversight/nodes/live"');
  expect(page).toContain(part);
});

test('what a process says of itself is text, never markup', async () => {
  await add('<b>name</b>', ['web']);
  expect(await read()).not.toContain('<b>name');
});
