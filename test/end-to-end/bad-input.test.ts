import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { translate, type Locale } from '../../src/lib/i18n.js';
import { eventually } from '../support/eventually.js';
import { runCommand, startVestnik, type VestnikProcess } from '../support/vestnik-process.js';
import { HttpVisitor, readFaults, readField, readText, type Answer } from './http-visitor.js';
import { findSetupLink, localTime, PASSWORD } from './steps.js';

const SECRET = 'never-shown-secret-0123456789-abcdefghij';
const RECIPIENT = { email: 'anna@example.com', name: 'Анна', comment: '', attributes: '' };
const MESSAGE = { subject: 'Новости', body: 'Здравствуйте, {{ name }}!' };

let vestnik: VestnikProcess;
let setupToken: string;
const visitors: HttpVisitor[] = [];
/** From letters: each lets its reader in. */
const links: string[] = [];

beforeAll(async () => {
  vestnik = await startVestnik({ SECRET, LOG_LEVEL: 'debug' });
  setupToken = new URL(findSetupLink(vestnik)).searchParams.get('token') ?? '';
}, 60_000);

afterAll(async () => {
  await vestnik[Symbol.asyncDispose]();
});

let serial = 0;

/** Somebody new with nothing of their own yet; the first one is the administrator. */
async function arrive(locale: Locale = 'en'): Promise<HttpVisitor> {
  const visitor = new HttpVisitor(vestnik, locale);
  visitors.push(visitor);
  serial += 1;
  const email = `user${serial}@example.org`;
  const command = serial === 1 ? 'csu' : 'create_user';
  const options = ['--email', email, '--name', `User ${serial}`, '--password', PASSWORD];
  const made = await runCommand([command, ...options], { DATA_DIR: vestnik.dataDir, SECRET });
  expect(made).toMatchObject({ code: 0, stderr: '' });
  await visitor.signIn(email);
  return visitor;
}

async function makeMailing(visitor: HttpVisitor, change: Record<string, string> = {}): Promise<number> {
  const messageId = String(await visitor.create('/messages', MESSAGE));
  return visitor.create('/mailings', { ...mailingFields(messageId), ...change });
}

function mailingFields(messageId: string) {
  return { messageId, firstSendingAt: localTime(1), endsAt: localTime(2), audience: 'all' };
}

describe.each([{ locale: 'ru' }, { locale: 'en' }] as const)('in $locale', ({ locale }) => {
  const t = translate(locale);
  const fault = (key: 'required' | 'email' | 'emailTaken' | 'inThePast' | 'endBeforeStart' | 'messageMissing') =>
    t(`common.faults.${key}`);
  let visitor: HttpVisitor;

  beforeAll(async () => {
    visitor = await arrive(locale);
  });

  test('an empty or malformed address is refused at its field, and what was typed stays', async () => {
    const typed = { ...RECIPIENT, name: 'Анна «Аня» <Каренина>', comment: 'VIP & "друг"\nвторая строка' };
    const empty = await visitor.post('/recipients', { ...typed, email: '  ' });
    expect(empty.status).toBe(422);
    expect(readFaults(empty.html)).toEqual({ email: fault('required') });
    for (const email of ['anna', 'anna@', '@example.com', 'a b@example.com', 'a@b@c.com', 'anna@example', 'a@-b.com']) {
      const refused = await visitor.post('/recipients', { ...typed, email });
      expect(refused.status, email).toBe(422);
      expect(readFaults(refused.html)).toEqual({ email: fault('email') });
      expect(readField(refused.html, 'email')).toBe(email);
      expect(readField(refused.html, 'name')).toBe(typed.name);
      expect(readField(refused.html, 'comment')).toBe(typed.comment);
      expect(readText(refused.html)).toContain(t('common.formFaults', { count: 1 }));
    }
  });

  test('an address that is there already is refused, whatever its case', async () => {
    expect(await visitor.post('/recipients', RECIPIENT)).toMatchObject({ status: 303 });
    const typed = { ...RECIPIENT, email: 'ANNA@Example.COM', name: 'Другая Анна' };
    const refused = await visitor.post('/recipients', typed);
    expect(refused.status).toBe(422);
    expect(readFaults(refused.html)).toEqual({ email: fault('emailTaken') });
    expect(readField(refused.html, 'name')).toBe('Другая Анна');
    expect((await visitor.get('/recipients')).html).not.toContain('Другая Анна');
  });

  test('a message of 10 MB is refused with its text kept; more than 32 MB are not even read', async () => {
    const body = 'Привет! '.repeat(700_000);
    const refused = await visitor.post('/messages', { subject: 'Длинное', body });
    expect(refused.status).toBe(422);
    expect(readFaults(refused.html)['body']?.replaceAll(/\D/g, '')).toBe('1000000');
    expect(readField(refused.html, 'subject')).toBe('Длинное');
    expect(readField(refused.html, 'body')?.trimEnd()).toBe(body.trimEnd());
    const huge = await visitor.post('/messages', { subject: 'Длинное', body: 'x'.repeat(34_000_000) });
    expect(huge.status).toBe(413);
    expect(readText(huge.html)).toContain(t('common.errors.too_large.title'));
    expect(readText((await visitor.get('/messages')).html)).toContain(t('messages.empty.title'));
  });

  test('a mailing’s times and message are each refused at their field', async () => {
    const messageId = String(await visitor.create('/messages', MESSAGE));
    const good = mailingFields(messageId);
    const wrongs = [
      { change: { endsAt: localTime(1), firstSendingAt: localTime(2) }, faults: { endsAt: fault('endBeforeStart') } },
      { change: { endsAt: good.firstSendingAt }, faults: { endsAt: fault('endBeforeStart') } },
      { change: { firstSendingAt: localTime(-1) }, faults: { firstSendingAt: fault('inThePast') } },
      { change: { messageId: '' }, faults: { messageId: fault('messageMissing') } },
      { change: { messageId: '987654321' }, faults: { messageId: t('common.faults.messageUnknown') } },
      { change: { messageId: 'x' }, faults: { messageId: t('common.faults.messageUnknown') } },
      { change: { endsAt: '' }, faults: { endsAt: fault('required') } },
      { change: { endsAt: 'завтра' }, faults: { endsAt: t('common.faults.dateTime') } },
      { change: { firstSendingAt: '2030-13-45T99:99' }, faults: { firstSendingAt: t('common.faults.dateTime') } },
      { change: { audience: 'everybody' }, faults: { audience: t('common.faults.choice') } },
    ];
    for (const { change, faults } of wrongs) {
      const typed = { ...good, ...change };
      const refused = await visitor.post('/mailings', typed);
      expect(refused.status, JSON.stringify(change)).toBe(422);
      expect(readFaults(refused.html)).toEqual(faults);
      expect(readField(refused.html, 'endsAt')).toBe(typed.endsAt);
      expect(readField(refused.html, 'firstSendingAt')).toBe(typed.firstSendingAt);
    }
    expect(readText((await visitor.get('/mailings')).html)).toContain(t('mailings.empty.title'));
  });

  test('a mailing that would reach nobody is kept, but does not start', async () => {
    const lonely = await arrive(locale);
    for (const audience of ['all', 'chosen']) {
      const id = await makeMailing(lonely, { audience });
      const started = await lonely.post(`/mailings/${id}/start`, {});
      expect(started).toMatchObject({ status: 303, location: `/mailings/${id}` });
      const text = readText((await lonely.get(`/mailings/${id}`)).html);
      expect(text).toContain(t('mailings.flash.no_recipients'));
      expect(text).toContain(t('mailings.states.created'));
    }
  });

  test('a form that another page sent does nothing and says so', async () => {
    const foreign = [{ origin: 'https://evil.example' }, { origin: 'null' }, {}, { 'sec-fetch-site': 'cross-site' }];
    for (const headers of foreign) {
      const body = new URLSearchParams({ ...RECIPIENT, email: 'forged@example.com' });
      const refused = await visitor.send('/recipients', { method: 'POST', body, headers });
      expect(refused.status, JSON.stringify(headers)).toBe(403);
      expect(readText(refused.html)).toContain(t('common.errors.cross_site.text'));
    }
    expect((await visitor.get('/recipients')).html).not.toContain('forged@example.com');
  });

  test('a later save is told of the earlier one, with both texts on the page', async () => {
    const messageId = await visitor.create('/messages', MESSAGE);
    expect(readField((await visitor.get(`/messages/${messageId}/edit`)).html, 'version')).toBe('1');
    await visitor.post(`/messages/${messageId}`, { ...MESSAGE, body: 'Первая правка', version: '1' });
    const late = await visitor.post(`/messages/${messageId}`, { ...MESSAGE, body: 'Вторая правка', version: '1' });
    expect(late.status).toBe(409);
    expect(readText(late.html)).toContain(t('common.conflict.title'));
    expect(readText(late.html)).toContain('Первая правка');
    expect(readField(late.html, 'body')).toBe('Вторая правка');
    expect((await visitor.get(`/messages/${messageId}`)).html).not.toContain('Вторая правка');

    await visitor.post('/recipients', { ...RECIPIENT, email: 'twice@example.com' });
    const [, recipientId = ''] = /href="\/recipients\/(\d+)"/.exec((await visitor.get('/recipients')).html) ?? [];
    const path = `/recipients/${recipientId}`;
    const recipient = { ...RECIPIENT, email: 'twice@example.com', version: '1' };
    await visitor.post(path, { ...recipient, name: 'Первое имя' });
    const second = await visitor.post(path, { ...recipient, name: 'Второе имя' });
    expect(second.status).toBe(409);
    expect(readText(second.html)).toContain('Первое имя');
    expect(readField(second.html, 'name')).toBe('Второе имя');
  });

  test('registration tells at each field what is wrong, and never sends a password back', async () => {
    const guest = new HttpVisitor(vestnik, locale);
    const refused = await guest.post('/sign-up', { name: ' ', email: 'vera', password: 'short77' });
    expect(refused.status).toBe(422);
    const { required, email } = { required: fault('required'), email: fault('email') };
    expect(readFaults(refused.html)).toEqual({
      name: required,
      email,
      password: t('common.faults.passwordShort', { max: 10 }),
    });
    expect(readField(refused.html, 'email')).toBe('vera');
    expect(refused.html).not.toContain('short77');
    const wrong = await guest.post('/sign-in', { email: 'user1@example.org', password: 'wrong password' });
    expect(wrong.status).toBe(422);
    expect(readText(wrong.html)).toContain(t('accounts.signIn.wrong'));
    expect(wrong.html).not.toContain('wrong password');
  });
});

const EMOJI = '👩‍👩‍👧‍👦🎉';
const RIGHT_TO_LEFT = 'שלום \u202Eمرحبا\u202C';

test('emoji and right-to-left letters are kept in every field', async () => {
  const visitor = await arrive();
  const text = `${EMOJI} ${RIGHT_TO_LEFT}`;
  const recipient = { ...RECIPIENT, name: text, comment: `${text}\n${text}`, attributes: `city = ${text}` };
  expect(await visitor.post('/recipients', recipient)).toMatchObject({ status: 303 });
  const [, id] = /href="\/recipients\/(\d+)"/.exec((await visitor.get('/recipients')).html) ?? [];
  const form = (await visitor.get(`/recipients/${id}/edit`)).html;
  for (const [field, value] of Object.entries(recipient)) expect(readField(form, field)).toBe(value);
  const message = { subject: text, body: `${text} {{ name }} {{ attributes.city }}` };
  const messageId = await visitor.create('/messages', message);
  const edit = (await visitor.get(`/messages/${messageId}/edit`)).html;
  for (const [field, value] of Object.entries(message)) expect(readField(edit, field)).toBe(value);
  expect((await visitor.get(`/recipients?q=${encodeURIComponent(EMOJI)}`)).html).toContain(recipient.email);

  const mailingId = await visitor.create('/mailings', mailingFields(String(messageId)));
  await visitor.post(`/mailings/${mailingId}/start`, {});
  await eventually('the mailing is finished', async () =>
    readText((await visitor.get(`/mailings/${mailingId}`)).html).includes('finished'),
  );
  const administrator = new HttpVisitor(vestnik);
  await administrator.signIn('user1@example.org');
  const [, letterId] = /href="\/inbox\/(\d+)"/.exec((await administrator.get('/inbox')).html) ?? [];
  const letter = readText((await administrator.get(`/inbox/${letterId}?view=text`)).html);
  expect(letter).toContain(`${text} ${text} ${text}`);
});

test('zero bytes and line breaks are refused in every field, and break nothing anywhere', async () => {
  const visitor = await arrive();
  const messageId = String(await visitor.create('/messages', MESSAGE));
  const forms: { path: string; fields: Record<string, string>; lines: string[] }[] = [
    { path: '/recipients', fields: RECIPIENT, lines: ['comment', 'attributes'] },
    { path: '/messages', fields: MESSAGE, lines: ['body'] },
    { path: '/mailings', fields: mailingFields(messageId), lines: [] },
    { path: '/settings', fields: { name: 'User', time_zone: 'UTC', locale: 'en', theme: 'auto' }, lines: [] },
  ];
  for (const { path, fields, lines } of forms) {
    for (const field of Object.keys(fields)) {
      const inserted = (character: string) => `${fields[field] ?? ''}${character}Bcc: x@example.com`;
      const refused = await visitor.post(path, { ...fields, [field]: inserted('\0') });
      expect(refused.status, `${path} ${field}`).toBe(422);
      expect(Object.keys(readFaults(refused.html))).toEqual([field]);
      if (lines.includes(field)) continue;
      expect((await visitor.post(path, { ...fields, [field]: inserted('\r\n') })).status, `${path} ${field}`).toBe(422);
    }
  }
  const guest = new HttpVisitor(vestnik);
  for (const [path, field] of [
    ['/sign-up', 'name'],
    ['/sign-up', 'email'],
    ['/sign-in', 'email'],
    ['/recovery', 'email'],
  ] as const) {
    const fields = { name: 'Вера', email: 'vera@example.org', password: PASSWORD };
    expect((await guest.post(path, { ...fields, [field]: `vera\0@example.org\r\nBcc: x` })).status, path).toBe(422);
  }
});

test('an address that makes no sense is answered, never with an error of the program', async () => {
  const visitor = await arrive();
  const id = await makeMailing(visitor);
  const strange = ['%00', '%ff', '0', '-1', '1e3', '99999999999999999999', 'NaN', "1'--", EMOJI];
  for (const value of strange) {
    for (const place of ['recipients', 'messages', 'mailings', 'inbox'])
      expect((await visitor.get(`/${place}/${value}`)).status, `${place} ${value}`).toBe(404);
    for (const name of ['q', 'sort', 'after', 'before', 'status', 'state', 'only', 'as', 'message']) {
      for (const path of ['/recipients', '/messages', '/mailings', '/mailings/new', `/mailings/${id}/audience`]) {
        const { status } = await visitor.get(`${path}?${name}=${value}`);
        expect(status, `${path}?${name}=${value}`).toBe(200);
      }
    }
  }
  const body = '{"email":"anna@example.com"}';
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
    const headers = { origin: vestnik.url, 'content-type': type };
    const { status } = await visitor.send('/recipients', { method: 'POST', body, headers });
    expect(status, type).toBeGreaterThanOrEqual(400);
    expect(status, type).toBeLessThan(500);
  }
});

test('what belongs to somebody else is not there, in no way', async () => {
  const [owner, stranger] = [await arrive(), await arrive()];
  await owner.post('/recipients', RECIPIENT);
  const [, recipientId = ''] = /href="\/recipients\/(\d+)"/.exec((await owner.get('/recipients')).html) ?? [];
  const mailingId = await makeMailing(owner, { audience: 'chosen' });
  const [, messageId = ''] = /href="\/messages\/(\d+)"/.exec((await owner.get(`/mailings/${mailingId}`)).html) ?? [];
  const [recipient, message, mailing] = [
    `/recipients/${recipientId}`,
    `/messages/${messageId}`,
    `/mailings/${mailingId}`,
  ];

  const reads = [recipient, message, mailing].flatMap((path) => [path, `${path}/edit`, `${path}/deletion`]);
  const others = ['/audience', '/audience/clearing', '/progress', '/deliveries', '/deliveries/1', '/stop'];
  for (const path of [...reads, ...others.map((part) => `${mailing}${part}`), '/inbox', '/inbox/1'])
    expect((await stranger.get(path)).status, path).toBe(404);

  const version = { version: '1' };
  const writes: [path: string, fields: Record<string, string>][] = [
    [recipient, { ...RECIPIENT, ...version }],
    [message, { ...MESSAGE, ...version }],
    [mailing, { ...mailingFields(messageId), ...version }],
    [`${mailing}/audience`, { act: 'add', ids: recipientId }],
    [`${mailing}/audience`, { act: 'add_found', q: '' }],
    [`${mailing}/audience/clearing`, {}],
    [`${mailing}/deletion`, {}],
    [`${mailing}/repeat`, { state: 'in_doubt' }],
    ...['start', 'pause', 'continue', 'stop'].map((act): [string, Record<string, string>] => [`${mailing}/${act}`, {}]),
  ];
  for (const [path, fields] of writes) expect((await stranger.post(path, fields)).status, path).toBe(404);

  // A foreign number in a form is answered like one that does not exist.
  const form = mailingFields(messageId);
  const [foreign, absent] = [
    await stranger.post('/mailings', form),
    await stranger.post('/mailings', { ...form, messageId: '987654321' }),
  ];
  expect(foreign.status).toBe(422);
  expect(readFaults(foreign.html)).toEqual(readFaults(absent.html));
  expect(foreign.html).not.toContain(MESSAGE.subject);
  const own = await makeMailing(stranger, { audience: 'chosen' });
  await stranger.post(`/mailings/${own}/audience`, { act: 'add', ids: recipientId });
  expect(readText((await stranger.get(`/mailings/${own}`)).html)).toContain('Nobody is chosen');
  await stranger.post('/recipients/deletion', { ids: [recipientId] });
  await stranger.post('/messages/deletion', { ids: [messageId] });
  for (const path of [recipient, message, mailing]) expect((await owner.get(path)).status).toBe(200);
});

test('two presses at once start a mailing once', async () => {
  const visitor = await arrive();
  await visitor.post('/recipients', { ...RECIPIENT, email: 'once@example.com' });
  const id = await makeMailing(visitor);
  const presses = await Promise.all([1, 2, 3].map(() => visitor.post(`/mailings/${id}/start`, {})));
  expect(presses.map(({ status, location }) => [status, location])).toEqual(
    [1, 2, 3].map(() => [303, `/mailings/${id}`]),
  );
  await eventually('the mailing is finished', async () =>
    readText((await visitor.get(`/mailings/${id}`)).html).includes('finished'),
  );
  const administrator = new HttpVisitor(vestnik);
  await administrator.signIn('user1@example.org');
  const letters = await administrator.get('/inbox?q=once@example.com');
  expect(letters.html.match(/href="\/inbox\/\d+"/g)).toHaveLength(1);
});

test('every page, good or bad, comes with the headers that protect it', async () => {
  const visitor = await arrive();
  const guest = new HttpVisitor(vestnik);
  const answers: Answer[] = [
    await guest.get('/sign-in'),
    await guest.get('/sign-up'),
    await guest.get('/recipients'),
    await guest.get('/nowhere'),
    await guest.get('/setup?token=wrong'),
    ...(await Promise.all(
      ['/', '/recipients', '/messages/new', '/mailings/new', '/settings'].map((path) => visitor.get(path)),
    )),
    await visitor.get('/mailings/999999'),
    await visitor.post('/recipients', { ...RECIPIENT, email: 'x' }),
    await visitor.send('/recipients', { method: 'POST', body: '' }),
  ];
  for (const { headers, html } of answers) {
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    for (const part of ["object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'self'"])
      expect(policy).toContain(part);
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toMatch(/private|no-store/);
    expect(headers.get('x-powered-by')).toBeNull();
    // What the policy would forbid is not there either.
    expect(html).not.toMatch(/<script(?![^>]* src=)[^>]*>|<[^>]+ (?:style|on\w+)="/);
  }
  const signedIn = await guest.signIn('user1@example.org');
  const cookies = signedIn.headers.getSetCookie().filter((line) => !/max-age=0/i.test(line));
  expect(cookies.length).toBeGreaterThan(0);
  for (const line of cookies) expect(line).toMatch(/(?=.*HttpOnly)(?=.*SameSite=(?:Lax|Strict))/i);
});

test('who registers and recovers a password meets no error, also with a link that was used', async () => {
  const guest = new HttpVisitor(vestnik);
  const email = 'guest@example.org';
  expect(await guest.post('/sign-up', { name: 'Гость', email, password: PASSWORD })).toMatchObject({ status: 303 });
  const confirmation = await findLink(guest, '/confirmation');
  expect((await guest.get(confirmation)).status).toBe(200);
  expect(readText((await guest.get(confirmation)).html)).toContain('This link was used before');
  await guest.signIn(email);
  await guest.post('/sign-out', {});

  await guest.post('/recovery', { email });
  const administrator = new HttpVisitor(vestnik);
  await administrator.signIn('user1@example.org');
  const recovery = await findLink(administrator, '/recovery/new');
  expect((await guest.post(recovery, { password: PASSWORD })).status).toBe(303);
  expect((await guest.post(recovery, { password: PASSWORD })).status).toBe(410);
  visitors.push(guest, administrator);
  links.push(confirmation, recovery);
});

/** In the newest letter that the visitor may read. */
async function findLink(visitor: HttpVisitor, path: string): Promise<string> {
  return eventually(`a letter with ${path}`, async () => {
    const [, letterId] = /href="\/inbox\/(\d+)"/.exec((await visitor.get('/inbox')).html) ?? [];
    if (letterId === undefined) return undefined;
    const text = readText((await visitor.get(`/inbox/${letterId}?view=text`)).html);
    return new RegExp(`${path}\\?\\S+`).exec(text)?.[0];
  });
}

test('nothing secret was printed in all that time, and no request ended in an error', async () => {
  // Only the lines in question are compared: a failure must not print the whole log.
  const lines = vestnik.output().split('\n');
  const linesWith = (text: string) => lines.filter((line) => line.includes(text));
  expect(linesWith('"method":"POST"').length).toBeGreaterThan(0);
  for (const secret of [SECRET, PASSWORD, 'wrong password']) expect(linesWith(secret)).toEqual([]);
  const tokens = visitors.flatMap(({ cookies }) => cookies.flatMap((cookie) => [cookie, decodeURIComponent(cookie)]));
  expect(tokens.length).toBeGreaterThan(0);
  for (const token of tokens) expect(linesWith(token)).toEqual([]);
  expect(links).toHaveLength(2);
  for (const link of links) expect(linesWith(link.replace(/^.*[=/]/, ''))).toEqual([]);
  // The setup link stands where it belongs, in the greeting, and nowhere else.
  expect(linesWith(setupToken)).toEqual([expect.stringMatching(/^First administrator /)]);
  expect(lines.filter((line) => /"level":[56]0|^\s+at .*:\d+:\d+/.test(line))).toEqual([]);
});
