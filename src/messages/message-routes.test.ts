import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openSignedInSite } from '../../test/support/signed-in-site.js';
import { cacheInMemory } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import { messageRoutes } from './message-routes.js';

const open = (db: Database, locale: 'ru' | 'en' = 'en') =>
  openSignedInSite(db, '/messages', messageRoutes({ db, cache: cacheInMemory({ db, secret: 'secret' }) }), { locale });

const countMessages = async (db: Database) => (await db.selectFrom('messages').select('id').execute()).length;

test('leads from the empty list through the form to the preview', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  expect((await browser.get('/messages')).text).toContain('No messages yet');
  await addRecipients(db, ownerId, 2);
  expect((await browser.get('/messages/new')).text).toContain('data-insert="{{ name }}" data-insert-into="field-body"');
  const saved = await browser.post('/messages', {
    subject: ' News for {{ name }} ',
    body: 'Hello {{ name }}!\r\nBye\r\n',
  });
  expect(saved.status).toBe(303);
  const page = await browser.get(saved.location ?? '');
  expect(page.text).toContain('News for Recipient 2');
  expect(page.text).toContain('Hello Recipient 2!\nBye');
  expect(page.text).toContain('/mailings/new?message=');
  expect((await browser.get('/messages')).text).toContain('News for {{ name }}');
});

test('shows the letter of the recipient that was chosen, and nobody else’s', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const [first] = await addRecipients(db, ownerId, 3);
  const id = await addMessage(db, ownerId);
  expect((await browser.get(`/messages/${id}?as=${first}`)).text).toContain('Dear Recipient 1!');
  const [stranger] = await addRecipients(db, await addUser(db), 1);
  expect((await browser.get(`/messages/${id}?as=${stranger}`)).status).toBe(404);
});

test('shows a made-up recipient’s letter to who has none yet', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db, 'ru');
  const id = await addMessage(db, ownerId, 'Тема', 'Здравствуйте, {{ name }}!');
  expect((await browser.get(`/messages/${id}`)).text).toContain('Здравствуйте, Анна Смирнова!');
});

test.each<[string, { subject: string; body: string }, string]>([
  ['an empty subject', { subject: '  ', body: 'Text' }, 'Please fill this in.'],
  ['an empty text', { subject: 'Subject', body: ' \n ' }, 'Please fill this in.'],
  [
    'a subject with a line break',
    { subject: 'Subject\r\nBcc: all@example.com', body: 'Text' },
    'invisible control character',
  ],
  ['a zero byte', { subject: 'Subject', body: 'Te\0xt' }, 'invisible control character'],
  ['a subject that is too long', { subject: 's'.repeat(501), body: 'Text' }, 'at most 500 characters'],
  ['an unknown filter', { subject: 'Subject', body: 'a\n{{ name | shout }}' }, 'line 2, there is no filter “shout”'],
  ['open braces in the subject', { subject: 'Dear {{ name', body: 'Text' }, 'is opened and not closed'],
  ['an endless loop', { subject: 'Subject', body: '{% for i in (1..99999999) %}{% endfor %}' }, 'too much work'],
])('answers %s with the form as it was typed', async (_title, typed, fault) => {
  await using database = await createTestDatabase();
  const { browser } = await open(database.db);
  const answer = await browser.post('/messages', typed);
  expect(answer.status).toBe(422);
  expect(answer.text).toContain(fault);
  expect(answer.text).toContain('aria-invalid="true"');
  expect(answer.text).toContain(typed.subject.replaceAll('\r\n', '\n').split('\n')[0]?.trim() ?? '');
  expect(await countMessages(database.db)).toBe(0);
});

test('gives a text of 10 MB back whole, with the fault at its field', async () => {
  await using database = await createTestDatabase();
  const { browser } = await open(database.db, 'ru');
  const body = `начало${'x'.repeat(10 * 1024 * 1024)}конец`;
  const answer = await browser.post('/messages', { subject: 'Большое', body });
  expect(answer.status).toBe(422);
  expect(answer.text.includes(body)).toBe(true);
  expect(answer.text).toContain('value="Большое"');
  expect(answer.text).toContain('не больше 1000000 символов');
});

test('keeps emoji and text from right to left as they are', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser } = await open(db);
  const typed = { subject: 'مرحبا 👩‍👩‍👧 שלום', body: 'مرحبا {{ name }} 🎉\u200f' };
  const saved = await browser.post('/messages', typed);
  const rows = await db.selectFrom('messages').select(['subject', 'body']).execute();
  expect(rows).toEqual([typed]);
  expect((await browser.get(saved.location ?? '')).text).toContain('👩‍👩‍👧');
});

test('escapes what was written, in the source and in the preview', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const id = await addMessage(db, ownerId, '<script>alert(1)</script>', '</textarea><script>alert(2)</script>');
  for (const path of ['/messages', `/messages/${id}`, `/messages/${id}/edit`, `/messages/${id}/deletion`]) {
    expect((await browser.get(path)).text).not.toContain('<script>alert');
  }
});

test.each(['2147483647', '9007199254740991'])(
  'takes the version %s for another one than what is saved',
  async (version) => {
    await using database = await createTestDatabase();
    const { db } = database;
    const { browser, ownerId } = await open(db);
    const id = await addMessage(db, ownerId, 'Original', 'Text');
    expect((await browser.post(`/messages/${id}`, { subject: 'Late', body: 'Text', version })).status).toBe(409);
  },
);

test('tells the second of two tabs, and saves its text when it is sent again', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const id = await addMessage(db, ownerId, 'Original', 'Text');
  expect((await browser.post(`/messages/${id}`, { subject: 'First tab', body: 'One', version: '1' })).status).toBe(303);
  const late = await browser.post(`/messages/${id}`, { subject: 'Second tab', body: 'Two', version: '1' });
  expect(late.status).toBe(409);
  expect(late.text).toContain('First tab');
  expect(late.text).toContain('value="Second tab"');
  const version = /name="version" value="(\d+)"/.exec(late.text)?.[1] ?? '';
  expect((await browser.post(`/messages/${id}`, { subject: 'Second tab', body: 'Two', version })).status).toBe(303);
  const [row] = await db.selectFrom('messages').select(['subject', 'version']).execute();
  expect(row).toEqual({ subject: 'Second tab', version: 3 });
});

test('does not tell that another owner’s message exists', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser } = await open(db);
  const id = await addMessage(db, await addUser(db), 'Secret', 'Text');
  for (const path of [
    `/messages/${id}`,
    `/messages/${id}/edit`,
    `/messages/${id}/deletion`,
    '/messages/0',
    '/messages/x',
    '/messages/99999999999999999999',
  ]) {
    expect((await browser.get(path)).status).toBe(404);
  }
  expect((await browser.post(`/messages/${id}`, { subject: 'Mine', body: 'Mine', version: '1' })).status).toBe(404);
  await browser.post('/messages/deletion', { ids: String(id) });
  expect(await countMessages(db)).toBe(1);
});

test('asks before deleting, says what goes, and deletes', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const [one, two] = [await addMessage(db, ownerId, 'One'), await addMessage(db, ownerId, 'Two')];
  expect((await browser.get('/messages/deletion')).status).toBe(303);
  const page = await browser.get(`/messages/deletion?ids=${one}&ids=${two}`);
  expect(page.text).toContain('Delete 2 messages?');
  expect(page.text).toContain('keep a copy of their own');
  expect(await countMessages(db)).toBe(2);
  expect((await browser.get(`/messages/${one}/deletion`)).text).toContain('Delete “One”?');
  expect((await browser.post('/messages/deletion', { ids: String(one) })).status).toBe(303);
  expect((await browser.get('/messages')).text).toContain('1 message was deleted.');
  expect((await browser.get(`/messages/${one}`)).status).toBe(404);
});

test('names the mailings that still need a message in place of deleting it', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const mailingId = await addMailing(db, ownerId);
  const { message_id: used } = await db
    .selectFrom('mailings')
    .select('message_id')
    .where('id', '=', mailingId)
    .executeTakeFirstOrThrow();
  const free = await addMessage(db, ownerId, 'Free');
  const page = await browser.get(`/messages/deletion?ids=${used}&ids=${free}`);
  expect(page.text).toContain(`href="/mailings/${mailingId}"`);
  expect(page.text).toContain('Delete the other message');
  const pressed = await browser.post('/messages/deletion', { ids: String(used) });
  expect(pressed.status).toBe(409);
  expect(pressed.text).toContain(`href="/mailings/${mailingId}"`);
  expect(await countMessages(db)).toBe(2);
});
