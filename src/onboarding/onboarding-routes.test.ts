import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { NOW, openStartSite } from '../../test/support/start-site.js';
import { saveRelayFault } from '../delivery/relay-store.js';
import type { Database } from '../lib/database.js';

async function findNextStep(browser: Awaited<ReturnType<typeof openStartSite>>['browser']) {
  const { text } = await browser.get('/');
  return /aria-current="step".*?<a class="btn btn-primary btn-lg" href="([^"]+)"/s.exec(text)?.[1];
}

test('leads through recipients and message to the first mailing', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
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
  const { browser, ownerId } = await openStartSite(db);
  const { running, finished, created } = await addThree(db, ownerId);
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
});

test('goes on by itself while something runs, and not after it', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
  const { running } = await addThree(db, ownerId);
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

/** One that runs, one that is finished and one that is to come, with what was tried in this week and before it. */
async function addThree(db: Database, ownerId: number) {
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
  return { running, finished, created };
}

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
  const { browser, ownerId } = await openStartSite(db);
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
  const { browser, ownerId } = await openStartSite(db);
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
    [`/mailings/${unstarted}/audience`, 'Put it right'],
    [`/mailings/${doubtful}`, 'Decide'],
    [`/mailings/${paused}`, 'Continue'],
  ]);
  for (const said of ['Complaints', '550 5.7.1 spam', '1 letter in doubt']) expect(before).toContain(said);
  await db.updateTable('mailing_counters').set({ in_doubt_left: 2 }).execute();
  await set(paused, { paused_at: null });
  await set(refused, { paused_at: null, pause_reason: null });
  expect([...(await list()).matchAll(/class="btn/g)]).toHaveLength(2);
});

test('shows the gravest five of what needs the owner, and all others on demand', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
  const ids: number[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await addMailing(db, ownerId));
  const paused = { status: 'running', started_at: NOW, frozen_at: NOW, paused_at: NOW } as const;
  await db.updateTable('mailings').set(paused).execute();
  const { text } = await browser.get('/');
  const [seen = '', folded = ''] = text.split('<summary>2 more mailings</summary>');
  const idsIn = (html: string) =>
    [...html.matchAll(/class="btn[^"]*" href="\/mailings\/(\d+)"/g)].map(([, id]) => Number(id));
  expect(idsIn(seen)).toHaveLength(5);
  expect(new Set([...idsIn(seen), ...idsIn(folded)])).toEqual(new Set(ids));
});

test('tells of mail servers that take nothing, while something runs', async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const { browser, ownerId } = await openStartSite(db);
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
  const { browser } = await openStartSite(db);
  const other = await addUser(db);
  await addRecipients(db, other, 3);
  const mailingId = await addMailing(db, other);
  await db.updateTable('mailings').set({ status: 'running', started_at: NOW, frozen_at: NOW }).execute();
  const { text } = await browser.get('/');
  expect(text).not.toContain(`/mailings/${mailingId}`);
  expect(text).toContain('Add the people');
  expect((await browser.get('/running-mailings')).text).not.toContain('<article');
});
