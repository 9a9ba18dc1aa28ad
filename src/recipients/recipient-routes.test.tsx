import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { openSignedInSite } from '../../test/support/signed-in-site.js';
import type { Database } from '../lib/database.js';
import { translate, type Locale } from '../lib/i18n.js';
import { PAGE_SIZE } from '../lib/list.js';
import { recipientRoutes } from './recipient-routes.js';
import { addRecipient, findRecipient } from './recipient-store.js';
import type { RecipientValues } from './recipient.js';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

const open = (locale: Locale = 'en') => openSignedInSite(db, '/recipients', recipientRoutes({ db }), { locale });

const typed = { email: 'anna@example.com', name: 'Анна', comment: 'one\r\ntwo', attributes: 'city = Казань' };

async function add(ownerId: number, values: Partial<RecipientValues> = {}): Promise<number> {
  const saved = await addRecipient(db, ownerId, {
    email: 'anna@example.com',
    name: '',
    comment: '',
    attributes: {},
    ...values,
  });
  if (!saved.ok) throw new Error(saved.fault);
  return saved.id;
}

const readRows = (ownerId: number) =>
  db
    .selectFrom('recipients')
    .select(['email', 'name', 'comment', 'attributes'])
    .where('owner_id', '=', ownerId)
    .execute();

const unescape = (html: string) =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

/** What a browser makes of the form on a page, to be sent again. */
function readFields(html: string): Record<string, string> {
  const inputs = [...html.matchAll(/<input\b[^>]*>/g)].map(([tag]): [string, string] => [
    / name="([^"]*)"/.exec(tag)?.[1] ?? '',
    unescape(/ value="([^"]*)"/.exec(tag)?.[1] ?? ''),
  ]);
  const areas = [...html.matchAll(/<textarea\b[^>]* name="([^"]*)"[^>]*>\n?([^<]*)<\/textarea>/g)];
  return Object.fromEntries([
    ...inputs,
    ...areas.map(([, name = '', text = '']): [string, string] => [name, unescape(text)]),
  ]);
}

const readHref = (html: string, rel: 'prev' | 'next') =>
  unescape(new RegExp(`<a [^>]*href="([^"]*)" rel="${rel}"`).exec(html)?.[1] ?? '');

const listed = (html: string) =>
  [...html.matchAll(/<a class="row-link"[^>]*><bdi>([^<]*)<\/bdi>/g)].map(([, email]) => email);

test('leads from the empty list through the form to the recipient', async () => {
  const { browser, ownerId } = await open();
  expect((await browser.get('/recipients')).text).toContain('No recipients yet');
  expect((await browser.get('/recipients/new')).text).toContain('name="email"');
  const saved = await browser.post('/recipients', typed);
  expect([saved.status, saved.location]).toEqual([303, '/recipients']);
  const list = await browser.get('/recipients');
  expect(list.text).toContain('anna@example.com was added.');
  expect(list.text).toContain('1 recipient<');
  expect((await browser.get('/recipients')).text).not.toContain('was added');
  expect(await readRows(ownerId)).toEqual([
    { email: 'anna@example.com', name: 'Анна', comment: 'one\ntwo', attributes: { city: 'Казань' } },
  ]);
  const [row] = await db.selectFrom('recipients').select('id').where('owner_id', '=', ownerId).execute();
  const page = await browser.get(`/recipients/${row?.id}`);
  for (const text of ['anna@example.com', 'Анна', 'one\ntwo', 'city = Казань']) expect(page.text).toContain(text);
});

test('opens an empty form again for who adds several', async () => {
  const { browser } = await open();
  const saved = await browser.post('/recipients', { ...typed, next: 'another' });
  expect(saved.location).toBe('/recipients/new');
  expect((await browser.get('/recipients/new')).text).toContain('anna@example.com was added.');
});

test.each<[string, Partial<typeof typed>, string, string, string]>([
  ['no address', { email: ' ' }, 'email', 'Please fill this in.', 'Заполните это поле.'],
  [
    'an address that is none',
    { email: 'anna@' },
    'email',
    'This is not an e-mail address',
    'Это не адрес электронной почты',
  ],
  [
    'an address that ends a header',
    { email: 'a@example.com\r\nBcc: b@example.com' },
    'email',
    'control character',
    'управляющий символ',
  ],
  ['a name with a zero byte', { name: 'An\0na' }, 'name', 'control character', 'управляющий символ'],
  ['a name that is too long', { name: 'x'.repeat(201) }, 'name', 'at most 200 characters', 'не больше 200 символов'],
  [
    'a comment that is too long',
    { comment: 'x'.repeat(5001) },
    'comment',
    'at most 5000 characters',
    'не больше 5000 символов',
  ],
  ['a comment with a zero byte', { comment: 'a\0b' }, 'comment', 'control character', 'управляющий символ'],
  [
    'attributes that are none',
    { attributes: 'Казань' },
    'attributes',
    'one attribute on a line',
    'по одному свойству в строке',
  ],
])(
  'answers %s with the form as it was typed, and the fault at its field',
  async (_title, wrong, field, english, russian) => {
    for (const [locale, fault] of [['en', english] as const, ['ru', russian] as const]) {
      const { browser, ownerId } = await open(locale);
      const sent = { ...typed, ...wrong };
      const answer = await browser.post('/recipients', sent);
      expect(answer.status).toBe(422);
      expect(answer.text).toMatch(new RegExp(`id="fault-${field}">[^<]*${fault}`));
      expect(answer.text).toMatch(
        new RegExp(`id="field-${field}"[^>]* aria-describedby="fault-${field}[^>]* aria-invalid="true"`),
      );
      expect(answer.text.match(/aria-invalid/g)).toHaveLength(1);
      expect(readFields(answer.text)).toMatchObject(sent);
      expect(await readRows(ownerId)).toEqual([]);
    }
  },
);

test('tells all faults at once, and how many there are', async () => {
  const wrong = { email: '', name: 'a\0', comment: 'x'.repeat(5001), attributes: '?' };
  const [english, russian] = [await open('en'), await open('ru')];
  expect((await english.browser.post('/recipients', wrong)).text).toContain('4 fields need attention');
  expect((await russian.browser.post('/recipients', wrong)).text).toContain('4 поля требуют внимания');
});

test('tells that an address is taken, for a new recipient and for one that is changed', async () => {
  const { browser, ownerId } = await open();
  await add(ownerId);
  const answer = await browser.post('/recipients', { ...typed, email: 'ANNA@example.com' });
  expect(answer.status).toBe(422);
  expect(answer.text).toContain('You already have a recipient with this address.');
  expect(readFields(answer.text)).toMatchObject({ email: 'ANNA@example.com', name: 'Анна' });
  const id = await add(ownerId, { email: 'ivan@example.com' });
  const changed = await browser.post(`/recipients/${id}`, { ...typed, version: '1' });
  expect(changed.status).toBe(422);
  expect(changed.text).toContain('You already have a recipient with this address.');
  expect(readFields(changed.text)).toMatchObject({ email: 'anna@example.com', version: '1' });
});

test('changes a recipient by the form as it was shown', async () => {
  const { browser, ownerId } = await open('ru');
  const id = await add(ownerId, {
    name: '"A" <b> & \'c\'',
    comment: '\n first\n</textarea>',
    attributes: { city: 'a = b' },
  });
  const form = readFields((await browser.get(`/recipients/${id}/edit`)).text);
  const saved = await browser.post(`/recipients/${id}`, { ...form, name: 'Новое имя' });
  expect([saved.status, saved.location]).toEqual([303, `/recipients/${id}`]);
  expect(await readRows(ownerId)).toMatchObject([
    { name: 'Новое имя', comment: '\n first\n</textarea>', attributes: { city: 'a = b' } },
  ]);
  expect((await browser.get(`/recipients/${id}`)).text).toContain('Изменения сохранены.');
});

test.each(['en', 'ru'] as const)(
  'tells the second of two tabs with both versions, and saves its text when sent again (%s)',
  async (locale) => {
    const { browser, ownerId } = await open(locale);
    const id = await add(ownerId, { name: 'Original' });
    const [first, second] = await Promise.all(
      [1, 2].map(async () => readFields((await browser.get(`/recipients/${id}/edit`)).text)),
    );
    expect((await browser.post(`/recipients/${id}`, { ...first, name: 'First tab' })).status).toBe(303);
    const late = await browser.post(`/recipients/${id}`, { ...second, name: 'Second tab', comment: 'typed' });
    expect(late.status).toBe(409);
    expect(late.text).toContain(translate(locale)('common.conflict.title'));
    expect(late.text).toContain('<dd>First tab</dd>');
    expect(readFields(late.text)).toMatchObject({ name: 'Second tab', comment: 'typed', version: '2' });
    expect(await findRecipient(db, ownerId, id)).toMatchObject({ name: 'First tab', version: 2 });
    expect((await browser.post(`/recipients/${id}`, readFields(late.text))).status).toBe(303);
    expect(await findRecipient(db, ownerId, id)).toMatchObject({ name: 'Second tab', comment: 'typed', version: 3 });
  },
);

test.each(['', '0', 'x', '99999999999999999999', '2', '2147483647', '9007199254740991'])(
  'takes the version “%s” for another one than what is saved',
  async (version) => {
    const { browser, ownerId } = await open();
    const id = await add(ownerId, { name: 'Original' });
    expect((await browser.post(`/recipients/${id}`, { ...typed, version })).status).toBe(409);
    expect(await findRecipient(db, ownerId, id)).toMatchObject({ name: 'Original', version: 1 });
  },
);

test('asks before deleting, names who goes and what stays, and deletes', async () => {
  const { browser, ownerId } = await open();
  const one = await add(ownerId, { email: 'one@example.com', name: 'First One' });
  const two = await add(ownerId, { email: 'two@example.com' });
  await add(ownerId, { email: 'three@example.com' });
  const single = await browser.get(`/recipients/${one}/deletion`);
  expect(single.text).toContain('Delete one@example.com?');
  const page = await browser.get(`/recipients/deletion?ids=${one}&ids=${two}`);
  for (const text of [
    'Delete 2 recipients?',
    'one@example.com',
    'First One',
    'two@example.com',
    'go for good',
    'The history stays',
  ]) {
    expect(page.text).toContain(text);
  }
  expect(page.text).not.toContain('three@example.com');
  expect(await readRows(ownerId)).toHaveLength(3);
  expect((await browser.post('/recipients/deletion', { ids: String(one) })).location).toBe('/recipients');
  expect((await browser.get('/recipients')).text).toContain('1 recipient was deleted.');
  expect((await browser.get(`/recipients/${one}`)).status).toBe(404);
  expect(await readRows(ownerId)).toHaveLength(2);
});

test('says so when nothing was ticked', async () => {
  const { browser } = await open();
  for (const query of ['', '?ids=', '?ids=x&ids=-1', '?ids=999999999']) {
    expect((await browser.get(`/recipients/deletion${query}`)).location).toBe('/recipients');
    expect((await browser.get('/recipients')).text).toContain('Tick the recipients first.');
  }
});

test('deletes all that a search found, after telling how many', async () => {
  const { browser, ownerId } = await open('ru');
  await addRecipients(db, ownerId, PAGE_SIZE + 11);
  await add(ownerId, { email: 'keep@another.org', name: '<b>' });
  const list = await browser.get('/recipients?q=example');
  expect(list.text).toContain('href="/recipients/found/deletion?q=example"');
  expect((await browser.get('/recipients')).text).not.toContain('/recipients/found/deletion');
  const page = await browser.get('/recipients/found/deletion?q=example');
  expect(page.text).toContain('Удалить 61 получателя?');
  expect(page.text).toContain('«example»: 61');
  expect(page.text).toContain('История останется');
  await browser.post('/recipients/found/deletion', readFields(page.text));
  expect((await browser.get('/recipients')).text).toContain('Удалён 61 получатель.');
  expect((await readRows(ownerId)).map(({ email }) => email)).toEqual(['keep@another.org']);
});

test('deletes nothing for an empty search or one that finds nobody', async () => {
  const { browser, ownerId } = await open();
  await addRecipients(db, ownerId, 2);
  for (const q of ['', ' ', '\n', '%', 'nobody']) {
    expect((await browser.get(`/recipients/found/deletion?q=${encodeURIComponent(q)}`)).status).toBe(404);
  }
  for (const q of ['', ' ', '\0']) expect((await browser.post('/recipients/found/deletion', { q })).status).toBe(404);
  expect((await browser.post('/recipients/found/deletion', {})).status).toBe(404);
  await browser.post('/recipients/found/deletion', { q: '%%%' });
  expect(await readRows(ownerId)).toHaveLength(2);
});

test('does not tell that another owner’s recipient exists, and does nothing to it', async () => {
  const { browser } = await open();
  const stranger = await addUser(db);
  const id = await add(stranger, { email: 'secret@example.com' });
  for (const path of [
    `${id}`,
    `${id}/edit`,
    `${id}/deletion`,
    '0',
    '-1',
    'x',
    '1e3',
    '99999999999999999999',
    '9007199254740991',
  ]) {
    expect((await browser.get(`/recipients/${path}`)).status).toBe(404);
  }
  expect((await browser.post(`/recipients/${id}`, { ...typed, version: '1' })).status).toBe(404);
  expect((await browser.get(`/recipients/deletion?ids=${id}`)).text).not.toContain('secret');
  await browser.post('/recipients/deletion', { ids: String(id) });
  await browser.post('/recipients/found/deletion', { q: 'secret' });
  expect((await browser.get('/recipients?q=secret')).text).not.toContain('secret@example.com');
  expect(await readRows(stranger)).toMatchObject([{ email: 'secret@example.com' }]);
});

test('keeps emoji and text from right to left as they are, and ends lines by LF alone', async () => {
  const { browser, ownerId } = await open();
  const name = 'مرحبا 👩‍👩‍👧 שלום';
  const saved = await browser.post('/recipients', {
    ...typed,
    name,
    comment: 'a\rb\r\nc\n🎉\u200f\r\n',
    attributes: 'слово = 🎉',
  });
  expect(saved.status).toBe(303);
  expect(await readRows(ownerId)).toMatchObject([{ name, comment: 'a\nb\nc\n🎉\u200f', attributes: { слово: '🎉' } }]);
  const page = await browser.get('/recipients');
  expect(page.text).toContain(`<bdi>${name}</bdi>`);
});

test('escapes what was written, on every page', async () => {
  const { browser, ownerId } = await open();
  const attack = '"><script>alert(1)</script>';
  const id = await add(ownerId, { name: attack, comment: `</textarea>${attack}`, attributes: { x: attack } });
  const paths = [
    '',
    '?q=script',
    `/${id}`,
    `/${id}/edit`,
    `/${id}/deletion`,
    `/deletion?ids=${id}`,
    '/found/deletion?q=%3Cscript',
  ];
  for (const path of paths) expect((await browser.get(`/recipients${path}`)).text).not.toContain('<script>alert');
  const page = await browser.get(`/recipients?q=${encodeURIComponent(attack)}&sort=${encodeURIComponent(attack)}`);
  expect(page.text).not.toContain('<script>alert');
});

test('keeps the search and the order while turning pages there and back', async () => {
  const { browser, ownerId } = await open();
  await addRecipients(db, ownerId, 2 * PAGE_SIZE + 5);
  await add(ownerId, { email: 'other@another.org' });
  const first = await browser.get('/recipients?q=example&sort=-name');
  expect(first.text).toContain('105 found');
  const next = readHref(first.text, 'next');
  const parameters = new URLSearchParams(next.split('?')[1]);
  expect([parameters.get('q'), parameters.get('sort')]).toEqual(['example', '-name']);
  const second = await browser.get(next);
  const third = await browser.get(readHref(second.text, 'next'));
  const seen = [first, second, third].flatMap(({ text }) => listed(text));
  expect(new Set(seen).size).toBe(2 * PAGE_SIZE + 5);
  expect(readHref(third.text, 'next')).toBe('');
  const back = await browser.get(readHref(third.text, 'prev'));
  expect(listed(back.text)).toEqual(listed(second.text));
  expect(readHref(back.text, 'prev')).toContain('q=example');
});

test('begins at the first page again when the order is changed', async () => {
  const { browser, ownerId } = await open();
  await addRecipients(db, ownerId, PAGE_SIZE + 1);
  const first = await browser.get('/recipients?q=example');
  const second = await browser.get(readHref(first.text, 'next'));
  const links = [...second.text.matchAll(/class="sort-link" href="([^"]*)"/g)].map(([, href = '']) => unescape(href));
  expect(links).toEqual([
    '/recipients?q=example&sort=email',
    '/recipients?q=example&sort=name',
    '/recipients?q=example&sort=created',
  ]);
});

test('tells that a search found nothing, and the way back', async () => {
  const { browser, ownerId } = await open('ru');
  await add(ownerId);
  const page = await browser.get('/recipients?q=%F0%9F%8E%89nobody');
  expect(page.text).toContain('Ничего не найдено');
  expect(page.text).toContain('href="/recipients"');
  expect(page.text).toContain('value="🎉nobody"');
});

test('answers addresses that somebody has tampered with', async () => {
  const { browser, ownerId } = await open();
  await addRecipients(db, ownerId, 3);
  const cursor = Buffer.from(JSON.stringify(['2020', 1])).toString('base64url');
  for (const query of [
    'sort=password',
    'after=x',
    `after=${cursor}`,
    `before=${cursor}&sort=created`,
    'q=%00',
    'q=%ED%A0%80',
    'after=%FF',
  ]) {
    const page = await browser.get(`/recipients?${query}`);
    expect(page.status).toBe(200);
  }
});

test('deletes more at once than a statement takes parameters', async () => {
  const { site, ownerId } = await open();
  const ids = await addRecipients(db, ownerId, 3);
  const body = [...ids, ...Array.from({ length: 70_000 }, (_, n) => 1_000_000_000 + n)]
    .map((id) => `ids=${id}`)
    .join('&');
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await site.request('/recipients/deletion', { method: 'POST', body, headers });
  expect(answer.status).toBe(303);
  expect(await readRows(ownerId)).toEqual([]);
});
