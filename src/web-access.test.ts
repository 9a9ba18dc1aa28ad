import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../test/support/test-site.js';

/* Every route of the site, against everybody who may come: a route without a line here fails. */

const VISITORS = ['anonymous', 'unconfirmed', 'blocked', 'owner', 'other user', 'manager', 'administrator'] as const;
type Visitor = (typeof VISITORS)[number];

type Answer = 'ok' | 'sign in' | 'forbidden' | 'not found';

const toAnswers = (line: string) => line.split(/\s*\|\s*/) as Answer[];

/** In the order of VISITORS. Nobody is told whether another user's things are there; managers may know, and not touch them. */
const ACCESS = {
  everybody: toAnswers('ok | ok | ok | ok | ok | ok | ok'),
  'signed in': toAnswers('sign in | sign in | sign in | ok | ok | ok | ok'),
  'owner reads': toAnswers('sign in | sign in | sign in | ok | not found | ok | ok'),
  'owner alone': toAnswers('sign in | sign in | sign in | ok | not found | not found | not found'),
  'owner writes': toAnswers('sign in | sign in | sign in | ok | not found | forbidden | forbidden'),
  managers: toAnswers('sign in | sign in | sign in | forbidden | forbidden | ok | ok'),
  administrators: toAnswers('sign in | sign in | sign in | forbidden | forbidden | forbidden | ok'),
  'inbox reader': toAnswers('not found | not found | not found | not found | not found | not found | ok'),
  'setup link': toAnswers('not found | not found | not found | not found | not found | not found | not found'),
} as const;

const TABLE: Record<keyof typeof ACCESS, string[]> = {
  everybody: [
    'GET /healthz',
    'GET /sign-up',
    'POST /sign-up',
    'GET /check-mail',
    'GET /confirmation',
    'GET /confirmation/letter',
    'POST /confirmation/letter',
    'GET /sign-in',
    'POST /sign-in',
    'POST /sign-out',
    'GET /recovery',
    'POST /recovery',
    'GET /recovery/new',
    'POST /recovery/new',
    'POST /locale',
  ],
  'setup link': ['GET /setup', 'POST /setup'],
  'inbox reader': ['GET /inbox', 'GET /inbox/:id', 'GET /inbox/:id/html', 'GET /inbox/:id/letter.eml'],
  'signed in': [
    'GET /',
    'GET /running-mailings',
    'POST /sample-data',
    'GET /sample-data/deletion',
    'POST /sample-data/deletion',
    'GET /settings',
    'POST /settings',
    'POST /settings/password',
    'GET /recipients',
    'GET /recipients/new',
    'POST /recipients',
    'GET /recipients/deletion',
    'POST /recipients/deletion',
    'POST /recipients/found/deletion',
    'GET /messages',
    'GET /messages/new',
    'POST /messages',
    'GET /messages/deletion',
    'POST /messages/deletion',
    'GET /mailings',
    'GET /mailings/new',
    'POST /mailings',
  ],
  'owner reads': [
    'GET /recipients/:id',
    'GET /messages/:id',
    'GET /mailings/:id',
    'GET /mailings/:id/progress',
    'GET /mailings/:id/deliveries',
    'GET /mailings/:id/deliveries/:deliveryId',
  ],
  // What the search finds is the visitor's own, and there is nothing else of that name.
  'owner alone': ['GET /recipients/found/deletion'],
  'owner writes': [
    'GET /recipients/:id/edit',
    'POST /recipients/:id',
    'GET /recipients/:id/deletion',
    'GET /messages/:id/edit',
    'POST /messages/:id',
    'GET /messages/:id/deletion',
    'GET /mailings/:id/edit',
    'POST /mailings/:id',
    'GET /mailings/:id/audience',
    'POST /mailings/:id/audience',
    'GET /mailings/:id/audience/clearing',
    'POST /mailings/:id/audience/clearing',
    'POST /mailings/:id/start',
    'POST /mailings/:id/pause',
    'POST /mailings/:id/continue',
    'GET /mailings/:id/stop',
    'POST /mailings/:id/stop',
    'POST /mailings/:id/repeat',
    'GET /mailings/:id/deletion',
    'POST /mailings/:id/deletion',
  ],
  managers: ['GET /oversight/audit', 'POST /oversight/audit/export'],
  administrators: [],
};

let database: TestDatabase;
let site: TestSite;
const cookies = new Map<Visitor, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  site = openTestSite(db);
  const unconfirmed = await addUser(db);
  const blocked = await addUser(db);
  await sql`update users set email_verified = false where id = ${unconfirmed}`.execute(db);
  await sql`update users set blocked = true, blocked_at = now(), blocked_reason = 'spam' where id = ${blocked}`.execute(
    db,
  );
  cookies.set('unconfirmed', await site.cookieOf(unconfirmed));
  cookies.set('blocked', await site.cookieOf(blocked));
});
afterAll(() => database.close());

test('every route has its line, and every line its route', () => {
  const routes = site.web.routes.filter(({ method, path }) => method !== 'ALL' && !path.includes('*') && !isFile(path));
  const listed = Object.values(TABLE).flat();
  expect(listed.toSorted()).toEqual([...new Set(routes.map(({ method, path }) => `${method} ${path}`))].toSorted());
});

const LINES = Object.entries(ACCESS).flatMap(([access, answers]) =>
  TABLE[access as keyof typeof ACCESS].map((route) => ({ route, access, answers })),
);

test.each(LINES)('$route is for $access', async ({ route, access, answers }) => {
  const things = await addThings();
  // Who sends what is not theirs changes nothing of it; the owner comes last, because a write of theirs may take the thing away.
  const others = VISITORS.filter((visitor) => visitor !== 'owner');
  const before = await readThings(things.owner);
  const given: Partial<Record<Visitor, Answer>> = {};
  for (const visitor of others) given[visitor] = await visit(route, things, await cookieFor(visitor));
  if (!access.startsWith('manager') && !access.startsWith('administrator'))
    expect(await readThings(things.owner)).toEqual(before);
  given.owner = await visit(route, things, await site.cookieOf(things.owner));
  expect(given).toEqual(Object.fromEntries(VISITORS.map((visitor, index) => [visitor, answers[index]])));
});

const isFile = (path: string) => path === '/icon.svg';

/** Made anew for every route, because a write may end the session or take the user away. */
async function cookieFor(visitor: Visitor): Promise<string> {
  const role = ROLES[visitor];
  return role === undefined ? (cookies.get(visitor) ?? '') : site.signIn(role);
}

const ROLES: Partial<Record<Visitor, 'user' | 'manager' | 'administrator'>> = {
  'other user': 'user',
  manager: 'manager',
  administrator: 'administrator',
};

interface Things {
  owner: number;
  recipients: number;
  messages: number;
  mailings: number;
  delivery: number;
  letter: number;
}

async function visit(route: string, things: Things, cookie: string): Promise<Answer> {
  const [method = '', pattern = ''] = route.split(' ');
  const path = fillPath(pattern, things);
  const headers = { cookie, 'sec-fetch-site': 'same-origin' };
  const body = new URLSearchParams(fillForm(pattern, things));
  const query = method === 'GET' ? '?q=r1' : '';
  const response = await site.web.request(`${path}${query}`, {
    method,
    headers,
    ...(method === 'POST' ? { body } : {}),
  });
  await response.text();
  return describe(response);
}

/** The first part of the path tells whose id it is. */
function fillPath(pattern: string, things: Things): string {
  const ids: Record<string, number> = {
    recipients: things.recipients,
    messages: things.messages,
    mailings: things.mailings,
    inbox: things.letter,
    users: things.owner,
  };
  const kind = pattern.split('/').find((part) => part in ids) ?? '';
  return pattern.replace(':deliveryId', String(things.delivery)).replace(':id', String(ids[kind]));
}

/** What a page would send, and what it never would. */
function fillForm(pattern: string, things: Things): string[][] {
  const kind = pattern.startsWith('/messages') ? 'messages' : 'recipients';
  return [
    ['ids', String(things[kind])],
    ['q', 'r1'],
    ['reason', 'a reason'],
    ['owner_id', String(things.owner)],
    ['role', 'administrator'],
  ];
}

function describe({ status, headers }: Response): Answer {
  if (status >= 500) throw new Error(`answered ${status}`);
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not found';
  const location = headers.get('location') ?? '';
  return location.startsWith('/sign-in') && status === 303 && !headers.has('set-cookie') ? 'sign in' : 'ok';
}

/** An owner with a recipient, a message, a mailing that runs, and a delivery of it; and a letter in the inbox. */
async function addThings(): Promise<Things> {
  const { db } = database;
  const owner = await addUser(db);
  const [recipient = 0] = await addRecipients(db, owner, 1);
  const message = await addMessage(db, owner);
  const mailing = await addMailing(db, owner);
  await sql`update mailings set status = 'running', started_at = now() where id = ${mailing}`.execute(db);
  const { rows } = await sql<{ id: number }>`
    insert into deliveries (mailing_id, recipient_id, next_try_at, address, name, attributes)
    values (${mailing}, ${recipient}, now(), 'r1@example.com', '', '{}') returning id`.execute(db);
  const letter = await db
    .insertInto('inbox_letters')
    .values({
      sender: '',
      recipients: [],
      subject: '',
      source: Buffer.from('Content-Type: text/html\r\n\r\n<p>Hello</p>'),
      search_text: '',
      purpose: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const delivery = rows[0]?.id ?? 0;
  return { owner, recipients: recipient, messages: message, mailings: mailing, delivery, letter: letter.id };
}

/** Everything of an owner, as rows. */
async function readThings(owner: number): Promise<unknown> {
  const { rows } = await sql`
    select
      (select jsonb_agg(to_jsonb(t) - 'last_seen_at') from users t where id = ${owner}) as users,
      (select jsonb_agg(to_jsonb(t)) from recipients t where owner_id = ${owner}) as recipients,
      (select jsonb_agg(to_jsonb(t)) from messages t where owner_id = ${owner}) as messages,
      (select jsonb_agg(to_jsonb(t)) from mailings t where owner_id = ${owner}) as mailings,
      (select jsonb_agg(to_jsonb(d)) from deliveries d join mailings m on m.id = d.mailing_id where m.owner_id = ${owner}) as deliveries
  `.execute(database.db);
  return rows;
}
