import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import { startSmtpServer } from '../../test/support/smtp-server.js';
import { openTestSite } from '../../test/support/test-site.js';
import { clearRelayFault, saveRelayFault } from '../delivery/relay-store.js';
import { openRelay } from './open-relay.js';
import { listDomainLimits, listRelays } from './relay-store.js';
import type { RelaySettings } from './relay.js';

const PASSWORD = ' geheim/Wort+1 ';
/** As test/support/test-site.ts has it. */
const SECRET = 'a secret of the tests, long enough';

let database: TestDatabase;
let visitor: { userId: number; cookie: string };
let locale: 'en' | 'ru';
let lettersStayHere: boolean;
/** Anew for each test: ten test letters are enough for anybody. */
let site: ReturnType<typeof openTestSite>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  const { db } = database;
  await sql`truncate relays, relay_states, slowings, domain_limits`.execute(db);
  lettersStayHere = false;
  await enter('en');
});

async function enter(language: 'en' | 'ru'): Promise<void> {
  const { db } = database;
  locale = language;
  const mail = { url: 'smtp://robot:top@fallback.example.com:2525', from: 'Shop <shop@example.com>' };
  site = openTestSite(db, { lettersStayHere, mail });
  const userId = await addUser(db, { role: 'administrator' });
  await db.updateTable('users').set({ locale }).where('id', '=', userId).execute();
  visitor = { userId, cookie: await site.cookieOf(userId) };
}

async function send(path: string, fields?: Record<string, string>) {
  const headers = { cookie: visitor.cookie, 'sec-fetch-site': 'same-origin' };
  const init = fields ? { method: 'POST', body: new URLSearchParams(fields), headers } : { headers };
  const response = await site.web.request(path, init);
  const text = await response.text();
  return {
    status: response.status,
    location: response.headers.get('location') ?? '',
    text,
    main: /<main.*<\/main>/s.exec(text)?.[0] ?? '',
  };
}

const at = (path: string, fields?: Record<string, string>) => send(`/oversight/relays${path}`, fields);

const FIELDS = {
  name: 'Main',
  host: 'mail.example.com',
  port: '587',
  tls: 'required',
  verify: 'on',
  auth: 'password',
  userName: 'robot',
  secret: PASSWORD,
  weight: '1',
  connections: '8',
  letters: '',
  per: 'minute',
  enabled: 'on',
};

async function add(changes: Partial<typeof FIELDS> = {}): Promise<number> {
  const { status, location } = await at('', { ...FIELDS, ...changes });
  expect(status).toBe(303);
  return Number(/\d+$/.exec(location)?.[0]);
}

async function readRelay(id: number): Promise<RelaySettings> {
  const relay = (await listRelays(database.db)).find((one) => one.id === id);
  if (!relay) throw new Error(`relay ${id} is not on`);
  return relay;
}

async function readAudit() {
  return database.db
    .selectFrom('audit_entries')
    .select(['action', 'subject', 'details'])
    .where('actor_id', '=', visitor.userId)
    .orderBy('id')
    .execute();
}

test('adds a server with its password sealed, which opens for sending alone', async () => {
  const id = await add({ letters: '1 000', per: 'hour', host: 'MAIL.example.com.' });
  const relay = await readRelay(id);
  expect(relay).toMatchObject({ name: 'Main', host: 'mail.example.com', lettersLimit: 1000, limitSeconds: 3600 });
  expect(relay.sealedSecret).toMatch(/^v1\./);
  expect(openRelay(relay, SECRET)).toEqual({
    ok: true,
    server: {
      host: 'mail.example.com',
      port: 587,
      tls: 'required',
      verifyCertificate: true,
      connections: 8,
      credentials: { kind: 'password', user: 'robot', password: PASSWORD },
    },
  });
  for (const path of ['', `/${id}`, `/${id}/edit`, `/${id}/deletion`]) {
    const { status, text } = await at(path);
    expect(status).toBe(200);
    expect(text).not.toContain('geheim');
    expect(text).not.toContain(relay.sealedSecret);
  }
  expect(await readAudit()).toEqual([
    { action: 'relay.added', subject: 'Main', details: { to: 'mail.example.com:587 (robot)' } },
  ]);
});

test('hands on a token as a token, and no login as none', async () => {
  const [token, open] = [await add({ auth: 'xoauth2' }), await add({ name: 'Open', auth: 'none', verify: '' })];
  expect(openRelay(await readRelay(token), SECRET)).toMatchObject({
    server: { credentials: { kind: 'xoauth2', user: 'robot', token: PASSWORD } },
  });
  expect(await readRelay(open)).toMatchObject({ userName: null, sealedSecret: null });
  expect(openRelay(await readRelay(open), SECRET)).toMatchObject({
    server: { credentials: null, verifyCertificate: false },
  });
});

test.each([
  [{ name: '' }, 'name'],
  [{ name: 'a\nb' }, 'name'],
  [{ host: '' }, 'host'],
  [{ host: 'http://mail.example.com' }, 'host'],
  [{ port: '0' }, 'port'],
  [{ port: '65536' }, 'port'],
  [{ tls: 'some' }, 'tls'],
  [{ auth: 'magic' }, 'auth'],
  [{ userName: '' }, 'userName'],
  [{ secret: '' }, 'secret'],
  [{ secret: 'a\0b' }, 'secret'],
  [{ weight: '101' }, 'weight'],
  [{ connections: '0' }, 'connections'],
  [{ letters: '-1' }, 'letters'],
  [{ per: 'week' }, 'per'],
])('refuses %j at its field, and keeps what was typed but the password', async (changes, field) => {
  const { status, text } = await at('', { ...FIELDS, ...changes });
  expect(status).toBe(422);
  expect(text).toContain(`id="fault-${field}"`);
  expect(text).not.toContain('geheim');
  expect(text).toContain(field === 'name' ? 'value="mail.example.com"' : 'value="Main"');
  expect(await listRelays(database.db)).toEqual([]);
});

test('tells every fault at once', async () => {
  const { text } = await at('', { ...FIELDS, host: '', port: 'x', userName: '' });
  for (const field of ['host', 'port', 'userName']) expect(text).toContain(`id="fault-${field}"`);
});

test('refuses a name that is taken', async () => {
  await add();
  const other = await add({ name: 'Other' });
  expect((await at('', FIELDS)).text).toContain('There is already a server with this name.');
  const { status, text } = await at(`/${other}`, { ...FIELDS, secret: '', version: '1' });
  expect([status, text.includes('There is already a server with this name.')]).toEqual([422, true]);
});

test('keeps the password while host and user stay, and asks for it again when they do not', async () => {
  const id = await add();
  const kept = await at(`/${id}`, { ...FIELDS, secret: '', port: '2525', version: '1' });
  expect(kept.status).toBe(303);
  expect(openRelay(await readRelay(id), SECRET)).toMatchObject({
    server: { port: 2525, credentials: { password: PASSWORD } },
  });
  for (const changes of [{ host: 'evil.example.com' }, { userName: 'eve' }, { auth: 'xoauth2' }]) {
    const { status, text } = await at(`/${id}`, { ...FIELDS, secret: '', version: '2', ...changes });
    expect(status).toBe(422);
    expect(text).toContain('id="fault-secret"');
  }
  expect(await readRelay(id)).toMatchObject({ host: 'mail.example.com', userName: 'robot', version: 2 });
  await at(`/${id}`, { ...FIELDS, host: 'new.example.com', secret: 'new', version: '2' });
  expect(openRelay(await readRelay(id), SECRET)).toMatchObject({
    server: { host: 'new.example.com', credentials: { password: 'new' } },
  });
  const entries = await readAudit();
  expect(entries.slice(1).map(({ details }) => details)).toEqual([
    { changed: 'port', from: 'mail.example.com:587 (robot)', to: 'mail.example.com:2525 (robot)' },
    { changed: 'host, port, secret', from: 'mail.example.com:2525 (robot)', to: 'new.example.com:587 (robot)' },
  ]);
  expect(JSON.stringify(entries)).not.toContain('geheim');
  expect((await send('/oversight/audit?action=relay.changed')).text).toContain('changed: host, port, password');
});

test('opens no password that was put beside another host in the database', async () => {
  const id = await add();
  await database.db.updateTable('relays').set({ host: 'evil.example.com' }).where('id', '=', id).execute();
  expect(openRelay(await readRelay(id), SECRET)).toEqual({ ok: false, fault: 'unreadable_secret' });
});

test('says plainly that a password cannot be read any more, and asks for it', async () => {
  const id = await add();
  expect(openRelay(await readRelay(id), `${SECRET}!`)).toEqual({ ok: false, fault: 'unreadable_secret' });
  await database.db.updateTable('relays').set({ sealed_secret: 'v1.AAAA' }).where('id', '=', id).execute();
  await enter('ru');
  expect((await at('')).main).toContain('Сохранённый пароль не читается');
  const { main } = await at(`/${id}`);
  expect(main).toContain('Введите пароль ещё раз');
  expect(main).not.toContain(`/${id}/test-letter`);
  expect((await at(`/${id}/test-letter`, { to: 'anna@example.com' })).status).toBe(303);
  await at(`/${id}`, { ...FIELDS, version: '1' });
  expect((await at(`/${id}`)).main).not.toContain('не читается');
});

test('overwrites nothing unseen: who saves over a newer version sees it first', async () => {
  const id = await add();
  await at(`/${id}`, { ...FIELDS, secret: '', weight: '7', version: '1' });
  const late = await at(`/${id}`, { ...FIELDS, secret: '', connections: '3', version: '1' });
  expect(late.status).toBe(409);
  expect(late.main).toContain('Somebody saved a change in the meantime');
  expect(late.main).toMatch(/Share of letters<\/dt><dd><bdi>7/);
  expect(late.main).toContain('name="version" value="2"');
  expect(await readRelay(id)).toMatchObject({ weight: 7, connections: 8 });
});

test('switches off and on, once each in the log, and says where letters go then', async () => {
  const id = await add();
  expect((await at(`/${id}/switching-off`)).main).toContain('will go by SMTP_URL (fallback.example.com:2525)');
  for (const path of ['off', 'off', 'on', 'on']) expect((await at(`/${id}/switching-${path}`, {})).status).toBe(303);
  expect((await readAudit()).map(({ action }) => action)).toEqual([
    'relay.added',
    'relay.switched_off',
    'relay.switched_on',
  ]);
  await add({ name: 'Other' });
  expect((await at(`/${id}/switching-off`)).main).toContain('Mailings go by the other servers that are on.');
  // A form that was open meanwhile does not turn it over.
  await at(`/${id}/switching-off`, {});
  expect((await at(`/${id}`, { ...FIELDS, secret: '', version: '4' })).status).toBe(303);
  expect((await listRelays(database.db)).map(({ name }) => name)).toEqual(['Other']);
});

test('deletes with all that is known of it', async () => {
  const id = await add();
  await saveRelayFault(database.db, String(id), '535 no', 60_000);
  expect((await at(`/${id}/deletion`)).main).toContain('the stored password');
  expect((await at(`/${id}/deletion`, {})).location).toBe('/oversight/relays');
  expect((await at(`/${id}`)).status).toBe(404);
  expect(await database.db.selectFrom('relay_states').selectAll().execute()).toEqual([]);
  expect((await readAudit()).at(-1)).toMatchObject({ action: 'relay.deleted', subject: 'Main' });
});

test.each(['0', 'x', '99999', '99999999999999'])('knows no server %s', async (id) => {
  for (const path of ['', '/edit', '/deletion', '/switching-off']) expect((await at(`/${id}${path}`)).status).toBe(404);
  for (const path of ['', '/deletion', '/switching-off', '/switching-on', '/test-letter'])
    expect((await at(`/${id}${path}`, FIELDS)).status).toBe(404);
});

test('tells the state of each, why, and what comes next', async () => {
  const { db } = database;
  const [working, resting, slowed, off] = [
    await add({ name: 'Working' }),
    await add({ name: 'Resting' }),
    await add({ name: 'Slowed' }),
    await add({ name: 'Off', enabled: '' }),
  ];
  await add({ name: 'Unused', weight: '0' });
  for (const id of [working, slowed]) await clearRelayFault(db, String(id));
  await saveRelayFault(db, String(resting), '535 5.7.8 <b>wrong</b>', 60_000);
  await saveRelayFault(db, String(off), '535 5.7.8 wrong', 60_000);
  await db
    .insertInto('slowings')
    .values({ key: `relay:${slowed}`, letters_per_minute: 1200 })
    .execute();
  const { main } = await at('');
  const rows = new Map([...main.matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) => [/<bdi>(\w+)/.exec(row)?.[1] ?? '', row]));
  const badge = (name: string) => /badge-relay-(\w+)/.exec(rows.get(name) ?? '')?.[1];
  expect(['Working', 'Resting', 'Slowed', 'Off', 'Unused'].map(badge)).toEqual([
    'working',
    'resting',
    'slowed',
    'off',
    'unused',
  ]);
  expect(rows.get('Slowed')).toContain('At most 1,200 letters a minute now');
  expect(rows.get('Resting')).toContain('535 5.7.8 &lt;b&gt;wrong');
  expect(rows.get('Unused')).toContain('stands in');
  const page = (await at(`/${resting}`)).main;
  expect(page).toContain('The server refuses the user name or the password.');
  expect(page).toContain('then Vestnik tries again by itself');
});

test('forgets a fault of the old settings, and keeps it where they stay', async () => {
  const id = await add();
  await saveRelayFault(database.db, String(id), '535 no', 60_000);
  await at(`/${id}`, { ...FIELDS, secret: '', weight: '5', version: '1' });
  expect((await at(`/${id}`)).main).toContain('badge-relay-resting');
  await at(`/${id}`, { ...FIELDS, secret: 'another', version: '2' });
  expect((await at(`/${id}`)).main).toContain('badge-relay-unused');
});

test('sends a test letter by this very server and shows the whole conversation without the password', async () => {
  await using server = await startSmtpServer({ auth: { user: 'robot', pass: PASSWORD } });
  const { port } = new URL(server.url);
  const id = await add({ host: '127.0.0.1', port, tls: 'none' });
  const { status, main } = await at(`/${id}/test-letter`, { to: 'anna@example.com' });
  expect(status).toBe(200);
  expect(main).toContain('The server accepted the letter to anna@example.com.');
  expect(main).toContain('AUTH PLAIN ***');
  expect(main).not.toContain(Buffer.from(`\0robot\0${PASSWORD}`).toString('base64'));
  expect(server.accepted).toMatchObject([{ from: 'shop@example.com', to: 'anna@example.com' }]);
  await at(`/${id}`, { ...FIELDS, host: '127.0.0.1', port, tls: 'none', secret: 'wrong', version: '1' });
  expect((await at(`/${id}/test-letter`, { to: 'anna@example.com' })).main).toContain(
    'The server refuses the user name or the password.',
  );
  expect((await readAudit()).filter(({ action }) => action === 'relay.tested')).toEqual([
    { action: 'relay.tested', subject: 'Main', details: { to: 'anna@example.com', because: 'accepted' } },
    { action: 'relay.tested', subject: 'Main', details: { to: 'anna@example.com', because: 'login' } },
  ]);
  expect((await at(`/${id}/test-letter`, { to: 'anna' })).status).toBe(422);
});

test('says by what mailings go while none is on, and how that does', async () => {
  await saveRelayFault(database.db, 'smtp_url', '454 4.7.0 later', 60_000);
  const { main } = await at('');
  expect(main).toContain('Mailings go by the server of the setting SMTP_URL: fallback.example.com:2525.');
  expect(main).toContain('454 4.7.0 later');
  expect(main).not.toContain('top');
  await add();
  expect((await at('')).main).toContain('own letters go by fallback.example.com:2525 (SMTP_URL)');
});

test('tells the truth about the built-in inbox: mailings leave as soon as a server is on', async () => {
  lettersStayHere = true;
  await enter('en');
  const banner = async (path: string) => /<aside class="inbox-banner.*?<\/aside>/s.exec((await send(path)).text)?.[0];
  expect(await banner('/mailings')).toContain('Letters reach nobody');
  expect(await banner('/mailings')).toContain('href="/oversight/relays"');
  expect((await at('')).main).toContain('stay in the built-in inbox and reach nobody');
  const id = await add();
  expect(await banner('/mailings')).toContain('Mailings are sent for real');
  expect((await send('/oversight/installation')).main).toContain('own alone: mailings go by the mail servers');
  expect((await at(`/${id}/switching-off`)).main).toContain('yet count as accepted');
  const { userId, cookie } = visitor;
  visitor = { userId, cookie: await site.signIn('user') };
  expect(await banner('/mailings')).toBeUndefined();
  visitor = { userId, cookie };
  await at(`/${id}/switching-off`, {});
  expect(await banner('/mailings')).toContain('Letters reach nobody');
});

test('limits domains, changes and removes the limits, each in the log', async () => {
  expect((await at('/domains', { domain: '@Почта.РФ', letters: '10', per: 'second' })).status).toBe(303);
  await at('/domains', { domain: 'gmail.com', letters: '100', per: 'minute' });
  await at('/domains', { domain: 'GMAIL.com', letters: '200', per: 'hour' });
  expect(await listDomainLimits(database.db)).toEqual([
    { domain: 'gmail.com', lettersLimit: 200, limitSeconds: 3600 },
    { domain: 'xn--80a1acny.xn--p1ai', lettersLimit: 10, limitSeconds: 1 },
  ]);
  const { main } = await at('?domain=gmail.com');
  expect(main).toContain('почта.рф');
  expect(main).toContain('not more than 10 letters a second');
  expect(main).toMatch(/name="letters" value="200"/);
  expect((await at('/domains/removal?domain=gmail.com')).main).toContain('not more than 200 letters an hour');
  await at('/domains/removal', { domain: 'gmail.com' });
  await at('/domains/removal', { domain: 'gmail.com' });
  expect((await listDomainLimits(database.db)).map(({ domain }) => domain)).toEqual(['xn--80a1acny.xn--p1ai']);
  expect((await readAudit()).slice(1)).toEqual([
    { action: 'domain_limit.saved', subject: 'gmail.com', details: { to: '100 / 60 s' } },
    { action: 'domain_limit.saved', subject: 'gmail.com', details: { from: '100 / 60 s', to: '200 / 3600 s' } },
    { action: 'domain_limit.removed', subject: 'gmail.com', details: {} },
  ]);
});

test.each([
  [{ domain: '' }, 'domain'],
  [{ domain: 'anna@gmail.com' }, 'domain'],
  [{ letters: '' }, 'letters'],
  [{ letters: '0' }, 'letters'],
  [{ per: '' }, 'per'],
])('limits no domain by %j', async (changes, field) => {
  const { status, text } = await at('/domains', { domain: 'gmail.com', letters: '10', per: 'minute', ...changes });
  expect(status).toBe(422);
  expect(text).toContain(`id="fault-${field}"`);
  expect(await listDomainLimits(database.db)).toEqual([]);
});

test('shows which domains asked for patience, until they have crept up', async () => {
  await sql`insert into slowings values ('domain:slow.example.com', 100, now() - interval '130 seconds'),
    ('domain:fast.example.com', 5000, now() - interval '1 hour'), ('relay:3', 10, now())`.execute(database.db);
  const { main } = await at('');
  expect(main).toMatch(/slow\.example\.com.*at most 225 letters a minute/s);
  expect(main).not.toContain('fast.example.com');
});

test('puts a mail server that takes no letters for a minute on the first pages of administrators', async () => {
  const { db } = database;
  const id = await add({ name: 'Broken' });
  await saveRelayFault(db, String(id), '535 5.7.8 wrong', 60_000);
  const notices = async (path: string) => /A mail server takes no letters: Broken/.test((await send(path)).text);
  expect([await notices('/'), await notices('/oversight')]).toEqual([false, false]);
  await sql`update relay_states set failing_since = now() - interval '61 seconds'`.execute(db);
  expect([await notices('/'), await notices('/oversight')]).toEqual([true, true]);
  expect((await send('/')).main).toContain(`href="/oversight/relays/${id}"`);
  expect((await send('/')).main).toContain('Letters of mailings wait');
  await add({ name: 'Other' });
  expect((await send('/')).main).toContain('Mailings go by the other servers');
  const { userId } = visitor;
  visitor = { userId, cookie: await site.signIn('manager') };
  expect([await notices('/'), await notices('/oversight')]).toEqual([false, true]);
  expect((await send('/oversight')).main).not.toContain(`href="/oversight/relays/${id}"`);
  await enter('en');
  await at(`/${id}/switching-off`, {});
  expect(await notices('/oversight')).toBe(false);
});
