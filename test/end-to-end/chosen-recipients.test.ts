import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { openBrowser } from '../support/browser.js';
import { startSmtpServer, type SmtpTestServer } from '../support/smtp-server.js';
import { startVestnik, type VestnikProcess } from '../support/vestnik-process.js';
import {
  addRecipient,
  becomeAdministrator,
  createMailing,
  expectHeading,
  expectMailingState,
  expectText,
  inspectPage,
  localTime,
  openVisitor,
  readBooks,
  sendButton,
  writeMessage,
  type Person,
  type Visitor,
} from './steps.js';

const ANNA: Person = { name: 'Анна Аркадьевна Каренина', email: 'anna@example.com' };
const RODION: Person = { name: 'Родион Романович Раскольников', email: 'rodion@example.com' };
const NATASHA: Person = { name: 'Наталья Ильинична Ростова', email: 'natasha@example.com' };
/** The mail server always asks to come back later, so that a mailing to this address goes on running. */
const LATER: Person = { name: 'Илья Ильич Обломов', email: 'later@example.com' };
const SUBJECT = 'Весенние новости';

let sink: SmtpTestServer;
let vestnik: VestnikProcess;
let browser: Browser;
let owner: Visitor;

beforeAll(async () => {
  const isLater = (recipient: string) => recipient === LATER.email;
  sink = await startSmtpServer({
    faults: ({ stage, recipient }) =>
      stage === 'rcpt' && isLater(recipient) ? { reply: '450 4.2.0 come back later' } : undefined,
  });
  [vestnik, browser] = await Promise.all([startVestnik({ SMTP_URL: sink.url }), openBrowser()]);
  owner = await openVisitor(browser, vestnik);
  await becomeAdministrator(owner, vestnik, { name: 'Вера Павловна', email: 'vera@example.org' });
  for (const person of [ANNA, RODION, NATASHA, LATER]) await addRecipient(owner, person);
  await writeMessage(owner, { subject: SUBJECT, body: 'Здравствуйте, {{ name }}!' });
}, 90_000);

afterAll(async () => {
  await browser.close();
  await vestnik[Symbol.asyncDispose]();
  await sink.close();
});

test('only those who are chosen get a letter', async () => {
  const { page, t } = owner;
  const id = await createMailing(owner, { subject: SUBJECT, audience: 'chosen' });
  await expectText(page, t('mailings.flash.addedChoose'));
  await tick(page, [ANNA, RODION, NATASHA, LATER]);
  await inspectPage(page);
  await page.getByRole('button', { name: t('mailings.audiencePage.add') }).click();
  await expectText(page, t('mailings.flash.audienceAdded', { count: 4, number: '4' }));
  await tick(page, [NATASHA, LATER]);
  await page.getByRole('button', { name: t('mailings.audiencePage.remove'), exact: true }).click();
  await expectText(page, t('mailings.audiencePage.chosenCount', { count: 2, number: '2' }));
  await page.getByRole('link', { name: t('mailings.audiencePage.done'), exact: true }).click();

  await page.waitForURL(`**/mailings/${id}`);
  await sendButton(owner, 2).click();
  await expectMailingState(owner, 'finished');
  expect(await readBooks(owner)).toMatchObject({ total: 2, sum: 2, parts: { 'Принято почтовым сервером': 2 } });
  expect([...sink.counts.keys()].toSorted()).toEqual([ANNA.email, RODION.email]);
  expect(sink.violations).toEqual([]);
});

test('a running mailing is paused, continued and stopped, and cannot be deleted before its end', async () => {
  const { page, t } = owner;
  const id = await createMailing(owner, { subject: SUBJECT, audience: 'all' });
  await sendButton(owner, 4).click();
  await page.getByRole('row').filter({ hasText: LATER.email }).first().waitFor();
  await expectText(page, '450 4.2.0 come back later');
  await expectMailingState(owner, 'running');
  await inspectPage(page);
  expect(await page.getByRole('link', { name: t('common.delete'), exact: true }).count()).toBe(0);
  await page.goto(`/mailings/${id}/deletion`);
  await expectText(page, t('mailings.flash.notDeletedRunning'));

  await page.getByRole('button', { name: t('mailings.control.pause'), exact: true }).click();
  await expectMailingState(owner, 'paused');
  await inspectPage(page);
  await page.getByRole('button', { name: t('mailings.control.continue'), exact: true }).click();
  await expectText(page, t('mailings.flash.continued'));
  await expectMailingState(owner, 'running');

  await page.getByRole('link', { name: t('mailings.control.stop'), exact: true }).click();
  await expectHeading(page, t('mailings.stopping.title'));
  await expectText(page, t('mailings.stopping.waiting', { count: 1, number: '1' }));
  await inspectPage(page);
  await page.getByRole('button', { name: t('mailings.stopping.submit'), exact: true }).click();
  await expectMailingState(owner, 'finished');
  const books = await readBooks(owner);
  expect(books).toMatchObject({ total: 4, sum: 4, parts: { 'Принято почтовым сервером': 3, Отменено: 1 } });
  await inspectPage(page);
});

test('those who were left out get a mailing of their own by one press', async () => {
  const { page, t } = owner;
  await page.getByRole('button', { name: t('mailings.repeat.submit'), exact: true }).click();
  await expectText(page, t('mailings.flash.repeated', { count: 1, number: '1' }));
  await sendButton(owner, 1).waitFor();
  await page.getByRole('link', { name: t('mailings.page.chooseRecipients'), exact: true }).click();
  await page.getByRole('row').filter({ hasText: LATER.email }).getByText(t('mailings.audiencePage.isChosen')).waitFor();
  await page.getByRole('link', { name: t('mailings.audiencePage.clear'), exact: true }).click();
  await expectHeading(page, t('mailings.clearing.title'));
  await inspectPage(page);
  await page.getByRole('button', { name: t('mailings.clearing.submit'), exact: true }).click();
  await expectText(page, t('mailings.audiencePage.chosenNone'));
  await page.getByRole('link', { name: t('mailings.audiencePage.done'), exact: true }).click();
  // Nobody is left: there is no button, and the page says what to do.
  await expectText(page, t('mailings.start.noRecipientsChosen'));
  await inspectPage(page);
});

test('of two tabs that change one mailing the later is told, and loses nothing', async () => {
  const { page, t } = owner;
  const id = await createMailing(owner, { subject: SUBJECT, audience: 'all' });
  const other = await page.context().newPage();
  for (const tab of [page, other]) await tab.goto(`/mailings/${id}/edit`);
  const save = (tab: Page) => tab.getByRole('button', { name: t('common.save'), exact: true }).click();
  await page.getByLabel(t('mailings.end'), { exact: true }).fill(localTime(5));
  await save(page);
  await expectText(page, t('mailings.flash.changed'));

  await other.getByLabel(t('mailings.end'), { exact: true }).fill(localTime(9));
  const answered = other.waitForResponse((response) => response.request().method() === 'POST');
  await save(other);
  expect((await answered).status()).toBe(409);
  await expectText(other, t('common.conflict.title'));
  expect(await other.getByLabel(t('mailings.end'), { exact: true }).inputValue()).toBe(localTime(9));
  const saved = new Intl.DateTimeFormat('ru', { dateStyle: 'medium' }).format(new Date(`${localTime(5)}Z`));
  await other
    .getByRole('alert')
    .getByText(saved.replace(/\sг\.$/, ''))
    .waitFor();
  await inspectPage(other);

  // Saving once more replaces the earlier change knowingly.
  await save(other);
  await expectText(other, t('mailings.flash.changed'));
  await other.close();
  await page.goto(`/mailings/${id}/edit`);
  expect(await page.getByLabel(t('mailings.end'), { exact: true }).inputValue()).toBe(localTime(9));
});

test.each([{ javaScriptEnabled: true }, { javaScriptEnabled: false }])(
  'a double click on the button sends one letter to each (JavaScript: $javaScriptEnabled)',
  async ({ javaScriptEnabled }) => {
    const cookies = await owner.page.context().cookies();
    const visitor = await openVisitor(browser, vestnik, { javaScriptEnabled });
    await visitor.page.context().addCookies(cookies);
    const id = await createMailing(visitor, { subject: SUBJECT, audience: 'chosen' });
    await tick(visitor.page, [ANNA, NATASHA]);
    await visitor.page.getByRole('button', { name: visitor.t('mailings.audiencePage.add') }).click();
    await visitor.page.goto(`/mailings/${id}`);
    sink.counts.clear();
    await sendButton(visitor, 2).dblclick();
    await expectMailingState(visitor, 'finished');
    expect(Object.fromEntries(sink.counts)).toEqual({ [ANNA.email]: 1, [NATASHA.email]: 1 });
    await visitor.page.context().close();
  },
);

test('deleting asks first and says what goes; the history of a deleted recipient stays', async () => {
  const { page, t } = owner;
  await page.goto('/recipients');
  await tick(page, [ANNA]);
  await page.getByRole('button', { name: t('common.list.deleteSelected') }).click();
  await expectHeading(page, t('recipients.deletion.titleOne', { email: ANNA.email }));
  await expectText(page, t('recipients.deletion.keeps'));
  await inspectPage(page);
  await page.getByRole('link', { name: t('common.cancel'), exact: true }).click();
  await page.getByRole('link', { name: ANNA.email, exact: true }).click();
  await expectHeading(page, ANNA.email);
  await inspectPage(page);
  await page.getByRole('link', { name: t('common.delete'), exact: true }).click();
  await page.getByRole('button', { name: t('recipients.deletion.submit', { count: 1 }), exact: true }).click();
  await expectText(page, t('recipients.flash.deleted', { count: 1 }));
  expect(await page.getByRole('link', { name: ANNA.email, exact: true }).count()).toBe(0);

  await page.goto('/mailings?status=finished');
  await page.getByRole('link', { name: SUBJECT, exact: true }).first().click();
  await page.getByRole('link', { name: t('mailings.balance.all'), exact: true }).click();
  await page.getByRole('link', { name: ANNA.email, exact: true }).click();
  await expectText(page, t('mailings.deliveries.recipientGone'));
});

test('a message that a mailing still needs is not deleted, a finished mailing is, after a confirmation', async () => {
  const { page, t } = owner;
  await page.goto('/messages');
  await page.getByRole('link', { name: SUBJECT, exact: true }).click();
  await page.getByRole('link', { name: t('common.delete'), exact: true }).click();
  await expectText(page, t('messages.deletion.inUseTitle', { count: 1 }));
  await inspectPage(page);

  await page.goto('/mailings?status=finished');
  const finished = page.getByRole('link', { name: SUBJECT, exact: true });
  const count = await finished.count();
  await finished.first().click();
  await page.getByRole('link', { name: t('common.delete'), exact: true }).click();
  await expectHeading(page, t('mailings.deletion.title', { subject: SUBJECT }));
  await expectText(page, t('mailings.deletion.keeps'));
  await inspectPage(page);
  await page.getByRole('button', { name: t('mailings.deletion.submit'), exact: true }).click();
  await expectText(page, t('mailings.flash.deleted'));
  await page.goto('/mailings?status=finished');
  expect(await page.getByRole('link', { name: SUBJECT, exact: true }).count()).toBe(count - 1);
});

test('the page of a mailing that has not started shows by itself that it has', async () => {
  const { page } = owner;
  const id = await createMailing(owner, { subject: SUBJECT, audience: 'all' });
  await page.goto(`/mailings/${id}`);
  await expectMailingState(owner, 'created');
  const elsewhere = await page.context().newPage();
  await elsewhere.goto(`/mailings/${id}`);
  await elsewhere.locator('form[action$="/start"] button').click();
  await expectMailingState(owner, 'running');
  await elsewhere.close();
});

async function tick(page: Page, people: Person[]): Promise<void> {
  for (const { email } of people) await page.getByRole('row').filter({ hasText: email }).getByRole('checkbox').check();
}
