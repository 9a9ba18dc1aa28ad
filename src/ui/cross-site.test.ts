import { Hono } from 'hono';
import { expect, test } from 'vitest';

import { refuseCrossSite } from './cross-site.js';
import type { WebEnv } from './view.js';

const site = new Hono<WebEnv>();
site.use(refuseCrossSite('https://mail.example.com'));
site.all('*', (c) => c.text('done'));

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

async function send(method: string, headers: Record<string, string>): Promise<number> {
  const answer = await site.request('/', { method, headers: { host: 'internal:3000', ...headers } });
  expect((await answer.text()) === 'done').toBe(answer.status === 200 && method !== 'HEAD');
  return answer.status;
}

test('lets anybody read', async () => {
  for (const method of ['GET', 'HEAD']) {
    expect(await send(method, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })).toBe(200);
    expect(await send(method, {})).toBe(200);
  }
});

test.each<[string, Record<string, string>, number]>([
  ['a form of this site', { 'sec-fetch-site': 'same-origin' }, 200],
  [
    'the same, whatever the origin is called behind a proxy',
    { 'sec-fetch-site': 'same-origin', origin: 'http://10.0.0.1' },
    200,
  ],
  ['a form of an older browser on this site', { origin: 'https://mail.example.com' }, 200],
  ['the same, by the name in the address bar', { origin: 'http://internal:3000' }, 200],
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
  ['another site that forges the origin', { 'sec-fetch-site': 'cross-site', origin: 'https://mail.example.com' }, 403],
  ['a neighbour under the same domain', { 'sec-fetch-site': 'same-site', origin: 'https://shop.example.com' }, 403],
  ['no page at all', { 'sec-fetch-site': 'none' }, 403],
  ['a made-up value', { 'sec-fetch-site': 'same-origin, cross-site' }, 403],
  ['another site in an older browser', { origin: 'https://evil.example' }, 403],
  ['this host without encryption', { origin: 'http://mail.example.com' }, 403],
  ['this host on another port', { origin: 'https://mail.example.com:8443' }, 403],
  ['a host that begins alike', { origin: 'https://mail.example.com.evil.example' }, 403],
  ['a page without an origin', { origin: 'null' }, 403],
  ['an origin that is none', { origin: 'mail.example.com' }, 403],
  ['what tells neither', {}, 403],
])('of a writing request from %s', async (_title, headers, status) => {
  for (const method of METHODS) expect([method, await send(method, headers)]).toEqual([method, status]);
});
