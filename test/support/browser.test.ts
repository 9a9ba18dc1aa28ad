import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

import { type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { expectNoSeriousAxeViolations, newPage, openBrowser } from './browser.js';

const GOOD = '<!doctype html><html lang="ru"><title>Вестник</title><h1>Здравствуйте, мир</h1><p id="now"></p>';
const BAD = '<!doctype html><html lang="ru"><title>Вестник</title><h1>Вестник</h1><input type="text">';

let server: Server;
let browser: Browser;
let address: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(request.url === '/bad' ? BAD : GOOD);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await new Promise((resolve) => server.close(resolve));
});

test('opens a page with the locale, time zone, colours and size asked for', async () => {
  const viewport = { width: 390, height: 700 };
  const page = await newPage(browser, { locale: 'ru-RU', colorScheme: 'dark', timezoneId: 'Asia/Tokyo', viewport });
  await page.goto(address);
  const seen = await page.evaluate(() => ({
    language: navigator.language,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    width: document.documentElement.clientWidth,
  }));
  expect(seen).toEqual({ language: 'ru-RU', dark: true, zone: 'Asia/Tokyo', width: 390 });
  await page.context().close();
});

test('draws Cyrillic with real glyphs, not with one box for every letter', async () => {
  const page = await newPage(browser);
  await page.goto(address);
  const widths = await page.evaluate(() => {
    const context = document.createElement('canvas').getContext('2d');
    if (!context) return [];
    context.font = '40px sans-serif';
    return ['ш', 'г', 'ж', 'т'].map((letter) => context.measureText(letter).width);
  });
  expect(new Set(widths).size).toBe(4);
  await page.context().close();
});

test('runs no scripts of the page without JavaScript', async () => {
  const page = await newPage(browser, { javaScriptEnabled: false });
  await page.goto('data:text/html,<p>before</p><script>document.querySelector("p").textContent="after"</script>');
  expect(await page.textContent('p')).toBe('before');
  await page.context().close();
});

test('passes an accessible page and names what is wrong with another', async () => {
  const page = await newPage(browser);
  await page.goto(address);
  await expectNoSeriousAxeViolations(page);
  await page.goto(`${address}/bad`);
  await expect(expectNoSeriousAxeViolations(page)).rejects.toThrow(/Form elements must have labels/);
  await page.context().close();
});
