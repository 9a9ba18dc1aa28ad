import { expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { openSending } from '../../test/support/sending.js';
import { openTestSite } from '../../test/support/test-site.js';

const RECIPIENTS = 400;

test('a block stops a running mailing; the page says how soon and what had left; after it the mailing goes on', async () => {
  await using sending = await openSending(RECIPIENTS, { slowMs: 20, keepData: false }, { query: '?connections=2' });
  const { db, server, ownerId } = sending;
  const site = openTestSite(db);
  const cookie = await site.signIn('manager');
  const page = `/oversight/users/${ownerId}`;
  const get = (path: string) => site.web.request(path, { headers: { cookie } });
  const post = (path: string, reason: string) =>
    site.web.request(path, {
      method: 'POST',
      body: new URLSearchParams({ reason }),
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
    });

  await sending.start();
  await eventually('some letters have left', async () => server.accepted.length >= 20);
  const pressedAt = performance.now();
  expect((await post(`${page}/block`, 'spam')).status).toBe(303);

  const halt = await eventually('the halt is known', async () => {
    const answer = await get(`${page}/halt`);
    return answer.headers.get('x-live') === 'done' && answer.text();
  });
  const left = server.accepted.length;
  expect(left).toBeLessThan(RECIPIENTS);
  expect(Math.max(...server.arrivedAt) - pressedAt).toBeLessThan(2000);
  expect(halt).toMatch(/^<p>Sending stopped (at once|after \d+(\.\d)? s); \d+ letters had left by then\.<\/p>$/);
  expect(halt).toContain(` ${left} letters`);
  const whole = await (await get(page)).text();
  expect(whole).toContain(halt);
  expect(whole).not.toContain('data-live');
  expect(await sending.counters()).toMatchObject({ audience: RECIPIENTS, accepted: left, waiting: RECIPIENTS - left });

  expect((await post(`${page}/unblock`, 'mistake')).status).toBe(303);
  expect(await sending.finished()).toMatchObject({ accepted: RECIPIENTS, waiting: 0 });
  expect(server.accepted).toHaveLength(RECIPIENTS);
  expect(await (await get(`${page}/halt`)).text()).toBe('');
});
