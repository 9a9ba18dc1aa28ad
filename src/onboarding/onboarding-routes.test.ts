import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openSignedInSite } from '../../test/support/signed-in-site.js';
import { readCounters } from '../delivery/delivery-store.js';
import { isBalanced } from '../delivery/delivery.js';
import { saveRelayFault } from '../delivery/relay-store.js';
import { cacheInMemory } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { compileMessage, renderMessage } from '../messages/render-message.js';
import { onboardingRoutes } from './onboarding-routes.js';
import { sampleMessages, sampleRecipients } from './sample-content.js';

const NOW = new Date('2026-05-10T12:00:00Z');

function open(db: Database, options: { locale?: Locale; ownerId?: number } = {}) {
  return openSignedInSite(
    db,
    '/',
    onboardingRoutes({ db, cache: cacheInMemory({ db, secret: 'of the tests' }), clock: { now: () => NOW } }),
    { now: NOW, ...options },
  );
}

const countRows = async (db: Database, ownerId: number) => {
  const owned = ['recipients', 'messages', 'mailings'] as const;
  const lists = await Promise.all(
    owned.map((table) => db.selectFrom(table).select('id').where('owner_id', '=', ownerId).execute()),
  );
  return lists.map((rows) => rows.length);
};

async function findNextStep(browser: Awaited<ReturnType<typeof open>>['browser']) {
  const { text } = await browser.get('/');
  return /aria-current="step".*?<a class="btn btn-primary btn-lg" href="([^"]+)"/s.exec(text)?.[1];
}

test('leads through recipients and message to the first mailing', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  expect(await findNextStep(browser)).toBe('/recipients/new');
  await addRecipients(db, ownerId, 2);
  expect(await findNextStep(browser)).toBe('/messages/new');
  expect((await browser.get('/')).text).toContain('You have 2 recipients.');
  await addMessage(db, ownerId);
  expect(await findNextStep(browser)).toBe('/mailings/new');
  const mailingId = await addMailing(db, ownerId);
  expect(await findNextStep(browser)).toBe(`/mailings/${mailingId}`);
});

test('shows what runs, what comes next and what is finished after the first mailing', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const ids = [await addMailing(db, ownerId), await addMailing(db, ownerId), await addMailing(db, ownerId)];
  const [running = 0, finished = 0, created = 0] = ids;
  await db
    .updateTable('mailings')
    .set({ status: 'running', started_at: NOW, frozen_at: NOW })
    .where('id', '=', running)
    .execute();
  await db
    .updateTable('mailings')
    .set({ status: 'finished', started_at: NOW, finished_at: NOW })
    .where('id', '=', finished)
    .execute();
  await db
    .insertInto('mailing_counters')
    .values([
      {
        mailing_id: running,
        audience: 1000,
        waiting: 400,
        accepted: 590,
        rejected: 10,
        attempts_accepted: 590,
        attempts_rejected: 10,
      },
      {
        mailing_id: finished,
        audience: 7,
        accepted: 6,
        in_doubt: 1,
        attempts_accepted: 6,
        attempts_deferred: 2,
        attempts_in_doubt: 1,
      },
    ])
    .execute();
  await addTotals(db, running, NOW, [590, 0, 10, 0]);
  await addTotals(db, finished, new Date('2026-05-05T09:15:00Z'), [6, 2, 0, 1]);
  await addTotals(db, finished, new Date('2026-05-01T09:15:00Z'), [149, 0, 0, 0]);
  const { text } = await browser.get('/');
  expect(text).toContain('Overview');
  expect(text).not.toContain('aria-current="step"');
  expect(text).toContain('600 of 1,000 settled, 590 accepted');
  expect(text).toContain('6 of 7 accepted');
  for (const id of [running, finished, created]) expect(text).toContain(`href="/mailings/${id}"`);
  const tile = (name: string) => readTile(text, name);
  expect(tile('Letters sent')).toContain('|596|×4, |more than before: 149|');
  expect(tile('Successful attempts')).toContain('97.9% of 609 attempts');
  expect(tile('Unsuccessful attempts')).toContain(
    '|13|+13 |more than before: 0|put off: 2 · rejected: 10 · in doubt: 1|',
  );
  expect(tile('Mailings started')).toContain('created: 1| · |running: 1| · |finished: 1');
  const part = await browser.get('/running-mailings');
  expect(part.text).toContain('590 accepted');
  expect(part.response.headers.get('x-live')).toBeNull();
  expect((await browser.get('/running-mailings?before=start')).response.headers.get('x-live')).toBe('done');
  expect(readTile((await browser.get('/figures?period=today')).text, 'Letters sent')).toContain('|590|');
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', running).execute();
  for (const path of ['/running-mailings', '/figures']) {
    expect((await browser.get(path)).response.headers.get('x-live')).toBe('done');
  }
  expect((await browser.get('/running-mailings?before=start')).response.headers.get('x-live')).toBeNull();
});

async function addTotals(db: Database, mailingId: number, at: Date, counts: [number, number, number, number]) {
  const [accepted, deferred, rejected, in_doubt] = counts;
  await db
    .insertInto('attempt_totals')
    .values({ mailing_id: mailingId, at, accepted, deferred, rejected, in_doubt })
    .execute();
}

/** What a tile of figures says, without its tags. */
function readTile(text: string, name: string): string {
  const tile = new RegExp(`<dt>${name}</dt><dd>.*?</dd>`, 's').exec(text)?.[0] ?? '';
  return tile
    .replaceAll('\u00a0', ' ')
    .replaceAll(/<svg.*?<\/svg>|<[^>]+>/gs, '|')
    .replaceAll(/\|+/g, '|');
}

test('keeps the range in the address, and says what is wrong with one that it cannot show', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const mailingId = await addMailing(db, ownerId);
  await db.updateTable('mailings').set({ status: 'finished', started_at: NOW, finished_at: NOW }).execute();
  await addTotals(db, mailingId, new Date('2026-04-02T09:15:00Z'), [5, 0, 0, 0]);
  const april = await browser.get('/?from=2026-04-01&until=2026-04-30');
  expect(april.text).toContain('value="2026-04-01"');
  expect(april.text).toContain('<strong>April 1 – 30, 2026</strong>'.replaceAll(' – ', '\u2009–\u2009'));
  expect(readTile(april.text, 'Letters sent')).toContain('|5|+5 |more than before: 0|');
  expect(april.text).toContain('href="/attempts?outcome=accepted&amp;from=2026-04-01&amp;until=2026-04-30"');
  const wrong = await browser.get('/?from=2026-04-30&until=2026-04-01');
  expect(wrong.status).toBe(422);
  expect(wrong.text).toContain('the end is before the beginning');
  expect(wrong.text).toContain('value="2026-04-30"');
  expect(wrong.text).toMatch(/<input[^>]*name="until"[^>]*aria-invalid="true"/);
});

test('tells what needs the owner, with the way to mend it', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const ids: number[] = [];
  for (let n = 0; n < 6; n += 1) ids.push(await addMailing(db, ownerId));
  const [disabled = 0, refused = 0, unstarted = 0, doubtful = 0, paused = 0, stopping = 0] = ids;
  const set = (id: number, values: object) => db.updateTable('mailings').set(values).where('id', '=', id).execute();
  const running = { status: 'running', started_at: NOW, frozen_at: NOW };
  await set(disabled, { ...running, disabled_at: NOW, disabled_reason: 'Complaints' });
  await set(refused, { ...running, paused_at: NOW, pause_reason: '550 5.7.1 spam' });
  await set(unstarted, { start_fault: 'no_recipients' });
  await set(doubtful, { ...running, status: 'finished', finished_at: NOW });
  await set(paused, { ...running, paused_at: NOW });
  await set(stopping, { ...running, paused_at: NOW, disabled_at: NOW, disabled_reason: 'Spam', stopped_at: NOW });
  const counters = { audience: 3, accepted: 1, in_doubt: 2, in_doubt_left: 1 };
  await db
    .insertInto('mailing_counters')
    .values({ mailing_id: doubtful, ...counters })
    .execute();
  const list = async () =>
    /class="card card-body attention".*?<\/section>/s.exec((await browser.get('/')).text)?.[0] ?? '';
  const before = await list();
  const hrefs = [...before.matchAll(/class="btn[^"]*" href="([^"]+)">([^<]+)/g)].map(([, href, action]) => [
    href,
    action,
  ]);
  expect(hrefs).toEqual([
    [`/mailings/${disabled}`, 'Open'],
    [`/mailings/${refused}`, 'Look into it'],
    [`/mailings/${unstarted}/audience`, 'Mend it'],
    [`/mailings/${doubtful}`, 'Decide'],
    [`/mailings/${paused}`, 'Continue'],
  ]);
  for (const said of ['Complaints', '550 5.7.1 spam', '1 letter in doubt']) expect(before).toContain(said);
  await db.updateTable('mailing_counters').set({ in_doubt_left: 2 }).execute();
  await set(paused, { paused_at: null });
  await set(refused, { paused_at: null, pause_reason: null });
  expect([...(await list()).matchAll(/class="btn/g)]).toHaveLength(2);
});

test('tells of mail servers that take nothing, while something runs', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db);
  const mailingId = await addMailing(db, ownerId);
  await saveRelayFault(db, 'smtp_url', 'connect ECONNREFUSED', 60_000);
  expect((await browser.get('/')).text).not.toContain('No letters leave');
  await db.updateTable('mailings').set({ status: 'running', started_at: NOW, frozen_at: NOW }).execute();
  const { text } = await browser.get('/');
  expect(text).toContain('No letters leave');
  expect(text).toContain(`href="/mailings/${mailingId}"`);
});

test('shows nothing of another owner', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser } = await open(db);
  const other = await addUser(db);
  await addRecipients(db, other, 3);
  const mailingId = await addMailing(db, other);
  await db.updateTable('mailings').set({ status: 'running', started_at: NOW, frozen_at: NOW }).execute();
  const { text } = await browser.get('/');
  expect(text).not.toContain(`/mailings/${mailingId}`);
  expect(text).toContain('Add the people');
  expect((await browser.get('/running-mailings')).text).not.toContain('<article');
});

test('adds sample data whose books balance, and sends nothing', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await open(db, { locale: 'ru' });
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
  const { browser, ownerId } = await open(db);
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
  const { browser, ownerId } = await open(db);
  const stranger = await open(db);
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
  const { browser, ownerId } = await open(db);
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
