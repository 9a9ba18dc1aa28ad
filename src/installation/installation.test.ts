import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import { startSmtpServer, type SmtpServerOptions } from '../../test/support/smtp-server.js';
import { openTestSite } from '../../test/support/test-site.js';
import { readRegistration } from '../accounts/installation-store.js';
import { saveRelayFault } from '../delivery/relay-store.js';
import type { Role } from '../lib/schema-accounts.js';

const PASSWORD = 'geheim/Wort+1';
const FROM = 'Shop <shop@example.com>';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  await database.db.deleteFrom('relays').execute();
});

interface SiteOptions {
  role?: Role;
  locale?: 'ru' | 'en';
  url?: string;
  lettersStayHere?: boolean;
}

async function open({
  role = 'administrator',
  locale = 'en',
  url = 'smtp://127.0.0.1:1',
  lettersStayHere = false,
}: SiteOptions = {}) {
  const { db } = database;
  const { web, cookieOf } = openTestSite(db, { mail: { url, from: FROM }, lettersStayHere });
  const userId = await addUser(db, { role, email: `${role}@example.com` });
  await db.updateTable('users').set({ locale }).where('id', '=', userId).execute();
  const headers = { cookie: await cookieOf(userId), 'sec-fetch-site': 'same-origin' };
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await web.request(`/oversight/installation${path}`, { ...init, headers });
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };
  return {
    userId,
    get: (path = '') => send(path),
    post: (path: string, fields: Record<string, string>) =>
      send(path, { method: 'POST', body: new URLSearchParams(fields) }),
  };
}

async function readAudit(actorId: number) {
  return database.db
    .selectFrom('audit_entries')
    .select(['action', 'details'])
    .where('actor_id', '=', actorId)
    .orderBy('id')
    .execute();
}

/** Sends one test letter by a server that does as it is told. */
async function testLetter(options: SmtpServerOptions, toUrl: (url: string) => string = (url) => url) {
  await using server = await startSmtpServer(options);
  const { userId, post } = await open({ url: toUrl(server.url) });
  const answer = await post('/test-letter', { to: 'anna@example.com' });
  return { server, userId, ...answer };
}

/** What stands in the table of the conversation, in the order of its rows. */
function readConversation(html: string): [who: string, text: string][] {
  return [...html.matchAll(/<tr class="conversation-(\w+)"><td>\d+<\/td><td>[^<]*<\/td><td>(.*?)<\/td><\/tr>/gs)].map(
    ([, who = '', text = '']) => [who, unescape(text.replaceAll(/<[^>]+>/g, ''))],
  );
}

function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

test.each(['user', 'manager'] as const)('is closed to a %s, with everything under it', async (role) => {
  const { get, post } = await open({ role });
  for (const path of ['', '/', '/test-letter', '/registration'])
    expect([path, (await get(path)).status]).toEqual([path, 403]);
  expect((await post('/registration', { registration: 'closed' })).status).toBe(403);
  expect((await post('/test-letter', { to: 'anna@example.com' })).status).toBe(403);
  expect(await readRegistration(database.db)).toBe('open');
});

test('shows and changes who may register, and writes the change into the log', async () => {
  const { userId, get, post } = await open();
  expect((await get()).text).toMatch(/value="open" checked=""/);
  const saved = await post('/registration', { registration: 'invitation' });
  expect([saved.status, saved.location]).toEqual([303, '/oversight/installation']);
  await post('/registration', { registration: 'invitation' });
  expect(await readRegistration(database.db)).toBe('invitation');
  expect((await get()).text).toMatch(/value="invitation" checked=""/);
  expect(await readAudit(userId)).toEqual([
    { action: 'settings.registration_changed', details: { from: 'open', to: 'invitation' } },
  ]);
  expect((await post('/registration', { registration: 'everybody' })).status).toBe(422);
  await post('/registration', { registration: 'open' });
});

test('shows the mail server without its password, and how it does', async () => {
  const url = `smtp://robot%40example.com:${encodeURIComponent(PASSWORD)}@mail.example.com?tls=required&verify=false`;
  const { get } = await open({ url, locale: 'ru' });
  const page = await get();
  for (const text of ['mail.example.com', '587', 'robot@example.com', 'Shop &lt;shop@example.com&gt;', 'SMTP_URL']) {
    expect(page.text).toContain(text);
  }
  expect(page.text).toContain('STARTTLS, без него ничего не отправляется; сертификат не проверяется');
  expect(page.text).toContain('О неполадках ничего не известно.');
  expect(page.text).not.toContain('geheim');
  await saveRelayFault(database.db, 'smtp_url', 'no connection: refused', 60_000);
  expect((await get()).text).toMatch(/Отдыхает до .*: no connection: refused/);
});

test('says that letters go to the built-in inbox where no mail server is set', async () => {
  const { get } = await open({ lettersStayHere: true });
  expect((await get()).text).toContain('The setting SMTP_URL is not set, so this is the built-in inbox');
});

test('sends a test letter and shows the whole conversation, encrypted and without the password', async () => {
  const { server, userId, status, text } = await testLetter(
    { tls: 'starttls', auth: { user: 'robot', pass: PASSWORD } },
    (url) => `${url}?tls=required&verify=false`,
  );
  expect(status).toBe(200);
  expect(text).toContain('The mail server accepted the letter to anna@example.com.');
  const [letter] = server.accepted;
  expect(letter).toMatchObject({ from: 'shop@example.com', to: 'anna@example.com' });
  expect(letter?.data).toContain('Auto-Submitted: auto-generated');
  expect(letter?.data).toContain('Subject: A test letter of Vestnik');
  const said = readConversation(text);
  expect(said[0]).toEqual(['wire', expect.stringMatching(/^connected to 127\.0\.0\.1:\d+$/)]);
  const withoutLetter = said.filter(([, line]) => !line.startsWith('the letter, '));
  expect(said.length - withoutLetter.length).toBe(1);
  expect(withoutLetter.slice(1).map(([who, line]) => `${who}: ${line}`)).toEqual([
    'server: 220 test.example ESMTP',
    'client: EHLO [127.0.0.1]',
    'server: 250-test.example',
    'server: 250-8BITMIME',
    'server: 250-ENHANCEDSTATUSCODES',
    'server: 250-PIPELINING',
    'server: 250-AUTH PLAIN LOGIN',
    'server: 250 STARTTLS',
    'client: STARTTLS',
    'server: 220 2.0.0 go ahead',
    expect.stringMatching(/^wire: encrypted from here on: TLSv1\.3, TLS_\w+$/) as string,
    'client: EHLO [127.0.0.1]',
    'server: 250-test.example',
    'server: 250-8BITMIME',
    'server: 250-ENHANCEDSTATUSCODES',
    'server: 250-PIPELINING',
    'server: 250 AUTH PLAIN LOGIN',
    'client: AUTH PLAIN ***',
    'server: 235 2.7.0 welcome',
    'client: MAIL FROM:<shop@example.com>',
    'client: RCPT TO:<anna@example.com>',
    'client: DATA',
    'server: 250 2.1.0 ok',
    'server: 250 2.1.5 ok',
    'server: 354 go on',
    'server: 250 2.0.0 ok 1',
    'client: QUIT',
    'server: 221 2.0.0 bye',
  ]);
  expect(text).not.toContain(PASSWORD);
  expect(text).not.toContain(Buffer.from(`\0robot\0${PASSWORD}`).toString('base64'));
  expect(await readAudit(userId)).toEqual([
    { action: 'mail_server.tested', details: { to: 'anna@example.com', because: 'accepted' } },
  ]);
});

test('hides user and password of the other way to log in, and where the server repeats them', async () => {
  const secrets = [PASSWORD, Buffer.from(PASSWORD).toString('base64'), Buffer.from('robot').toString('base64')];
  const { text } = await testLetter(
    {
      auth: { user: 'robot', pass: PASSWORD, mechanisms: ['LOGIN'] },
      faults: ({ stage }) =>
        stage === 'mail' ? { reply: `550 5.7.1 not with ${secrets[1]} or ${PASSWORD}` } : undefined,
    },
    (url) => `${url}?tls=none`,
  );
  const said = readConversation(text).map(([, line]) => line);
  expect(said.filter((line) => line.includes('***'))).toEqual(['***', '***', '550 5.7.1 not with *** or ***']);
  expect(said).toContain('AUTH LOGIN');
  for (const secret of secrets) expect(readConversation(text).join('\n')).not.toContain(secret);
});

test.each<[string, SmtpServerOptions, (url: string) => string, string]>([
  [
    'a login that is refused',
    { auth: { user: 'robot', pass: PASSWORD } },
    (url) => url.replace(encodeURIComponent(PASSWORD), 'wrong'),
    'refuses the login',
  ],
  [
    'a login that is wanted',
    { auth: { user: 'robot', pass: PASSWORD } },
    (url) => url.replace(/\/\/.*@/, '//'),
    'wants a login',
  ],
  [
    'a certificate that is none of its host',
    { tls: 'implicit' },
    (url) => url.replace('?verify=false', ''),
    'No encryption could be agreed',
  ],
  ['plain text where TLS is expected', {}, (url) => url.replace('smtp:', 'smtps:'), 'No encryption could be agreed'],
  ['no encryption where it is demanded', {}, (url) => `${url}?tls=required`, 'offers no encryption'],
  [
    'a greeting that is none',
    { faults: ({ stage }) => (stage === 'connect' ? { garbage: 'HTTP/1.1 400 Bad Request\r\n\r\n' } : undefined) },
    (url) => url,
    'is no SMTP server',
  ],
  [
    'a greeting that refuses',
    { faults: ({ stage }) => (stage === 'connect' ? { reply: '554 5.7.1 go away' } : undefined) },
    (url) => url,
    'wants nothing to do with this machine',
  ],
  [
    'a sender that is refused',
    { faults: ({ stage }) => (stage === 'mail' ? { reply: '550 5.1.8 no such sender' } : undefined) },
    (url) => url,
    'does not accept the sender Shop &lt;shop@example.com&gt;',
  ],
  [
    'a recipient that is refused',
    { faults: ({ stage }) => (stage === 'rcpt' ? { reply: '550 5.1.1 no such user' } : undefined) },
    (url) => url,
    'does not accept the recipient anna@example.com',
  ],
  [
    'a letter that is refused',
    { faults: ({ stage }) => (stage === 'dot' ? { reply: '554 5.7.1 spam' } : undefined) },
    (url) => url,
    'refuses the letter itself',
  ],
  [
    'a server that hangs up',
    { faults: ({ stage }) => (stage === 'ehlo' ? 'drop' : undefined) },
    (url) => url,
    'greeted and hung up',
  ],
  [
    'a server that hangs up after the letter',
    { faults: ({ stage }) => (stage === 'dot' ? 'drop' : undefined) },
    (url) => url,
    'nobody can know whether it was taken',
  ],
])('says in plain words what is wrong: %s', async (_title, options, toUrl, sentence) => {
  const { status, text } = await testLetter(options, toUrl);
  expect(status).toBe(200);
  expect(text).toContain('notice-danger');
  expect(text).toContain(sentence);
});

test('says so where nobody listens', async () => {
  const server = await startSmtpServer();
  const { url } = server;
  await server.close();
  const { post } = await open({ url, locale: 'ru' });
  const { text } = await post('/test-letter', { to: 'anna@example.com' });
  expect(text).toContain('Соединиться с 127.0.0.1:');
  expect(text).toContain('ECONNREFUSED');
});

test('sends nothing to what is no address', async () => {
  const { userId, post } = await open();
  for (const to of ['', 'anna', 'anna@example.com\r\nBcc: x@example.com']) {
    const answer = await post('/test-letter', { to });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('id="fault-to"');
  }
  expect(await readAudit(userId)).toEqual([]);
});

test('stops after ten letters for a while', async () => {
  const { post } = await open();
  const statuses: number[] = [];
  for (let n = 0; n < 11; n += 1) statuses.push((await post('/test-letter', { to: 'anna@example.com' })).status);
  expect(statuses).toEqual([...Array<number>(10).fill(200), 429]);
});
