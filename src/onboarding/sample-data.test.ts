import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients } from '../../test/support/fixtures.js';
import { NOW, openStartSite } from '../../test/support/start-site.js';
import { readCounters } from '../delivery/delivery-store.js';
import { isBalanced } from '../delivery/delivery.js';
import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { compileMessage, renderMessage } from '../messages/render-message.js';
import { sampleMessages, sampleRecipients } from './sample-content.js';

const countRows = async (db: Database, ownerId: number) => {
  const owned = ['recipients', 'messages', 'mailings'] as const;
  const lists = await Promise.all(
    owned.map((table) => db.selectFrom(table).select('id').where('owner_id', '=', ownerId).execute()),
  );
  return lists.map((rows) => rows.length);
};

test('adds sample data whose books balance, and sends nothing', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db, { locale: 'ru' });
  expect((await browser.post('/sample-data', {})).status).toBe(303);
  expect(await countRows(db, ownerId)).toEqual([10, 2, 1]);
  const { id: mailingId, status } = await db.selectFrom('mailings').select(['id', 'status']).executeTakeFirstOrThrow();
  expect(status).toBe('finished');
  const counters = (await readCounters(db, ownerId, [mailingId])).get(mailingId);
  expect(counters).toMatchObject({
    audience: 10,
    accepted: 8,
    rejected: 2,
    waiting: 0,
    attemptsAccepted: 8,
    attemptsDeferred: 1,
    attemptsRejected: 2,
  });
  expect(counters && isBalanced(counters)).toBe(true);
  const states = await db.selectFrom('deliveries').select(['state', 'recipient_id', 'attempt_count']).execute();
  expect(states.map(({ state }) => state).toSorted()).toEqual([
    ...Array<string>(8).fill('accepted'),
    'rejected',
    'rejected',
  ]);
  expect(states.every(({ recipient_id }) => recipient_id !== null)).toBe(true);
  expect(states.reduce((sum, delivery) => sum + delivery.attempt_count, 0)).toBe(11);
  const attempts = await db.selectFrom('attempts').select(['outcome', 'reply_code', 'started_at']).execute();
  expect(attempts).toHaveLength(11);
  expect(attempts.every(({ started_at }) => started_at < NOW)).toBe(true);
  const { text } = await browser.get('/');
  expect(text).toContain('принято 8 из 10');
  expect(text).toContain('/sample-data/deletion');
  expect(text).toContain('href="/mailings/new"');
});

test('adds and removes sample data once on a double click', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
  const presses = await Promise.all([
    browser.post('/sample-data', {}),
    browser.post('/sample-data', {}),
    browser.post('/sample-data', {}),
  ]);
  expect(presses.map(({ status }) => status)).toEqual([303, 303, 303]);
  expect(await countRows(db, ownerId)).toEqual([10, 2, 1]);
  const removals = await Promise.all([
    browser.post('/sample-data/deletion', {}),
    browser.post('/sample-data/deletion', {}),
  ]);
  expect(removals.map(({ status }) => status)).toEqual([303, 303]);
  expect(await countRows(db, ownerId)).toEqual([0, 0, 0]);
  expect((await browser.get('/sample-data/deletion')).location).toBe('/');
});

test('removes exactly the sample data, of this owner alone', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
  const stranger = await openStartSite(db);
  await stranger.browser.post('/sample-data', {});
  await db
    .insertInto('recipients')
    .values({ owner_id: ownerId, email: 'Emma.Clark@example.com', name: 'My Emma' })
    .execute();
  await addRecipients(db, ownerId, 2);
  await addMailing(db, ownerId);
  await browser.post('/sample-data', {});
  expect(await countRows(db, ownerId)).toEqual([12, 3, 2]);
  const page = await browser.get('/sample-data/deletion');
  expect(page.text).toContain('9 sample recipients');
  expect(page.text).toContain('2 sample messages');
  expect(page.text).toContain('1 sample mailing with its deliveries and attempts');
  await browser.post('/sample-data/deletion', {});
  expect(await countRows(db, ownerId)).toEqual([3, 1, 1]);
  expect(await countRows(db, stranger.ownerId)).toEqual([10, 2, 1]);
  expect(
    await db.selectFrom('recipients').select('name').where('email', '=', 'Emma.Clark@example.com').executeTakeFirst(),
  ).toEqual({ name: 'My Emma' });
  const left = await db.selectFrom('deliveries').select('id').execute();
  expect(left).toHaveLength(10);
});

test('keeps a sample message that a planned mailing needs, and says so', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
  await browser.post('/sample-data', {});
  const mailingId = await addMailing(db, ownerId);
  const sample = await db.selectFrom('messages').select('id').where('is_sample', '=', true).executeTakeFirstOrThrow();
  await db.updateTable('mailings').set({ message_id: sample.id }).where('id', '=', mailingId).execute();
  await browser.post('/sample-data/deletion', {});
  expect((await browser.get('/')).text).toContain('but for one message');
  expect(await db.selectFrom('messages').select('is_sample').where('id', '=', sample.id).executeTakeFirst()).toEqual({
    is_sample: false,
  });
});

test.each<Locale>(['ru', 'en'])('fills in the sample messages for every sample recipient (%s)', (locale) => {
  for (const content of sampleMessages(locale)) {
    const compiled = compileMessage(content);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
    for (const recipient of sampleRecipients(locale)) {
      const { subject, text } = renderMessage(compiled.message, recipient);
      expect(subject).not.toBe('');
      expect(text).toContain(recipient.name);
      expect(text).not.toMatch(/[{}]|\n{3}/);
    }
  }
});
