import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Locale } from '../../src/lib/i18n.js';
import { openBrowser } from '../support/browser.js';
import { startVestnik } from '../support/vestnik-process.js';
import {
  becomeAdministrator,
  expectHeading,
  expectMailingState,
  expectNoSidewaysScrolling,
  expectText,
  fillMailing,
  fillRecipient,
  followConfirmationLink,
  goTo,
  inspectPage,
  openConfirmationLetter,
  openVisitor,
  readBooks,
  readTable,
  sendButton,
  signIn,
  signUp,
  type Person,
  type Visitor,
} from './steps.js';

const ADMINISTRATOR: Person = { name: 'Вера Павловна Лопухова', email: 'vera@example.org' };
const GUEST: Person = { name: 'Илья Ильич Обломов', email: 'ilya@example.org' };
const RECIPIENTS: Person[] = [
  { name: 'Анна Аркадьевна Каренина', email: 'anna@example.com' },
  { name: 'Родион Романович Раскольников', email: 'rodion@example.com' },
  { name: 'Наталья Ильинична Ростова-Безухова', email: 'natasha@example.com' },
];

/** In the words of each language, so that a lost translation is seen. */
const WORDS = {
  ru: {
    subject: 'Весенние новости',
    body: 'Здравствуйте, {{ name }}!\n\nМы открылись после зимы. Ждём вас!',
    greeting: 'Здравствуйте, ',
    send: 'Отправить сейчас — 3 получателям',
    accepted: 'Принято почтовым сервером',
    successful: 'успешно',
  },
  en: {
    subject: 'News of the spring',
    body: 'Hello, {{ name }}!\n\nWe are open again after the winter. Come and see us!',
    greeting: 'Hello, ',
    send: 'Send now — to 3 recipients',
    accepted: 'Accepted by the mail server',
    successful: 'successful',
  },
} as const;

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
});

/** Colours are the same in both languages; lengths are not. */
const READERS: { locale: Locale; colorSchemes: ('light' | 'dark')[] }[] = [
  { locale: 'ru', colorSchemes: ['light', 'dark'] },
  { locale: 'en', colorSchemes: ['light'] },
];

describe.each(READERS)('a newcomer who reads $locale', ({ locale, colorSchemes }) => {
  test('gets from the first start to three letters, and every page on the way is in order', async () => {
    await expectWayToLetters(locale, { javaScriptEnabled: true, look: ({ page }) => inspectPage(page, colorSchemes) });
  }, 180_000);
});

test('a newcomer without JavaScript gets as far', async () => {
  await expectWayToLetters('ru', {
    javaScriptEnabled: false,
    look: (visitor) => expectNoSidewaysScrolling(visitor.page),
  });
}, 120_000);

interface Way {
  javaScriptEnabled: boolean;
  /** Done on every page that is passed. */
  look: (visitor: Visitor) => Promise<void>;
}

async function expectWayToLetters(locale: Locale, { javaScriptEnabled, look }: Way): Promise<void> {
  await using vestnik = await startVestnik();
  const administrator = await openVisitor(browser, vestnik, { locale, javaScriptEnabled });
  const guest = await openVisitor(browser, vestnik, { locale, javaScriptEnabled });
  const { page } = guest;
  await register(guest, look);
  // The link that was printed still works: registering did not take it away.
  await becomeAdministrator(administrator, vestnik, ADMINISTRATOR);
  for (const recipient of RECIPIENTS) await addByMenu(guest, recipient, look);
  await look(guest);
  await writeByMenu(guest, look);
  await planByMenu(guest, look);
  await send(guest);
  await look(guest);
  await expectAttempts(guest);
  await lookIntoDelivery(guest, look);
  await expectLetters(administrator, look);
  await administrator.page.context().close();
  await page.context().close();
}

async function register(guest: Visitor, look: Way['look']): Promise<void> {
  const { page, t } = guest;
  await page.goto('/');
  await expectHeading(page, t('accounts.signIn.title'));
  await look(guest);
  await page.getByRole('link', { name: t('accounts.signIn.signUp') }).click();
  await expectHeading(page, t('accounts.signUp.title'));
  await look(guest);
  await signUp(guest, GUEST);
  await look(guest);
  await openConfirmationLetter(guest);
  await look(guest);
  await followConfirmationLink(guest);
  await look(guest);
  await signIn(guest, GUEST.email);
  await look(guest);
}

async function addByMenu(guest: Visitor, recipient: Person, look: Way['look']): Promise<void> {
  const { page, t } = guest;
  const isFirst = recipient === RECIPIENTS[0];
  await goTo(guest, 'recipients');
  await expectHeading(page, t('recipients.list.title'));
  if (isFirst) await look(guest);
  await page
    .getByRole('main')
    .getByRole('link', { name: t('recipients.list.add'), exact: true })
    .click();
  await fillRecipient(guest, recipient);
  if (isFirst) await look(guest);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await expectText(page, t('recipients.flash.added', { email: recipient.email }));
  await page.getByRole('cell', { name: recipient.name, exact: true }).waitFor();
}

async function writeByMenu(guest: Visitor, look: Way['look']): Promise<void> {
  const { page, t, locale } = guest;
  const { subject, body, greeting } = WORDS[locale];
  await goTo(guest, 'messages');
  await expectHeading(page, t('messages.list.title'));
  await look(guest);
  await page
    .getByRole('main')
    .getByRole('link', { name: t('messages.list.add'), exact: true })
    .click();
  await page.getByRole('textbox', { name: t('messages.subject') }).fill(subject);
  await page.getByRole('textbox', { name: t('messages.body') }).fill(body);
  await look(guest);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await expectHeading(page, subject);
  // The preview greets the recipient who was added last.
  await expectText(page, `${greeting}${RECIPIENTS.at(-1)?.name}!`);
  await look(guest);
}

async function planByMenu(guest: Visitor, look: Way['look']): Promise<void> {
  const { page, t, locale } = guest;
  await goTo(guest, 'mailings');
  await expectHeading(page, t('mailings.list.title'));
  await look(guest);
  await page
    .getByRole('main')
    .getByRole('link', { name: t('mailings.list.add'), exact: true })
    .click();
  await fillMailing(guest, { subject: WORDS[locale].subject, audience: 'all' });
  await look(guest);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await expectHeading(page, WORDS[locale].subject);
  await expectMailingState(guest, 'created');
  await look(guest);
}

async function send(guest: Visitor): Promise<void> {
  const { page, t, locale } = guest;
  const button = sendButton(guest, RECIPIENTS.length);
  expect((await button.textContent())?.trim()).toBe(WORDS[locale].send);
  await button.click();
  await expectText(page, t('mailings.flash.started'));
  // Nobody loads the page again: it follows the mailing by itself.
  await expectMailingState(guest, 'finished');
}

async function expectAttempts(guest: Visitor): Promise<void> {
  const { page, t, locale } = guest;
  const { accepted, successful } = WORDS[locale];
  const books = await readBooks(guest);
  expect(books).toEqual({ total: 3, sum: 3, parts: { [accepted]: 3 } });
  const attempts = await readTable(page, t('mailings.attempts.title'));
  expect(attempts).toHaveLength(3);
  expect(attempts.map(([, address = '']) => address).toSorted()).toEqual(
    RECIPIENTS.map(({ email }) => email).toSorted(),
  );
  for (const [time, , outcome, reply] of attempts) {
    expect(time).toMatch(/\d{1,2}[./]\d{1,2}[./]\d{2,4},? \d{1,2}:\d\d:\d\d/);
    expect(outcome).toBe(successful);
    expect(reply).toMatch(/^250 /);
  }
}

async function lookIntoDelivery(guest: Visitor, look: Way['look']): Promise<void> {
  const { page, t, locale } = guest;
  const [first] = RECIPIENTS;
  await page.getByRole('link', { name: t('mailings.balance.all'), exact: true }).click();
  await expectHeading(page, t('mailings.deliveries.title'));
  await look(guest);
  await page.getByRole('link', { name: first?.email ?? '', exact: true }).click();
  await expectHeading(page, first?.email ?? '');
  expect(await readTable(page, t('mailings.deliveries.attemptsTitle'))).toHaveLength(1);
  await look(guest);
  await goTo(guest, 'mailings');
  await page.getByRole('cell', { name: t('mailings.states.finished'), exact: true }).waitFor();
  await page.getByRole('link', { name: WORDS[locale].subject, exact: true }).waitFor();
  await look(guest);
  await page.goto('/settings');
  await expectHeading(page, t('settings.tabs.profile'));
  await look(guest);
}

/** Each of the three is greeted by name in text and in HTML; what others do with the inbox is not theirs. */
async function expectLetters(administrator: Visitor, look: Way['look']): Promise<void> {
  const { page, t, locale } = administrator;
  const { subject, greeting } = WORDS[locale];
  await goTo(administrator, 'inbox');
  await expectHeading(page, t('inbox.list.title'));
  await look(administrator);
  expect(await page.getByRole('link', { name: subject, exact: true }).count()).toBe(RECIPIENTS.length);
  for (const { name, email } of RECIPIENTS) {
    await goTo(administrator, 'inbox');
    await page.getByRole('row').filter({ hasText: email }).getByRole('link', { name: subject, exact: true }).click();
    await expectHeading(page, subject);
    await page.frameLocator('iframe').getByText(`${greeting}${name}!`).waitFor();
    await page.getByRole('link', { name: t('inbox.letter.text'), exact: true }).click();
    await page.locator('.letter-text').getByText(`${greeting}${name}!`).waitFor();
  }
  await look(administrator);
}
