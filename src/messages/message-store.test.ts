import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import { PAGE_SIZE, parseListQuery } from '../lib/list.js';
import {
  addMessage,
  changeMessage,
  countMessages,
  findMessage,
  findMessageSummaries,
  listMessageOptions,
  listMessages,
} from './message-store.js';
import { MESSAGE_SORTS } from './message.js';
import { removeMessages } from './remove-messages.js';

const bySubject = (query: Record<string, string> = {}) =>
  parseListQuery({ sort: 'subject', ...query }, MESSAGE_SORTS, 'subject');

test('keeps what it is given, and shows it to its owner alone', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const [owner, other] = [await addUser(db), await addUser(db)];
  const id = await addMessage(db, owner, { subject: 'Скидки 🎉', body: 'Здравствуйте,\n{{ name }}!' });
  expect(await findMessage(db, owner, id)).toMatchObject({
    id,
    subject: 'Скидки 🎉',
    body: 'Здравствуйте,\n{{ name }}!',
    version: 1,
  });
  expect(await findMessage(db, other, id)).toBeUndefined();
  expect(await findMessageSummaries(db, other, [id])).toEqual([]);
  expect(await listMessageOptions(db, other)).toEqual([]);
  expect((await listMessages(db, other, bySubject())).rows).toEqual([]);
  expect(await changeMessage(db, other, id, 1, { subject: 'x', body: 'x' })).toEqual({ ok: false, fault: 'gone' });
  expect(await removeMessages(db, TERMINAL, other, [id])).toEqual({ ok: true, count: 0 });
  expect(await findMessage(db, owner, id)).toBeDefined();
});

test('finds and deletes among more ids than a statement takes parameters', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  const id = await addMessage(db, owner, { subject: 'One', body: 'Text' });
  const ids = [id, ...Array.from({ length: 70_000 }, (_, n) => 1_000_000 + n)];
  expect(await findMessageSummaries(db, owner, ids)).toHaveLength(1);
  expect(await removeMessages(db, TERMINAL, owner, ids)).toEqual({ ok: true, count: 1 });
});

test('finds one or two letters where a later line of the text begins', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  await addMessage(db, owner, { subject: 'One', body: 'Здравствуйте!\nЖдём вас' });
  expect(await countMessages(db, owner, 'жд', 10)).toBe(1);
  expect(await countMessages(db, owner, 'дё', 10)).toBe(0);
});

test('saves only over the version that was opened', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  const id = await addMessage(db, owner, { subject: 'One', body: 'Text' });
  expect(await changeMessage(db, owner, id, 1, { subject: 'Two', body: 'Text' })).toEqual({ ok: true, id });
  expect(await changeMessage(db, owner, id, 1, { subject: 'Three', body: 'Text' })).toEqual({
    ok: false,
    fault: 'changed',
  });
  expect(await findMessage(db, owner, id)).toMatchObject({ subject: 'Two', version: 2 });
});

test('lists in pages, sorted without regard to case, with the beginning of the text', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  for (let n = 100; n < 100 + PAGE_SIZE + 5; n += 1) {
    await addMessage(db, owner, {
      subject: n % 2 === 0 ? `letter ${n}` : `LETTER ${n}`,
      body: `${n} ${'x'.repeat(5000)}`,
    });
  }
  const first = await listMessages(db, owner, bySubject());
  expect(first.rows.map(({ subject }) => subject.toLowerCase()).slice(0, 2)).toEqual(['letter 100', 'letter 101']);
  expect(first.rows).toHaveLength(PAGE_SIZE);
  expect(first.rows[0]?.excerpt).toHaveLength(200);
  const second = await listMessages(db, owner, bySubject({ after: first.after ?? '' }));
  expect(second.rows).toHaveLength(5);
  const back = await listMessages(db, owner, bySubject({ before: second.before ?? '' }));
  expect(back.rows).toEqual(first.rows);
});

test('finds by subject and by text, with wildcards taken literally', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  await addMessage(db, owner, { subject: 'Весенняя распродажа', body: 'Скидка 50% на всё' });
  await addMessage(db, owner, { subject: 'Новости', body: 'Ничего' });
  const find = async (q: string) =>
    (await listMessages(db, owner, bySubject({ q }))).rows.map(({ subject }) => subject);
  expect(await find('РАСПРОДАЖА')).toEqual(['Весенняя распродажа']);
  expect(await find('50%')).toEqual(['Весенняя распродажа']);
  expect(await find('5%%')).toEqual([]);
  expect(await find('но')).toEqual(['Новости']);
  expect(await countMessages(db, owner, 'распродажа', 1000)).toBe(1);
  expect(await countMessages(db, owner, '', 1)).toBe(2);
});

test('offers the newest for a choice', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  const older = await addMessage(db, owner, { subject: 'Older', body: 'Text' });
  const newer = await addMessage(db, owner, { subject: 'Newer', body: 'Text' });
  expect(await listMessageOptions(db, owner)).toEqual([
    { id: newer, subject: 'Newer' },
    { id: older, subject: 'Older' },
  ]);
  await changeMessage(db, owner, older, 1, { subject: 'Older, changed', body: 'Text' });
  expect(await listMessageOptions(db, owner, 1)).toEqual([{ id: older, subject: 'Older, changed' }]);
});

test('deletes all or none: a message that a mailing still needs stays', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const owner = await addUser(db);
  const mailingId = await addMailing(db, owner);
  const { message_id: used } = await db
    .selectFrom('mailings')
    .select('message_id')
    .where('id', '=', mailingId)
    .executeTakeFirstOrThrow();
  const free = await addMessage(db, owner, { subject: 'Free', body: 'Text' });
  expect(await removeMessages(db, TERMINAL, owner, [free, used ?? 0])).toEqual({ ok: false, fault: 'inUse' });
  expect(await findMessage(db, owner, free)).toBeDefined();
  const now = new Date();
  await db
    .updateTable('mailings')
    .set({ status: 'finished', started_at: now, finished_at: now })
    .where('id', '=', mailingId)
    .execute();
  expect(await removeMessages(db, TERMINAL, owner, [free, used ?? 0])).toEqual({ ok: true, count: 2 });
});
