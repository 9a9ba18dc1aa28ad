import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { addRecipients } from '../support/fixtures.js';
import { startSmtpServer } from '../support/smtp-server.js';
import { openDataFolder, startVestnik, type DataFolder, type VestnikProcess } from '../support/vestnik-process.js';
import {
  becomeAdministrator,
  createMailing,
  expectMailingState,
  inspectPage,
  openVisitor,
  readBooks,
  sendButton,
  writeMessage,
  type Visitor,
} from './steps.js';

const PERSON = { name: 'Olga', email: 'olga@example.com' };
const SUBJECT = 'Осенняя распродажа';
/** More than can leave while this goes on. */
const RECIPIENTS = 300;

let database: TestDatabase;
let folder: DataFolder;
let browser: Browser;
let sink: Awaited<ReturnType<typeof startSmtpServer>>;
let vestnik: VestnikProcess;
let visitor: Visitor;
let mailing: string;

beforeAll(async () => {
  browser = await openBrowser();
  // Letters leave one by one; some are refused, and some put off.
  sink = await startSmtpServer({
    slowMs: 1500,
    faults: ({ stage, recipient }) => {
      if (stage !== 'rcpt') return undefined;
      if (recipient.startsWith('r3@')) return { reply: '550 5.1.1 User unknown' };
      return recipient.startsWith('r4@') ? { reply: '450 4.2.0 Greylisted, come again' } : undefined;
    },
  });
  database = await createTestDatabase();
  folder = await openDataFolder();
  vestnik = await startVestnik({
    DATABASE_URL: database.url,
    DATA_DIR: folder.path,
    SMTP_URL: `${sink.url}?connections=1`,
  });
  visitor = await openVisitor(browser, vestnik);
  await becomeAdministrator(visitor, vestnik, PERSON);
  const { id: owner } = await database.db.selectFrom('users').select('id').executeTakeFirstOrThrow();
  await addRecipients(database.db, owner, RECIPIENTS);
  await writeMessage(visitor, { subject: SUBJECT, body: 'Здравствуйте!' });
  const id = await createMailing(visitor, { subject: SUBJECT, audience: 'all' });
  mailing = `/mailings/${id}`;
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await vestnik?.[Symbol.asyncDispose]();
  await sink?.close();
  await folder?.[Symbol.asyncDispose]();
  await database?.close();
});

const settledOf = async (person: Visitor) => {
  const { total, parts } = await readBooks(person);
  return total - (parts[person.t('mailings.balance.waiting')] ?? 0);
};

/** Marks the document, so that a reload shows. */
const markDocument = (page: Page) => page.evaluate(() => document.documentElement.setAttribute('data-test', 'same'));
const isSameDocument = (page: Page) => page.evaluate(() => document.documentElement.hasAttribute('data-test'));

const waitForMore = async (person: Visitor, than: number) =>
  eventually('more letters are settled', async () => (await settledOf(person)) > than);

describe('the page of a running mailing', () => {
  test('counts on by itself, over one stream and without asking, and keeps focus and selection', async () => {
    const { page, t } = visitor;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(mailing);
    await sendButton(visitor, RECIPIENTS).click();
    await expectMailingState(visitor, 'running');
    await waitForMore(visitor, 0);
    await markDocument(page);
    const pause = page.getByRole('button', { name: t('mailings.control.pause'), exact: true });
    await pause.focus();
    await pause.evaluate((button) => button.setAttribute('data-test', 'focused'));
    const total = page.locator('.balance-total dt');
    await total.evaluate((element) => getSelection()?.selectAllChildren(element));
    asked.length = 0;
    await waitForMore(visitor, (await settledOf(visitor)) + 1);
    expect(await pause.evaluate((button) => button === document.activeElement && button.dataset['test'])).toBe(
      'focused',
    );
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(t('mailings.balance.total'));
    expect(asked).toEqual([]);
    expect(await isSameDocument(page)).toBe(true);
  });

  test('says what was refused, what it means and what to do, and when it is tried again', async () => {
    const { page, t } = visitor;
    await page.getByText('550 5.1.1', { exact: true }).waitFor();
    await page.getByText(t('live.meaning.unknown.what')).waitFor();
    await page.getByText(t('live.meaning.greylisting.todo')).waitFor();
    await page.getByText(t('live.tries.within60')).waitFor();
    const said = page.locator('[data-part="said"] [role="status"]');
    expect(await said.textContent()).toMatch(/^Рассылка запущена\. Пройдено (?:\d0|0)\s%\.$/);
    // Beside it there is only the sentence about what was pressed last.
    expect(await page.locator('main [aria-live], main [role="status"]').count()).toBeLessThanOrEqual(2);
    await inspectPage(page);
  });

  test('is paused and continued by the keyboard', async () => {
    const { page, t } = visitor;
    await page.getByRole('button', { name: t('mailings.control.pause'), exact: true }).press('Enter');
    await expectMailingState(visitor, 'paused');
    await page.getByText(t('live.pace.halted'), { exact: true }).waitFor();
    const settled = await settledOf(visitor);
    await page.getByRole('button', { name: t('mailings.control.continue'), exact: true }).press('Enter');
    await expectMailingState(visitor, 'running');
    await waitForMore(visitor, settled);
  });

  test('where no events come, asks by itself', async () => {
    const other = await openVisitor(browser, vestnik);
    await other.page.context().addCookies(await visitor.page.context().cookies());
    await other.page.route('**/events', (route) => route.fulfill({ status: 503 }));
    await other.page.goto(mailing);
    await markDocument(other.page);
    await waitForMore(other, await settledOf(other));
    expect(await isSameDocument(other.page)).toBe(true);
    await other.page.context().close();
  });

  test('asks for events again that it was refused, after a minute and when the server was away', async () => {
    const other = await openVisitor(browser, vestnik);
    const { page } = other;
    await page.context().addCookies(await visitor.page.context().cookies());
    await page.clock.install();
    const answers: number[] = [];
    page.on('response', (response) => {
      if (response.url().endsWith('/events')) answers.push(response.status());
    });
    const refuse = (part: string) => page.route(`**/${part}`, (route) => route.fulfill({ status: 503 }));
    await refuse('events');
    await page.goto(mailing);
    await eventually('it is refused', async () => answers.length === 1);
    await refuse('progress');
    const asked = page.waitForResponse((response) => response.url().endsWith('/progress'));
    await page.clock.runFor(3000);
    await asked;
    await page.unroute('**/progress');
    await eventually('it asks anew', async () => answers.length === 2);
    await page.unroute('**/events');
    await page.clock.fastForward(61_000);
    await eventually('it has events', async () => answers.at(-1) === 200);
    expect(answers).toEqual([503, 503, 200]);
    await page.context().close();
  });

  test('keeps what the visitor opened or is sending, and knows what has a key wherever it stands', async () => {
    const { page } = await openVisitor(browser, vestnik);
    await page.context().addCookies(await visitor.page.context().cookies());
    await page.route('**/events', (route) => route.fulfill({ status: 503 }));
    let count = 0;
    await page.route('**/progress', (route) => {
      count += 1;
      const items = count % 2 === 0 ? ['b', 'a'] : ['a', 'new', 'b'];
      const body = `<p class="count">${count}</p><details><summary>More</summary>${count}</details>
        <form method="post" action="/nowhere"><button>Press ${count}</button></form>
        <ul>${items.map((item) => `<li data-key="${item}">${item} ${count}</li>`).join('')}</ul>`;
      return route.fulfill({ contentType: 'text/html', body });
    });
    await page.goto(mailing);
    const shown = async () => Number(await page.locator('.count').textContent());
    await page.getByText('More').click();
    await page
      .locator('form[action="/nowhere"] button')
      .evaluate((button) => button.setAttribute('aria-disabled', 'true'));
    const pressed = await page.locator('form[action="/nowhere"] button').textContent();
    await page.locator('li[data-key="b"]').evaluate((item) => Object.assign(item, { mark: 'the same' }));
    const before = await shown();
    await eventually('it has changed twice', async () => (await shown()) >= before + 2);
    expect(await page.locator('details').evaluate((details) => details.hasAttribute('open'))).toBe(true);
    expect(await page.locator('form[action="/nowhere"] button').textContent()).toBe(pressed);
    const marked = await page.locator('li[data-key="b"]').evaluate((item) => 'mark' in item && item.mark);
    expect(marked).toBe('the same');
    const items = await page.locator('li[data-key]').allTextContents();
    expect(items.map((text) => text.split(' ')[0])).toEqual((await shown()) % 2 === 0 ? ['b', 'a'] : ['a', 'new', 'b']);
    await page.context().close();
  });

  test('gives up its stream while it is not seen, and shows what it missed when it is seen again', async () => {
    const other = await openVisitor(browser, vestnik);
    await other.page.context().addCookies(await visitor.page.context().cookies());
    const streams: string[] = [];
    other.page.on('request', (request) => {
      if (request.url().endsWith('/events')) streams.push(request.url());
    });
    await other.page.goto(mailing);
    await eventually('the stream is open', async () => streams.length === 1);
    const hide = (isHidden: boolean) =>
      other.page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, value });
        document.dispatchEvent(new Event('visibilitychange'));
      }, isHidden);
    const closed = other.page.waitForEvent('requestfailed', (request) => request.url().endsWith('/events'));
    await hide(true);
    await closed;
    const settled = await settledOf(other);
    await hide(false);
    await waitForMore(other, settled);
    expect(streams).toHaveLength(2);
    await other.page.context().close();
  });

  test('becomes that of a stopped and finished one by itself', async () => {
    const { page, t } = visitor;
    await page.goto(mailing);
    const second = await page.context().newPage();
    await second.goto(`${mailing}/stop`);
    await second.getByRole('button', { name: t('mailings.stopping.submit'), exact: true }).click();
    await second.close();
    await expectMailingState(visitor, 'finished');
    await page.getByRole('link', { name: t('common.delete'), exact: true }).waitFor();
    const { total, sum } = await readBooks(visitor);
    expect([total, sum]).toEqual([RECIPIENTS, RECIPIENTS]);
    expect(await page.locator('[data-live]').count()).toBe(0);
  });
});

test('a stop of the process does not wait for open pages', async () => {
  const { page } = visitor;
  const id = await createMailing(visitor, { subject: SUBJECT, audience: 'all' });
  await page.goto(`/mailings/${id}`);
  await sendButton(visitor, RECIPIENTS).click();
  await expectMailingState(visitor, 'running');
  await waitForMore(visitor, 0);
  const begun = performance.now();
  expect(await vestnik.end('SIGTERM')).toBe(0);
  // The letter on the wire is given its time; an open stream would be cut only after three seconds more.
  expect(performance.now() - begun).toBeLessThan(6000);
});
