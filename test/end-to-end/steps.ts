import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';

import { translate, type Locale, type Translate } from '../../src/lib/i18n.js';
import { expectNoSeriousAxeViolations, newPage, type PageOptions } from '../support/browser.js';
import type { VestnikProcess } from '../support/vestnik-process.js';

/* What people do in the browser, one function a step; the words on the buttons are those of the visitor's language. */

export interface Visitor {
  page: Page;
  t: Translate;
  locale: Locale;
}

interface VisitorOptions extends Omit<PageOptions, 'baseURL' | 'locale'> {
  locale?: Locale;
}

export interface Person {
  name: string;
  email: string;
}

export const PASSWORD = 'tall pines by the river';

/** A browser of its own, as far as cookies go. */
export async function openVisitor(
  browser: Browser,
  vestnik: Pick<VestnikProcess, 'url'>,
  { locale = 'ru', ...options }: VisitorOptions = {},
): Promise<Visitor> {
  const page = await newPage(browser, {
    ...options,
    baseURL: vestnik.url,
    locale: locale === 'ru' ? 'ru-RU' : 'en-US',
  });
  return { page, t: translate(locale), locale };
}

/** The link that the program printed. */
export function findSetupLink(vestnik: VestnikProcess): string {
  const link = /http:\S+\/setup\?token=\S+/.exec(vestnik.output())?.[0];
  if (link === undefined) throw new Error(`no setup link in: ${vestnik.output()}`);
  return link;
}

export async function becomeAdministrator({ page, t }: Visitor, vestnik: VestnikProcess, person: Person) {
  await page.goto(findSetupLink(vestnik));
  await fillRegistration({ page, t }, person);
  await page.getByRole('button', { name: t('accounts.setup.submit'), exact: true }).click();
  await expectText(page, t('accounts.setup.done', { name: person.name }));
}

export async function signUp({ page, t }: Pick<Visitor, 'page' | 't'>, person: Person) {
  await page.goto('/sign-up');
  await fillRegistration({ page, t }, person);
  await page.getByRole('button', { name: t('accounts.signUp.submit'), exact: true }).click();
  await expectHeading(page, t('accounts.checkMail.title'));
}

async function fillRegistration({ page, t }: Pick<Visitor, 'page' | 't'>, { name, email }: Person) {
  await page.getByLabel(t('accounts.fields.name')).fill(name);
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await page.getByLabel(t('accounts.fields.password')).fill(PASSWORD);
}

/** From the page that says to look into the mail: opens the letter in the built-in inbox, and leaves it open. */
export async function openConfirmationLetter({ page, t }: Visitor) {
  await page.getByRole('link', { name: t('accounts.checkMail.openInbox'), exact: true }).click();
  const letter = page.getByRole('link', { name: t('accounts.letters.confirmation.subject') });
  // The page asks by itself for what has come meanwhile; without JavaScript the visitor does.
  await eventuallyVisible(letter, page, t('inbox.list.reload'));
  await letter.click();
  await expectHeading(page, t('accounts.letters.confirmation.subject'));
}

/** Follows the link of the open letter, by its text: the link of the HTML opens a window of its own. */
export async function followConfirmationLink({ page, t }: Visitor) {
  await page.getByRole('link', { name: t('inbox.letter.text'), exact: true }).click();
  const href = await page.locator('.letter-text a[href*="/confirmation"]').getAttribute('href');
  await page.goto(href ?? '');
  await expectText(page, t('accounts.confirmation.done'));
}

export async function signIn({ page, t }: Visitor, email: string) {
  if (!page.url().includes('/confirmation')) await page.goto('/sign-in');
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await page.getByLabel(t('accounts.fields.password')).fill(PASSWORD);
  await page.getByRole('button', { name: t('accounts.signIn.submit'), exact: true }).click();
  await page.getByRole('navigation', { name: t('common.mainNavigation') }).waitFor();
}

/** By the main menu. */
export async function goTo({ page, t }: Visitor, place: 'start' | 'mailings' | 'messages' | 'recipients' | 'inbox') {
  const label = t(`common.places.${place}`);
  const menu = page.getByRole('navigation', { name: t('common.mainNavigation') });
  await menu.getByRole('link', { name: label, exact: true }).click();
}

/** On the form of a new recipient. */
export async function fillRecipient({ page, t }: Visitor, { name, email }: Person) {
  await page.getByLabel(t('recipients.email'), { exact: true }).fill(email);
  await page.getByLabel(t('recipients.name')).fill(name);
}

export async function addRecipient(visitor: Visitor, person: Person) {
  const { page, t } = visitor;
  await page.goto('/recipients/new');
  await fillRecipient(visitor, person);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await expectText(page, t('recipients.flash.added', { email: person.email }));
}

export async function writeMessage({ page, t }: Visitor, { subject, body }: { subject: string; body: string }) {
  await page.goto('/messages/new');
  await page.getByRole('textbox', { name: t('messages.subject') }).fill(subject);
  await page.getByRole('textbox', { name: t('messages.body') }).fill(body);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await expectHeading(page, subject);
}

interface MailingChoice {
  subject: string;
  audience: 'all' | 'chosen';
  /** From now on, in days, on the clock of the visitor's time zone. */
  startsInDays?: number;
}

/** On the form of a new mailing. */
export async function fillMailing({ page, t }: Visitor, { subject, audience, startsInDays = 1 }: MailingChoice) {
  await page.getByLabel(t('mailings.message'), { exact: true }).selectOption({ label: subject });
  await page.getByLabel(t('mailings.firstSending'), { exact: true }).fill(localTime(startsInDays));
  await page.getByLabel(t('mailings.end'), { exact: true }).fill(localTime(startsInDays + 2));
  await page.locator(`input[name="audience"][value="${audience}"]`).check();
}

export async function createMailing(visitor: Visitor, choice: MailingChoice): Promise<number> {
  const { page, t } = visitor;
  await page.goto('/mailings/new');
  await fillMailing(visitor, choice);
  await page.getByRole('button', { name: t('common.save'), exact: true }).click();
  await page.waitForURL(/\/mailings\/\d+/);
  return Number(/\/mailings\/(\d+)/.exec(page.url())?.[1]);
}

/** Noon, some days from now: never past, whatever the time zone. */
export function localTime(days: number): string {
  const day = Temporal.Now.plainDateISO('UTC').add({ days });
  return `${day.toString()}T12:00`;
}

export function sendButton({ page, t, locale }: Visitor, count: number) {
  const number = new Intl.NumberFormat(locale).format(count);
  return page.getByRole('button', { name: t('mailings.start.submit', { count, number }), exact: true });
}

/** Waits for the page to say so by itself. */
export async function expectMailingState(
  { page, t }: Visitor,
  state: 'created' | 'running' | 'paused' | 'disabled' | 'finished',
) {
  const badge = page.locator('.status-line').getByText(t(`mailings.states.${state}`), { exact: true });
  await badge.waitFor({ timeout: 20_000 });
}

export interface Books {
  total: number;
  /** By the labels of the lines, without those that are zero. */
  parts: Record<string, number>;
  sum: number;
}

/** The books of the mailing as its page shows them. */
export async function readBooks({ page, t }: Visitor): Promise<Books> {
  const lines = await page.locator('.balance-legend > div').evaluateAll((divs) =>
    divs.map((div) => ({
      label: div.querySelector('dt')?.textContent ?? '',
      count: Number((div.querySelector('dd')?.textContent ?? '').replaceAll(/\D/g, '')),
    })),
  );
  const isTotal = ({ label }: { label: string }) => label === t('mailings.balance.total');
  const parts = lines.filter((line) => !isTotal(line));
  return {
    total: lines.find(isTotal)?.count ?? Number.NaN,
    parts: Object.fromEntries(parts.filter(({ count }) => count > 0).map(({ label, count }) => [label, count])),
    sum: parts.reduce((sum, { count }) => sum + count, 0),
  };
}

/** Text of the cells, row by row. */
export async function readTable(page: Page, name: string): Promise<string[][]> {
  const rows = page.getByRole('table', { name, exact: true }).locator('tbody tr');
  return rows.evaluateAll((found) =>
    found.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent.trim())),
  );
}

export async function expectHeading(page: Page, name: string) {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
}

export async function expectText(page: Page, text: string) {
  await page.getByText(text).first().waitFor();
}

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** The page as it stands, in light on a desktop and in dark on a phone: accessible, and nothing to be scrolled sideways for. */
export async function inspectPage(page: Page, colorSchemes: ('light' | 'dark')[] = ['light', 'dark']) {
  for (const colorScheme of colorSchemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(colorScheme === 'light' ? DESKTOP : PHONE);
    await expectNoSeriousAxeViolations(page);
  }
  await expectNoSidewaysScrolling(page);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(DESKTOP);
}

/** At the width of a phone. */
export async function expectNoSidewaysScrolling(page: Page) {
  await page.setViewportSize(PHONE);
  const { width, widest } = await page.evaluate(() => ({
    width: document.scrollingElement?.scrollWidth ?? 0,
    widest: [...document.querySelectorAll('main *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth)
      .map((element) => element.outerHTML.slice(0, 120)),
  }));
  expect(width, `${page.url()} is wider than a phone: ${widest.join('\n')}`).toBeLessThanOrEqual(PHONE.width);
  await page.setViewportSize(DESKTOP);
}

/** What the page comes to show by itself; without JavaScript the visitor presses `reload`. */
export async function eventuallyVisible(wanted: ReturnType<Page['getByRole']>, page: Page, reload: string) {
  const appeared = await wanted.waitFor({ timeout: 4000 }).then(
    () => true,
    () => false,
  );
  if (appeared) return;
  await page.getByRole('link', { name: reload, exact: true }).click();
  await wanted.waitFor();
}
