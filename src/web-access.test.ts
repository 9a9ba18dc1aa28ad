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
  "managers of others' mailings": toAnswers('sign in | sign in | sign in | forbidden | not found | ok | ok'),
  administrators: toAnswers('sign in | sign in | sign in | forbidden | forbidden | forbidden | ok'),
  'inbox reader': toAnswers('not found | not found | not found | not found | not found | not found | ok'),
  'who has given the password': toAnswers('sign in | sign in | sign in | sign in | sign in | sign in | sign in'),
  'who has begun a second factor': toAnswers(
    'sign in | sign in | sign in | not found | not found | not found | not found',
  ),
  // These routes ask for a token, and are not there while the setting is absent.
  monitoring: toAnswers('not found | not found | not found | not found | not found | not found | not found'),
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
    'POST /sign-in/code',
    'GET /invitation',
    'POST /invitation',
  ],
  'who has given the password': ['GET /sign-in/code'],
  'who has begun a second factor': ['POST /settings/second-factor/confirm'],
  monitoring: ['GET /metrics'],
  'setup link': ['GET /setup', 'POST /setup'],
  'inbox reader': ['GET /inbox', 'GET /inbox/:id', 'GET /inbox/:id/html', 'GET /inbox/:id/letter.eml'],
  'signed in': [
    'GET /',
    'GET /running-mailings',
    'GET /figures',
    'POST /sample-data',
    'GET /sample-data/deletion',
    'POST /sample-data/deletion',
    'GET /settings',
    'POST /settings',
    'POST /settings/password',
    'GET /settings/security',
    'GET /email-change',
    'POST /email-change',
    'GET /settings/email',
    'POST /settings/email',
    'GET /settings/sessions',
    'POST /settings/sessions/end-others',
    'POST /settings/sessions/end-all',
    'GET /settings/second-factor',
    'GET /settings/second-factor/begin',
    'POST /settings/second-factor/begin',
    'GET /settings/second-factor/confirm',
    'GET /settings/second-factor/disable',
    'POST /settings/second-factor/disable',
    'GET /settings/second-factor/renew',
    'POST /settings/second-factor/renew',
    'GET /settings/data',
    'POST /settings/data/export',
    'GET /settings/data/deletion',
    'POST /settings/data/deletion',
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
    'GET /attempts',
    'POST /attempts/export',
    'GET /mailings',
    'GET /mailings/new',
    'GET /mailings/compare',
    'POST /mailings',
  ],
  'owner reads': [
    'GET /recipients/:id',
    'GET /messages/:id',
    'GET /mailings/:id',
    'GET /mailings/:id/progress',
    'GET /mailings/:id/events',
    'GET /mailings/:id/report',
    'GET /mailings/:id/deliveries',
    'GET /mailings/:id/deliveries/:deliveryId',
    'GET /mailings/:id/attempts',
    'POST /mailings/:id/attempts/export',
  ],
  // What the search finds is the visitor's own, and there is nothing else of that name.
  'owner alone': ['GET /recipients/found/deletion', 'POST /settings/sessions/:id/end'],
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
    'GET /mailings/:id/rate',
    'POST /mailings/:id/rate',
    'POST /mailings/:id/start',
    'POST /mailings/:id/pause',
    'POST /mailings/:id/continue',
    'GET /mailings/:id/stop',
    'POST /mailings/:id/stop',
    'POST /mailings/:id/repeat',
    'GET /mailings/:id/in-doubt/resending',
    'POST /mailings/:id/in-doubt/resending',
    'POST /mailings/:id/in-doubt/leaving',
    'POST /mailings/:id/deliveries/:deliveryId/resending',
    'POST /mailings/:id/deliveries/:deliveryId/leaving',
    'GET /mailings/:id/deletion',
    'POST /mailings/:id/deletion',
  ],
  managers: [
    'GET /oversight',
    'GET /oversight/running-mailings',
    'GET /oversight/figures',
    'GET /oversight/mailings',
    'GET /oversight/recipients',
    'GET /oversight/messages',
    'GET /oversight/attempts',
    'POST /oversight/attempts/export',
    'GET /oversight/nodes',
    'GET /oversight/nodes/live',
    'GET /oversight/audit',
    'POST /oversight/audit/export',
    'GET /oversight/users',
    'GET /oversight/users/:id',
    'GET /oversight/users/:id/halt',
    'GET /oversight/users/:id/block',
    'POST /oversight/users/:id/block',
    'GET /oversight/users/:id/unblock',
    'POST /oversight/users/:id/unblock',
  ],
  "managers of others' mailings": [
    'GET /mailings/:id/disabling',
    'POST /mailings/:id/disabling',
    'GET /mailings/:id/enabling',
    'POST /mailings/:id/enabling',
  ],
  administrators: [
    'GET /oversight/users/:id/role',
    'POST /oversight/users/:id/role',
    'GET /oversight/users/:id/second-factor/removal',
    'POST /oversight/users/:id/second-factor/removal',
    'GET /oversight/users/invitations',
    'POST /oversight/users/invitations',
    'POST /oversight/users/invitations/:id/letter',
    'GET /oversight/users/invitations/:id/revocation',
    'POST /oversight/users/invitations/:id/revocation',
    'GET /oversight/relays',
    'GET /oversight/relays/new',
    'POST /oversight/relays',
    'POST /oversight/relays/domains',
    'GET /oversight/relays/domains/removal',
    'POST /oversight/relays/domains/removal',
    'GET /oversight/relays/:id',
    'GET /oversight/relays/:id/edit',
    'POST /oversight/relays/:id',
    'POST /oversight/relays/:id/switching-on',
    'GET /oversight/relays/:id/switching-off',
    'POST /oversight/relays/:id/switching-off',
    'GET /oversight/relays/:id/deletion',
    'POST /oversight/relays/:id/deletion',
    'POST /oversight/relays/:id/test-letter',
    'GET /oversight/installation',
    'POST /oversight/installation/registration',
    'GET /oversight/installation/attempts',
    'POST /oversight/installation/attempts',
    'POST /oversight/installation/test-letter',
  ],
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
  const before = await readThings(things.owner);
  const given: Partial<Record<Visitor, Answer>> = {};
  const visitAs = async (visitors: readonly Visitor[]) => {
    for (const visitor of visitors) given[visitor] = await visit(route, things, await cookieFor(visitor, things));
  };
  // Those who may change it come last: the owner, or for a screen of theirs the managers.
  const mayChange = (visitor: Visitor) =>
    /^(managers|administrators)/.test(access) ? ROLES[visitor] !== undefined : visitor === 'owner';
  await visitAs(VISITORS.filter((visitor) => !mayChange(visitor)));
  expect(await readThings(things.owner)).toEqual(before);
  await visitAs(VISITORS.filter(mayChange));
  expect(given).toEqual(Object.fromEntries(VISITORS.map((visitor, index) => [visitor, answers[index]])));
});

const isFile = (path: string) => path === '/icon.svg';

/** Made anew for every route, because a write may end the session or take the user away. */
async function cookieFor(visitor: Visitor, { owner }: Things): Promise<string> {
  if (visitor === 'owner') return site.cookieOf(owner);
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
  session: number;
  invitation: number;
  relay: number;
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
  // A stream of events has no end of its own.
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) await response.body?.cancel();
  else await response.text();
  return describe(response);
}

/** The part of the path before an id tells whose it is. */
function fillPath(pattern: string, things: Things): string {
  const ids: Record<string, number> = {
    recipients: things.recipients,
    messages: things.messages,
    mailings: things.mailings,
    inbox: things.letter,
    users: things.owner,
    sessions: things.session,
    invitations: things.invitation,
    relays: things.relay,
  };
  const kind = pattern.split('/').findLast((part) => part in ids) ?? '';
  return pattern.replace(':deliveryId', String(things.delivery)).replace(':id', String(ids[kind]));
}

/** What a page would send, and what it never would. */
function fillForm(pattern: string, things: Things): string[][] {
  const kind = pattern.startsWith('/messages') ? 'messages' : 'recipients';
  return [
    ['ids', String(things[kind])],
    ['q', 'r1'],
    ['act', 'add'],
    ['state', 'in_doubt'],
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
    insert into deliveries (mailing_id, recipient_id, next_try_at, state, address, name, attributes)
    values (${mailing}, ${recipient}, now(), 'in_doubt', 'r1@example.com', '', '{}') returning id`.execute(db);
  await sql`insert into mailing_contents (mailing_id, subject, body) values (${mailing}, 'Hello', 'Dear')`.execute(db);
  await sql`insert into mailing_counters (mailing_id, audience, in_doubt) values (${mailing}, 1, 1)`.execute(db);
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
  await site.cookieOf(owner);
  const session = await db.selectFrom('sessions').select('id').where('user_id', '=', owner).executeTakeFirstOrThrow();
  const invitation = await db
    .insertInto('invitations')
    .values({ email: `guest${owner}@example.com`, role: 'user', locale: 'en' })
    .returning('id')
    .executeTakeFirstOrThrow();
  const relay = await db
    .insertInto('relays')
    .values({ name: `Relay ${owner}`, host: '127.0.0.1', port: 1, tls: 'none' })
    .returning('id')
    .executeTakeFirstOrThrow();
  const own = { session: session.id, invitation: invitation.id, relay: relay.id };
  return { ...own, owner, recipients: recipient, messages: message, mailings: mailing, delivery, letter: letter.id };
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
