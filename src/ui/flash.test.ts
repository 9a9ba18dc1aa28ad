import { Hono } from 'hono';
import { expect, test } from 'vitest';

import { Browser } from '../../test/support/account-site.js';
import { readFlash, redirectWithFlash } from './flash.js';
import type { WebEnv } from './view.js';

const site = new Hono<WebEnv>();
site.post('/do', async (c) => {
  const { text, kind } = await c.req.parseBody<{ text: string; kind?: string }>();
  return redirectWithFlash(c, '/page', text, kind === 'warning' ? 'warning' : 'success');
});
site.all('/page', (c) => c.json(readFlash(c)));

const read = async (browser: Browser) => JSON.parse((await browser.get('/page')).text) as unknown;

test('leads to the page, which shows the sentence once', async () => {
  const browser = new Browser(site);
  const answer = await browser.post('/do', { text: 'Saved.' });
  expect([answer.status, answer.location]).toEqual([303, '/page']);
  expect(await read(browser)).toEqual({ kind: 'success', text: 'Saved.' });
  expect(await read(browser)).toBeNull();
});

test('keeps any letters, and what would end a cookie', async () => {
  const browser = new Browser(site);
  for (const text of [
    'Получатель «анна@пример.рф» добавлен 🎉',
    'a; Path=/x, b="c"\r\nSet-Cookie: x=y',
    '%41%',
    '{"kind":"x"}',
  ]) {
    await browser.post('/do', { text, kind: 'warning' });
    expect([...browser.cookies.keys()]).toEqual(['flash']);
    expect(await read(browser)).toEqual({ kind: 'warning', text });
  }
});

test('a part of a page that loads in the background leaves the sentence to the page', async () => {
  const browser = new Browser(site);
  await browser.post('/do', { text: 'Saved.' });
  const cookie = `flash=${browser.cookies.get('flash')}`;
  const fragment = await site.request('/page', { headers: { cookie, 'x-fragment': '1' } });
  expect([await fragment.json(), fragment.headers.getSetCookie()]).toEqual([null, []]);
  const form = await site.request('/page', { method: 'POST', headers: { cookie } });
  expect([await form.json(), form.headers.getSetCookie()]).toEqual([null, []]);
  expect(await read(browser)).toEqual({ kind: 'success', text: 'Saved.' });
});

test('scripts and other sites do not get the sentence', async () => {
  const answer = await new Browser(site).post('/do', { text: 'Saved.' });
  expect(answer.response.headers.get('set-cookie')).toMatch(/Max-Age=60; Path=\/; HttpOnly; SameSite=Lax$/);
});

test.each([
  '',
  'x',
  '%',
  ...['{}', 'null', '[]', '"', '{"kind":"danger","text":"x"}', '{"kind":"success"}'].map(encodeURIComponent),
  encodeURIComponent(JSON.stringify({ kind: 'success', text: 'x'.repeat(501) })),
])('a cookie “%s” that somebody made shows nothing, and goes', async (value) => {
  const answer = await site.request('/page', { headers: { cookie: `flash=${value}` } });
  expect(await answer.json()).toBeNull();
  expect(answer.headers.get('set-cookie')).toMatch(/^flash=; Max-Age=0; Path=\/$/);
});
