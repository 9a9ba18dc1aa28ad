import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { serve, type ServerType } from '@hono/node-server';
import { sql } from 'kysely';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { readAssets } from '../../src/ui/assets.js';
import { expectNoSeriousAxeViolations, newPage, openBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { addFinishedMailing, type PastDelivery } from '../support/finished-mailing.js';
import { addRecipients, addUser } from '../support/fixtures.js';
import { openTestSite } from '../support/test-site.js';

/* Reports and comparisons, as their owner uses them in a browser. */

let database: TestDatabase;
let server: ServerType;
let browser: Browser;
let baseURL: string;
let cookie: { name: string; value: string };

const START = new Date('2026-03-01T10:00:00Z');

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const site = openTestSite(db, { assets: readAssets('dist/client'), assetsFolder: 'dist/client' });
  server = serve({ fetch: site.web.fetch, port: 0, hostname: '127.0.0.1' });
  await once(server, 'listening');
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
  const owner = await addUser(db);
  await sql`update users set locale = 'en', time_zone = 'UTC' where id = ${owner}`.execute(db);
  const [name = '', value = ''] = (await site.cookieOf(owner)).split('=');
  cookie = { name, value };
  const recipients = await addRecipients(db, owner, 40);
  for (const [index, subject] of ['Spring sale', 'Summer sale', 'News'].entries()) {
    const finishedAt = new Date(START.getTime() + 60_000);
    await addFinishedMailing(db, owner, {
      startedAt: START,
      finishedAt,
      subject,
      deliveries: deliver(recipients, index),
    });
  }
});
afterAll(async () => {
  await browser.close();
  server.close();
  await once(server, 'close');
  await database.close();
});

/** One in four expired, all others accepted. */
function deliver(recipients: number[], offset: number): PastDelivery[] {
  return recipients.map((recipientId, index) => {
    const delivery = { recipientId, address: `r${index}@d${(index + offset) % 7}.example` };
    if (index % 4 === 0) return { ...delivery, state: 'expired', attempts: [] };
    const startedAt = new Date(START.getTime() + index * 400);
    return { ...delivery, state: 'accepted', attempts: [{ startedAt, outcome: 'accepted' }] };
  });
}

async function openPage(options: Parameters<typeof newPage>[1] = {}): Promise<Page> {
  const page = await newPage(browser, { baseURL, ...options });
  await page.context().addCookies([{ ...cookie, url: baseURL }]);
  return page;
}

test('without JavaScript: mailings are chosen in the list, compared, and one is sent again from its report', async () => {
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto('/mailings');
  await page.getByRole('checkbox', { name: 'Select Spring sale' }).check();
  await page.getByRole('checkbox', { name: 'Select News' }).check();
  await page.getByRole('button', { name: 'Compare selected' }).click();
  await expect.poll(() => page.getByRole('columnheader').allInnerTexts()).toHaveLength(3);
  expect(await page.getByRole('row', { name: /^Accepted by the mail server/ }).innerText()).toMatch(
    /30\s+75%\s+30\s+75%/,
  );
  await page.getByRole('link', { name: 'Spring sale' }).click();
  await page.getByText('Mail servers accepted 30 of 40 letters: 75%.').waitFor();
  await page.getByRole('button', { name: 'New mailing for them' }).click();
  await page.getByText('10 recipients').first().waitFor();
  expect(page.url()).toMatch(/\/mailings\/\d+$/);
  await page.context().close();
});

test.each([
  ['light', 1280],
  ['dark', 390],
] as const)(
  'in %s at %d pixels they are accessible, and nothing is wider than the page',
  async (colorScheme, width) => {
    const page = await openPage({ colorScheme, viewport: { width, height: 800 } });
    await page.goto('/mailings');
    for (const name of ['Spring sale', 'Summer sale', 'News'])
      await page.getByRole('checkbox', { name: `Select ${name}` }).check();
    await expectFits(page);
    await page.getByRole('button', { name: 'Compare selected' }).click();
    await page.getByRole('heading', { name: 'Mailings compared' }).waitFor();
    await expectFits(page);
    await page.getByRole('link', { name: 'Summer sale' }).click();
    await page.getByRole('heading', { name: 'When and how fast' }).waitFor();
    await expectFits(page);
    await page.context().close();
  },
);

async function expectFits(page: Page): Promise<void> {
  await expectNoSeriousAxeViolations(page);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(excess, `${page.url()} is wider than the window`).toBeLessThanOrEqual(0);
}

test('on paper a comparison lies on its side, on one page, and a report has neither navigation nor buttons', async () => {
  const page = await openPage({ colorScheme: 'dark' });
  await page.goto('/mailings');
  for (const name of ['Spring sale', 'News']) await page.getByRole('checkbox', { name: `Select ${name}` }).check();
  await page.getByRole('button', { name: 'Compare selected' }).click();
  await page.getByRole('heading', { name: 'Mailings compared' }).waitFor();
  const paper = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
  expect(
    [...paper.matchAll(/\/MediaBox \[0 0 (\d+)[\d.]* (\d+)/g)].map(([, width, height]) => [width, height]),
  ).toEqual([['841', '594']]);
  await page.getByRole('link', { name: 'News' }).click();
  await page.getByRole('heading', { name: 'When and how fast' }).waitFor();
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  expect(await page.getByRole('navigation').filter({ visible: true }).count()).toBe(0);
  expect(await page.getByRole('button').filter({ visible: true }).count()).toBe(0);
  expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe('rgb(0, 0, 0)');
  await page.context().close();
});
