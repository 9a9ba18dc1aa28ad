import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addFinishedMailing, type PastDelivery } from '../../test/support/finished-mailing.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';

let database: TestDatabase;
let site: TestSite;
let owner: number;
let cookie: string;

const START = new Date('2026-03-01T10:00:00Z');
const at = (seconds: number) => new Date(START.getTime() + seconds * 1000);

beforeAll(async () => {
  database = await createTestDatabase();
  site = openTestSite(database.db);
  owner = await addUser(database.db);
  await sql`update users set locale = 'en', time_zone = 'UTC' where id = ${owner}`.execute(database.db);
  cookie = await site.cookieOf(owner);
});
afterAll(() => database.close());

const accepted = (name: string, domain: string, seconds: number): PastDelivery => ({
  address: `${name}@${domain}`,
  state: 'accepted',
  attempts: [{ startedAt: at(seconds), outcome: 'accepted', durationMs: 0 }],
});

const ended = (name: string, state: PastDelivery['state'], attempts: PastDelivery['attempts'] = []): PastDelivery => ({
  address: `${name}@b.example`,
  state,
  attempts,
});

const REFUSED = {
  startedAt: at(5),
  outcome: 'rejected',
  stage: 'rcpt',
  replyCode: 550,
  enhancedCode: '5.1.1',
} as const;
const DOUBTFUL = { startedAt: at(20), outcome: 'in_doubt', durationMs: 0 } as const;

/** Six accepted in 20 s, and one or two of each other end. */
const DELIVERIES: PastDelivery[] = [
  ...[0, 1, 2, 3, 10, 19].map((seconds) => accepted(`a${seconds}`, 'a.example', seconds)),
  ended('r1', 'rejected', [{ ...REFUSED, reply: 'User unknown' }]),
  ended('d1', 'in_doubt', [DOUBTFUL]),
  ended('d2', 'in_doubt', [DOUBTFUL]),
  ended('e1', 'expired'),
  ended('c1', 'cancelled'),
];

async function addReported(ownerId = owner, subject = 'March news', deliveries = DELIVERIES): Promise<number> {
  return addFinishedMailing(database.db, ownerId, { startedAt: START, finishedAt: at(30), subject, deliveries });
}

async function visit(path: string, as = cookie) {
  const response = await site.web.request(path, { headers: { cookie: as } });
  const html = await response.text();
  return { status: response.status, location: response.headers.get('location'), html, text: toText(html) };
}

/** What is read, on one line. */
function toText(html: string): string {
  return html
    .replaceAll(/<(script|style|svg)[\s\S]*?<\/\1>/g, ' ')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

test('a report tells how it ended, how fast, where, why not, to whom and what', async () => {
  const id = await addReported();
  const { status, text, html } = await visit(`/mailings/${id}/report`);
  expect(status).toBe(200);
  expect(text).toContain('Mail servers accepted 6 of 11 letters: 54.5%.');
  expect(text).toContain('Rejected 1 9.1%');
  expect(text).toContain('From the first to the last 20 sec');
  expect(text).toContain('On average 0.3 letters a second');
  expect(text).toContain('Attempts over time, each bar 1 sec');
  expect(text).toContain('a.example 6 6 100% 0 0 0');
  expect(text).toContain('b.example 5 0 1 20% 2 40% 2 40%');
  expect(text).toContain('550 5.1.1');
  expect(text).toContain('All attempts 9 100%');
  expect(text).toContain('Everybody in the list at the start: 11 recipients');
  expect(text).toContain('relay.example:25: 9 attempts, 6 successful');
  expect(text).toContain('Dear {{ name }}!');
  expect(html).toContain(`href="/mailings/${id}/attempts?outcome=rejected&amp;address=%40b.example"`);
});

test('promises no further try of what was put off: the mailing is over', async () => {
  const greylisted = { ...REFUSED, outcome: 'deferred', replyCode: 451, enhancedCode: '4.7.1' } as const;
  const deliveries = [ended('e1', 'expired', [{ ...greylisted, reply: 'Greylisted, come again' }])];
  const id = await addReported(owner, 'Late', deliveries);
  for (const page of ['', '/report']) {
    const { text } = await visit(`/mailings/${id}${page}`);
    expect(text).toContain('(greylisting). The mailing is over: nothing is tried again.');
    expect(text).not.toContain('Vestnik tries again');
  }
});

test('all who got nothing, or perhaps nothing, can be written to again from it', async () => {
  const id = await addReported();
  const { html, text } = await visit(`/mailings/${id}/report`);
  const offered = [...html.matchAll(/name="state" value="(\w+)"/g)].map(([, state]) => state);
  expect(offered).toEqual(['expired', 'rejected', 'cancelled', 'in_doubt']);
  expect(text).toContain('2 letters in doubt Careful: the letter may have arrived, and then somebody gets it twice.');
});

test('what its owner decides about doubts shows at once', async () => {
  const id = await addReported();
  expect((await visit(`/mailings/${id}/report`)).html).toContain('value="in_doubt"');
  const body = new URLSearchParams({ seen: '999999999' });
  const headers = { cookie, 'sec-fetch-site': 'same-origin' };
  await site.web.request(`/mailings/${id}/in-doubt/leaving`, { method: 'POST', body, headers });
  expect((await visit(`/mailings/${id}/report`)).html).not.toContain('value="in_doubt"');
});

test('managers read it and are offered nothing to send; for other users it is not there', async () => {
  const id = await addReported();
  const seen = await visit(`/mailings/${id}/report`, await site.signIn('manager'));
  expect(seen.text).toContain('6 of 11 letters');
  expect(seen.html).not.toContain('name="state"');
  expect((await visit(`/mailings/${id}/report`, await site.signIn('user'))).status).toBe(404);
});

test('what is not finished has no report: the address leads to its page', async () => {
  const created = await addMailing(database.db, owner);
  const running = await addReported();
  await visit(`/mailings/${running}/report`);
  await sql`update mailings set status = 'running', finished_at = null where id = ${running}`.execute(database.db);
  for (const id of [created, running]) {
    expect(await visit(`/mailings/${id}/report`)).toMatchObject({ status: 303, location: `/mailings/${id}` });
  }
});

test('a mailing that reached nobody, and one whose attempts are not kept, have a report, too', async () => {
  const expired = await addReported(owner, 'Late', [ended('e1', 'expired')]);
  expect((await visit(`/mailings/${expired}/report`)).text).toMatch(
    /Mail servers accepted none of the letters\..*No letter had to be sent\./,
  );
  const old = await addReported();
  await sql`delete from attempts where mailing_id = ${old}`.execute(database.db);
  await sql`insert into installation_settings default values on conflict do nothing`.execute(database.db);
  await sql`update installation_settings set attempts_kept_from = ${at(86_400)}`.execute(database.db);
  const { text } = await visit(`/mailings/${old}/report`);
  await sql`update installation_settings set attempts_kept_from = null`.execute(database.db);
  expect(text).toContain('6 of 11 letters');
  expect(text).toContain('is not kept any more');
});

test('its domains can be sorted, and only the first twenty are shown unless asked for', async () => {
  const many = Array.from({ length: 25 }, (_, n) => accepted(`r${n}`, `d${String(n).padStart(2, '0')}.example`, n));
  const id = await addReported(owner, 'Wide', [...many, accepted('more', 'd24.example', 30)]);
  const domainsOf = async (query: string) =>
    [...(await visit(`/mailings/${id}/report?${query}`)).html.matchAll(/report-domain">([^<]+)</g)].map(
      ([, name]) => name,
    );
  const first = await domainsOf('');
  expect(first).toHaveLength(20);
  expect(first[0]).toBe('d24.example');
  expect(await domainsOf('domains=all')).toHaveLength(25);
  expect((await domainsOf('sort=-domain')).slice(0, 2)).toEqual(['d24.example', 'd23.example']);
  expect((await domainsOf('sort=nonsense'))[0]).toBe('d24.example');
});

test('compares mailings in the order in which they were chosen, each once', async () => {
  const [one, two] = [await addReported(owner, 'First one'), await addReported(owner, 'Second one')];
  const { status, text } = await visit(`/mailings/compare?id=${two}&id=${one}&id=${two}`);
  expect(status).toBe(200);
  expect(text).toMatch(/Figure Second one finished First one finished Started/);
  expect(text).toContain('Accepted by the mail server 6 54.5% 6 54.5% Rejected 1 9.1% 1 9.1%');
  expect(text).toContain('Letters a second, on average 0.3 0.3');
});

test('the legend of a comparison stands in the order of the bars, whichever mailing has a part', async () => {
  const first = await addReported(owner, 'One', [accepted('a', 'a.example', 1), ended('e', 'expired')]);
  const second = await addReported(owner, 'Two', [accepted('a', 'a.example', 1), ended('d', 'in_doubt', [DOUBTFUL])]);
  const { html } = await visit(`/mailings/compare?id=${first}&id=${second}`);
  const states = [...html.matchAll(/<li class="report-part balance-(\w+)"/g)].map(([, state]) => state);
  expect(states).toEqual(['accepted', 'in_doubt', 'expired']);
});

test('what still runs is compared as it is, without a speed', async () => {
  const [done, running] = [await addReported(owner, 'Done'), await addReported(owner, 'Going on')];
  await sql`update mailings set status = 'running', finished_at = null where id = ${running}`.execute(database.db);
  const { status, text } = await visit(`/mailings/compare?id=${done}&id=${running}`);
  expect(status).toBe(200);
  expect(text).toContain('From the first to the last 20 sec —');
  expect(text).toContain('Mailings that still run');
});

test('another’s mailing is left out for a user, and shown with its owner to a manager', async () => {
  const stranger = await addUser(database.db);
  const [own, other] = [await addReported(owner, 'Mine'), await addReported(stranger, 'Not mine')];
  const path = `/mailings/compare?id=${own}&id=${await addReported(owner, 'Mine too')}&id=${other}`;
  const asUser = await visit(path);
  expect(asUser.text).toContain('1 mailing is not there');
  expect(asUser.text).not.toContain('Not mine');
  const asManager = await visit(path, await site.signIn('manager'));
  expect(asManager.text).toContain('Not mine');
  expect(asManager.html).toContain(`href="/oversight/users/${stranger}"`);
});

test.each(['', '?id=', '?id=1e3&id=abc', '?id=999999&id=-1', '?id=99999999999999999999', '?other=1'])(
  'says what to do where there is nothing to compare: %s',
  async (query) => {
    const { status, text } = await visit(`/mailings/compare${query}`);
    expect(status).toBe(422);
    expect(text).toContain('select at least two mailings in the list');
  },
);

test('compares ten at most, and says so', async () => {
  const ids = await Promise.all(Array.from({ length: 11 }, (_, n) => addReported(owner, `Number ${n}`)));
  const { status, text } = await visit(`/mailings/compare?${ids.map((id) => `id=${id}`).join('&')}`);
  expect(status).toBe(200);
  expect(text).toContain('Not more than ten mailings');
  expect(text).toContain('Number 9');
  expect(text).not.toContain('Number 10');
});

test('lists offer to compare what has started, once there are two of them', async () => {
  const someone = await addUser(database.db);
  const as = await site.cookieOf(someone);
  const boxes = async (path: string, by: string) =>
    [...(await visit(path, by)).html.matchAll(/type="checkbox" name="id" value="(\d+)"/g)].map(([, id]) => Number(id));
  const created = await addMailing(database.db, someone);
  const one = await addReported(someone);
  expect(await boxes('/mailings', as)).toEqual([]);
  const two = await addReported(someone);
  expect((await boxes('/mailings', as)).toSorted((a, b) => a - b)).toEqual([one, two]);
  const overseen = await boxes('/oversight/mailings', await site.signIn('manager'));
  expect(overseen).toEqual(expect.arrayContaining([one, two]));
  expect(overseen).not.toContain(created);
});
