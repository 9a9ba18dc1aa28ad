import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { readEvents } from '../support/event-reader.js';
import { eventually } from '../support/eventually.js';
import { addRecipients } from '../support/fixtures.js';
import { hasNginx, startNginx, type Nginx } from '../support/nginx.js';
import { startSmtpServer } from '../support/smtp-server.js';
import {
  findFreePort,
  openDataFolder,
  startVestnik,
  type DataFolder,
  type VestnikProcess,
} from '../support/vestnik-process.js';
import {
  becomeAdministrator,
  createMailing,
  expectMailingState,
  openVisitor,
  readBooks,
  sendButton,
  writeMessage,
  type Visitor,
} from './steps.js';

/* A running mailing behind nginx as most have it: buffering, HTTP/1.0 onward, nothing told it but where Vestnik is. */

const PERSON = { name: 'Olga', email: 'olga@example.com' };
const SUBJECT = 'Осенняя распродажа';
/** More than can leave while this goes on. */
const RECIPIENTS = 300;

let database: TestDatabase;
let folder: DataFolder;
let browser: Browser;
let sink: Awaited<ReturnType<typeof startSmtpServer>>;
let nginx: Nginx;
let vestnik: VestnikProcess;
let settings: Record<string, string>;
let visitor: Visitor;
let mailing: string;

describe.skipIf(!hasNginx)('behind nginx', () => {
  beforeAll(async () => {
    browser = await openBrowser();
    sink = await startSmtpServer({ slowMs: 800 });
    database = await createTestDatabase();
    folder = await openDataFolder();
    const [front, onward] = [await findFreePort(), await findFreePort()];
    nginx = await startNginx({ port: front, onward });
    settings = {
      DATABASE_URL: database.url,
      DATA_DIR: folder.path,
      PORT: String(onward),
      BASE_URL: `http://127.0.0.1:${front}`,
      SMTP_URL: `${sink.url}?connections=1`,
    };
    vestnik = await startVestnik(settings);
    visitor = await openVisitor(browser, { url: `http://127.0.0.1:${front}` });
    await becomeAdministrator(visitor, vestnik, PERSON);
    const { id: owner } = await database.db.selectFrom('users').select('id').executeTakeFirstOrThrow();
    await addRecipients(database.db, owner, RECIPIENTS);
    await writeMessage(visitor, { subject: SUBJECT, body: 'Здравствуйте!' });
    mailing = `/mailings/${await createMailing(visitor, { subject: SUBJECT, audience: 'all' })}`;
    await visitor.page.goto(mailing);
    await sendButton(visitor, RECIPIENTS).click();
    await expectMailingState(visitor, 'running');
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await vestnik?.[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
    await sink?.close();
    await folder?.[Symbol.asyncDispose]();
    await database?.close();
  });

  const front = () => `http://127.0.0.1:${nginx.port}`;
  const cookieOf = async ({ page }: Visitor) =>
    (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const settledOf = async (person: Visitor) => {
    const { total, parts } = await readBooks(person);
    return total - (parts[person.t('mailings.balance.waiting')] ?? 0);
  };
  const waitForMore = async (person: Visitor, than: number) =>
    eventually('more letters are settled', async () => (await settledOf(person)) > than);

  test.each([
    ['as it is', ''],
    ['that compresses everything', 'gzip_types *; gzip_proxied any; gzip_min_length 1;'],
  ])('%s, a stream begins at once and goes on', async (_, more) => {
    await using other = await startNginx({ port: await findFreePort(), onward: Number(settings['PORT']), more });
    const begun = performance.now();
    using reader = await readEvents(`http://127.0.0.1:${other.port}${mailing}/events`, {
      cookie: await cookieOf(visitor),
    });
    expect(reader.status).toBe(200);
    await reader.next('parts');
    expect(performance.now() - begun).toBeLessThan(2000);
    const second = performance.now();
    for (let count = 0; count < 3; count += 1) await reader.next('parts');
    expect(performance.now() - second).toBeLessThan(6000);
  });

  test('an open page survives a restart of Vestnik, and then lives by events again', async () => {
    const { page } = visitor;
    await page.goto(mailing);
    await waitForMore(visitor, 0);
    await page.evaluate(() => document.documentElement.setAttribute('data-test', 'same'));
    const answers: number[] = [];
    page.on('response', (response) => {
      if (response.url().endsWith('/events')) answers.push(response.status());
    });
    await vestnik.end('SIGTERM');
    await eventually('nginx says that nobody is there', async () => answers.includes(502));
    const settled = await settledOf(visitor);
    vestnik = await startVestnik(settings);
    await waitForMore(visitor, settled);
    await eventually('events come again', async () => answers.at(-1) === 200, 15_000);
    expect(await page.evaluate(() => document.documentElement.hasAttribute('data-test'))).toBe(true);
  });

  test('without JavaScript the page loads itself again', async () => {
    const other = await openVisitor(browser, { url: front() }, { javaScriptEnabled: false });
    await other.page.context().addCookies(await visitor.page.context().cookies());
    let loads = 0;
    other.page.on('load', () => (loads += 1));
    await other.page.goto(mailing);
    await eventually('it was loaded twice more', async () => loads >= 3);
    const lines = await other.page.locator('.balance-legend dd').allTextContents();
    expect(lines.length).toBeGreaterThan(2);
    await other.page.context().close();
  });
});
