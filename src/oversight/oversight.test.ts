import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { sumAttemptsAnew } from '../delivery/attempt-totals-store.js';
import type { AttemptOutcome } from '../lib/schema-delivery.js';

/* What managers see of everybody's things; the whole site, because the lists stand behind its permissions. */

let database: TestDatabase;
let site: TestSite;
let manager: string;
let anna: number;
let boris: number;

beforeAll(async () => {
  database = await createTestDatabase();
  site = openTestSite(database.db);
  manager = await site.signIn('manager');
});
afterAll(() => database.close());

async function read(path: string, cookie = manager): Promise<string> {
  const response = await site.web.request(path, { headers: { cookie } });
  expect(response.status).toBe(200);
  return response.text();
}

/** The rows of the page's table, without their tags. */
async function readRows(path: string): Promise<string[]> {
  return listRows(await read(path));
}

const listRows = (text: string) =>
  [...text.matchAll(/<tr>.*?<\/tr>/gs)]
    .slice(1)
    .map(([row]) => row.replaceAll(/<svg.*?<\/svg>|<[^>]+>/gs, '|').replaceAll(/\|+/g, '|'));

const findLink = (text: string, rel: 'next' | 'prev') =>
  new RegExp(`href="([^"]*)" rel="${rel}"`).exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';

const LISTS = ['recipients', 'messages', 'mailings', 'attempts'];

test('tells of a fresh installation that nobody has anything yet', async () => {
  expect(await read('/oversight')).toContain('All is quiet');
  for (const list of LISTS) expect(await read(`/oversight/${list}`)).toContain('class="empty-state"');
});

test('shows both owners’ things with their owners, and one owner’s when asked by id or address', async () => {
  const { db } = database;
  anna = await addUser(db, { email: 'anna@example.com' });
  boris = await addUser(db, { email: 'boris@example.com' });
  await sql`update users set name = split_part(email, '@', 1) where id in (${anna}, ${boris})`.execute(db);
  for (const owner of [anna, boris]) {
    await addRecipients(db, owner, 2);
    await addMessage(db, owner, `Of ${owner}`);
    await addTries(await addMailing(db, owner), ['deferred', 'accepted']);
  }
  for (const list of LISTS) {
    const all = await readRows(`/oversight/${list}`);
    const names = all.map((row) => /\|(anna|boris)\|/.exec(row)?.[1] ?? '');
    expect(names).toEqual(names.toSorted((a, b) => b.localeCompare(a)));
    expect(new Set(names)).toEqual(new Set(['anna', 'boris']));
    for (const owner of [String(boris), 'boris@example.com', '  BORIS@Example.com ']) {
      const own = await readRows(`/oversight/${list}?owner=${encodeURIComponent(owner)}`);
      expect(own).toHaveLength(all.length / 2);
      expect(own.every((row) => row.includes('|boris|'))).toBe(true);
    }
  }
});

async function addTries(mailing: number, outcomes: AttemptOutcome[]): Promise<void> {
  const { db } = database;
  await sql`
    update mailings set status = 'running', started_at = now(), frozen_at = now() where id = ${mailing}`.execute(db);
  const { rows } = await sql<{ id: number }>`
    insert into deliveries (mailing_id, next_try_at, state, address, name, attributes)
    values (${mailing}, now(), 'accepted', ${`r${mailing}@example.com`}, '', '{}') returning id`.execute(db);
  const delivery = rows[0]?.id ?? 0;
  for (const outcome of outcomes) {
    await sql`
      insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
      values (${delivery}, ${mailing}, now(), 1, ${outcome}, ${`r${mailing}@example.com`}, 'relay', 'dot', ${`reply ${outcome}`})`.execute(
      db,
    );
  }
  await sumAttemptsAnew(db, mailing);
  const count = (outcome: AttemptOutcome) => outcomes.filter((one) => one === outcome).length;
  await sql`
    insert into mailing_counters (mailing_id, audience, accepted, attempts_accepted, attempts_deferred, attempts_rejected, attempts_in_doubt)
    values (${mailing}, 1, 1, ${count('accepted')}, ${count('deferred')}, ${count('rejected')}, ${count('in_doubt')})`.execute(
    db,
  );
}

test('says so when the owner is unknown, and shows nothing', async () => {
  const unknown = [
    'nobody@example.com',
    '999999',
    '99999999999',
    'anna',
    '%00@x',
    'a%0Ab@example.com',
    'a'.repeat(5000),
  ];
  for (const list of LISTS) {
    for (const owner of unknown) {
      const text = await read(`/oversight/${list}?owner=${owner}`);
      expect(text).toContain('There is no user with this address.');
      expect(listRows(text)).toHaveLength(0);
    }
  }
});

test('names the chosen owner and leads back to everybody', async () => {
  const text = await read(`/oversight/mailings?owner=${anna}&status=running`);
  expect(text).toContain(`href="/oversight/users/${anna}"`);
  expect(text).toContain('value="anna@example.com"');
  expect(text).toContain('href="/oversight/mailings?status=running"');
});

test('has nothing to press or to tick beside the search', async () => {
  for (const path of ['', ...LISTS.map((list) => `/${list}`)]) {
    const page = /<main.*<\/main>/s.exec(await read(`/oversight${path}`))?.[0] ?? '';
    // An export is a POST for its line in the audit log, and changes nothing; nor do ticks that choose what is compared.
    const main = page
      .replace(/<form method="post" action="\/oversight\/attempts\/export".*?<\/form>/s, '')
      .replace(/<form method="get" action="\/mailings\/compare".*?<\/form>/s, (form) =>
        form.replaceAll(/<input [^>]*type="checkbox" name="id"[^>]*>/g, ''),
      );
    expect(main).not.toMatch(/type="checkbox"|method="post"|\/edit"|\/deletion/);
    expect(main).toContain('To look at only');
  }
});

test('links each thing to its page, which a manager may read', async () => {
  const pages = { recipients: '/recipients', messages: '/messages', mailings: '/mailings', attempts: '/mailings' };
  for (const [list, place] of Object.entries(pages)) {
    const text = await read(`/oversight/${list}?owner=${anna}`);
    const href = new RegExp(`class="row-link" href="(${place}/[^"]+)"`).exec(text)?.[1] ?? '';
    expect(await read(href)).toContain('anna');
  }
});

test('keeps owner, search and order from page to page', async () => {
  const clara = await addUser(database.db, { email: 'clara@example.com' });
  await addRecipients(database.db, clara, 120);
  for (const query of ['q=example', `q=example&owner=${clara}`, `owner=${clara}&sort=email`, `sort=-added`]) {
    const first = await read(`/oversight/recipients?${query}`);
    const second = await read(findLink(first, 'next'));
    const third = await read(findLink(second, 'next'));
    const rows = [first, second, third].map(listRows);
    expect(rows.map(({ length }) => length).slice(0, 2)).toEqual([50, 50]);
    expect(new Set(rows.flat()).size).toBe(query.includes('owner') ? 120 : 124);
    expect(listRows(await read(findLink(third, 'prev')))).toEqual(rows[1]);
  }
  expect((await readRows('/oversight/recipients?sort=email'))[0]).toContain('r120@example.com');
  await database.db.deleteFrom('users').where('id', '=', clara).execute();
});

test('finds mailings by status and subject', async () => {
  expect(await readRows('/oversight/mailings?status=running')).toHaveLength(2);
  expect(await readRows('/oversight/mailings?status=created')).toHaveLength(0);
  expect(await readRows('/oversight/mailings?q=hello')).toHaveLength(2);
  expect(await readRows('/oversight/mailings?q=bye')).toHaveLength(0);
  expect(await readRows(`/oversight/messages?q=of+${anna}`)).toHaveLength(1);
});

test('finds attempts by outcome, newest first, and counts them', async () => {
  const outcomes = async (query: string) =>
    (await readRows(`/oversight/attempts?${query}`)).map((row) => /reply (\w+)/.exec(row)?.[1]);
  expect(await outcomes('')).toEqual(['accepted', 'deferred', 'accepted', 'deferred']);
  expect(await outcomes('outcome=accepted')).toEqual(['accepted', 'accepted']);
  expect(await outcomes('outcome=unsuccessful')).toEqual(['deferred', 'deferred']);
  expect(await outcomes('outcome=deferred&owner=boris@example.com')).toEqual(['deferred']);
  expect(await outcomes('outcome=rejected')).toEqual([]);
  expect(await outcomes('outcome=drop')).toHaveLength(4);
  expect(await read('/oversight/attempts')).toContain('4 attempts');
  expect(await read(`/oversight/attempts?outcome=unsuccessful&owner=${anna}`)).toContain('1 attempt<');
});

test('pages through the attempts of many mailings of one owner', async () => {
  const dora = await addUser(database.db, { email: 'dora@example.com' });
  const many = Array.from({ length: 30 }, (): AttemptOutcome => 'rejected');
  for (let n = 0; n < 4; n += 1) await addTries(await addMailing(database.db, dora), [...many, 'accepted']);
  const first = await read(`/oversight/attempts?owner=${dora}&outcome=rejected`);
  const second = await read(findLink(first, 'next'));
  const third = await read(findLink(second, 'next'));
  expect([first, second, third].map((text) => listRows(text).length)).toEqual([50, 50, 20]);
  expect(first).toContain('120 attempts');
  expect(findLink(third, 'next')).toBe('');
  expect(listRows(await read(findLink(second, 'prev')))).toEqual(listRows(first));
  await database.db.deleteFrom('users').where('id', '=', dora).execute();
});

test('sums up the installation, tells what runs and compares the owners', async () => {
  await addRecipients(database.db, await addUser(database.db, { email: 'emil@example.com' }), 1);
  const text = await read('/oversight');
  const figure = (label: string) => new RegExp(`<dt>${label}</dt><dd>(?:<[^>]*>)*(\\d+)`).exec(text)?.[1];
  const labels = [
    'Accepted',
    'Waiting',
    'Letters sent',
    'Unsuccessful attempts',
    'Mailings started',
    'Recipients added',
  ];
  expect(labels.map(figure)).toEqual(['2', '0', '2', '2', '2', '5']);
  expect(text.match(/class="running-mailing"/g)).toHaveLength(2);
  expect(text).toContain('1 of 1 settled, 1 accepted');
  const [first = '', second = '', third = ''] = listRows(text.slice(text.indexOf('id="owners-title"')));
  expect(first).toMatch(/^\|anna\|1\|\+1 \|more than before: 0\|1\|50% of attempts\|1\|2\|\w+\s\d/);
  expect(second).toContain('|boris|');
  expect(third).toMatch(/\|User \d+\|0\|as before: 0\|0\|0\|1\|—\|/);
  expect(text).toContain(`href="/oversight/attempts?outcome=unsuccessful&amp;owner=${anna}"`);
});

test('sorts the owners by what is asked for, and keeps the range meanwhile', async () => {
  const text = await read('/oversight?period=30&sort=recipients');
  const table = text.slice(text.indexOf('id="owners-title"'));
  const counts = listRows(table).map((row) => Number(/\|(\d+)\|(?:[^|]*)\|$/.exec(row)?.[1]));
  expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  expect(table).toMatch(/aria-sort="descending"><a class="sort-link" href="[^"]*sort=recipients/);
  expect(table).toContain('href="/oversight?period=30&amp;sort=started#owners-title"');
  expect(text).toContain('<input type="hidden" name="sort" value="recipients"/>');
});

test('tells administrators alone of mail servers and processes, and of none that sends', async () => {
  const administrator = await site.signIn('administrator');
  const text = await read('/oversight', administrator);
  expect(text).toContain('id="nodes-title"');
  expect(text).toContain('No process sends');
  await sql`insert into nodes (name, roles, version, secret_digest, activity) values ('w', '{worker}', '1', '', '{}')`.execute(
    database.db,
  );
  expect(await read('/oversight', administrator)).not.toContain('No process sends');
  expect(await read('/oversight')).not.toContain('id="nodes-title"');
  await sql`delete from nodes`.execute(database.db);
});

test('ends the live part when nothing runs any more', async () => {
  const ask = async (path: string) =>
    (await site.web.request(`/oversight${path}`, { headers: { cookie: manager } })).headers.get('x-live');
  const paths = ['/running-mailings', '/figures?period=7', '/running-mailings?before=start'];
  expect(await Promise.all(paths.map(ask))).toEqual([null, null, 'done']);
  await sql`update mailings set status = 'finished', finished_at = now()`.execute(database.db);
  expect(await Promise.all(paths.map(ask))).toEqual(['done', 'done', null]);
});

test('is closed to users', async () => {
  const cookie = await site.signIn('user');
  for (const path of ['', '/running-mailings', '/figures', ...LISTS.map((list) => `/${list}`)]) {
    expect((await site.web.request(`/oversight${path}`, { headers: { cookie } })).status).toBe(403);
  }
});
