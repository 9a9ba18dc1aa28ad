import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer, type ServerType } from '@hono/node-server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { newPage, openBrowser } from '../../test/support/browser.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { openTestSite } from '../../test/support/test-site.js';
import { readArrivingLetter } from './arriving-letter.js';
import { storeLetters } from './inbox-store.js';

let database: TestDatabase;
let browser: Browser;
let site: ServerType;
let stranger: Server;
let page: Page;
/** What reached another site. */
const leaks: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { web, register } = openTestSite(database.db);
  site = createAdaptorServer({ fetch: web.fetch });
  stranger = createServer((request, response) => {
    leaks.push(request.url ?? '');
    response.end('<title>elsewhere</title>');
  });
  const [siteUrl, strangerUrl] = [await listen(site), await listen(stranger)];
  const envelope = { sender: 'shop@example.com', recipients: ['anna@example.com'] };
  await storeLetters(database.db, [readArrivingLetter(envelope, Buffer.from(composeHostileLetter(strangerUrl)))], 0);
  browser = await openBrowser();
  page = await newPage(browser, { baseURL: siteUrl });
  const [name = '', value = ''] = (await register('anna@example.com')).split('=');
  await page.context().addCookies([{ name, value, url: siteUrl }]);
});
afterAll(async () => {
  await browser.close();
  for (const server of [site, stranger]) await new Promise((resolve) => server.close(resolve));
  await database.close();
});

async function listen(server: Server | ServerType): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function composeHostileLetter(elsewhere: string): string {
  const html = `
    <meta http-equiv="refresh" content="0; url=${elsewhere}/refresh">
    <base href="${elsewhere}/base/">
    <style>@import url(${elsewhere}/style); p { background: url(${elsewhere}/background); color: rgb(1, 2, 3) }</style>
    <link rel="stylesheet" href="${elsewhere}/link">
    <img src="${elsewhere}/image" onerror="top.document.title = 'taken'">
    <iframe src="${elsewhere}/frame"></iframe>
    <script>top.document.title = 'taken'; fetch('${elsewhere}/script')</script>
    <svg onload="top.location = '${elsewhere}/svg'"></svg>
    <form action="${elsewhere}/form"><button id="send">Send</button></form>
    <p id="plain">Plain</p>
    <a id="script" href="javascript:top.location='${elsewhere}/javascript'">Script</a>
    <a id="top" target="_top" href="${elsewhere}/top">Top</a>
    <a id="link" href="${elsewhere}/wanted">Link</a>`;
  return `X-Vestnik-Purpose: confirmation\r\nSubject: Hostile\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}`;
}

it('shows a hostile letter without letting it do anything, and opens its links in a new tab', async () => {
  await page.goto('/inbox');
  await page.getByRole('link', { name: 'Hostile' }).click();
  const letter = page.frameLocator('iframe.letter-frame');
  expect(await letter.locator('#plain').evaluate((element) => getComputedStyle(element).color)).toBe('rgb(1, 2, 3)');
  await letter.locator('#send').click();
  await letter.locator('#top').click();
  await letter.locator('#script').click();
  const [tab] = await Promise.all([
    page.waitForEvent('popup', (popup) => popup.url().includes('wanted')),
    letter.locator('#link').click(),
  ]);
  expect(await tab.title()).toBe('elsewhere');
  expect(await tab.evaluate(() => window.opener === null)).toBe(true);
  expect(await page.title()).toBe('Hostile · Vestnik');
  expect(page.url()).toMatch(/\/inbox\/\d+$/);
  expect(leaks.filter((path) => path !== '/favicon.ico')).toEqual(['/wanted']);
});
