import type { Browser, Page } from 'playwright-core';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { translate, type Locale } from '../../src/lib/i18n.js';
import { openBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { startSmtpServer, type SmtpTestServer } from '../support/smtp-server.js';
import { runCommand, startVestnik, type VestnikProcess } from '../support/vestnik-process.js';
import {
  expectReadOnly,
  expectRefusedByHand,
  exportLog,
  follow,
  giveReason,
  narrowToOwner,
  openTab,
  openUser,
  press,
  readHalt,
} from './oversight-steps.js';
import {
  becomeAdministrator,
  createMailing,
  expectHeading,
  expectMailingState,
  expectText,
  goTo,
  inspectPage,
  openVisitor,
  PASSWORD,
  readBooks,
  sendButton,
  signIn,
  writeMessage,
  type Person,
  type Visitor,
} from './steps.js';

const ADMINISTRATOR: Person = { name: 'Вера Павловна Лопухова', email: 'vera@example.org' };
const MANAGER: Person = { name: 'Ольга Ивановна Книппер', email: 'olga@example.org' };
const OWNER: Person = { name: 'Павел Иванович Чичиков', email: 'pavel@example.org' };
/** Has little, and becomes a manager. */
const NEIGHBOUR: Person = { name: 'Илья Ильич Обломов', email: 'ilya@example.org' };

const SUBJECT = 'Весенние новости';
const NEIGHBOURS_SUBJECT = 'Приглашение на пироги';
const NEIGHBOURS_RECIPIENT = 'neighbour@example.com';
const AUDIENCE = 240;
/** A letter, at each of two connections: a whole mailing would take a minute. */
const SLOW_MS = 500;
const CONNECTIONS = 2;
/** Two seconds, and what a busy machine may add. */
const HALTED_WITHIN_SECONDS = 4;

const WHY_DISABLED = 'Ссылка в письме ведёт на чужой сайт';
const WHY_PLANNED_DISABLED = 'До разговора с владельцем';
const WHY_ENABLED = 'Ссылка исправлена';
const WHY_BLOCKED = 'Letters to people who never asked for them';
const WHY_UNBLOCKED = 'They did ask: a list on paper was shown';

let sink: SmtpTestServer;
let vestnik: VestnikProcess;
let browser: Browser;
/** The ids of what the owner has. */
let mailing: number;
let planned: number;

beforeAll(async () => {
  sink = await startSmtpServer({ slowMs: SLOW_MS });
  const environment = { SMTP_URL: `${sink.url}?connections=${CONNECTIONS}`, DEFAULT_LOCALE: 'ru' };
  [vestnik, browser] = await Promise.all([startVestnik(environment), openBrowser()]);
  await createByCommand('create_manager', MANAGER);
  await createByCommand('create_user', OWNER);
  await createByCommand('create_user', NEIGHBOUR);
  await furnish();
}, 90_000);

afterAll(async () => {
  await browser.close();
  await vestnik[Symbol.asyncDispose]();
  await sink.close();
});

test('a manager sees what everybody has, finds one owner’s, and changes nothing of it', async () => {
  const manager = await enter(MANAGER, 'ru');
  const { page, t } = manager;
  const places = page.getByRole('navigation', { name: t('common.mainNavigation') });
  await places.getByRole('link', { name: t('common.places.oversight'), exact: true }).click();
  await expectHeading(page, t('oversight.overview.title'));

  await openTab(manager, 'messages', t('oversight.messages.title'));
  await expectText(page, NEIGHBOURS_SUBJECT);
  await inspectPage(manager.page);
  await narrowToOwner(manager, OWNER, NEIGHBOURS_SUBJECT);
  await follow(manager, SUBJECT);
  await expectHeading(page, SUBJECT);
  await expectReadOnly(manager, OWNER);
  await inspectPage(manager.page);
  await expectRefusedByHand(manager, new URL(page.url()).pathname);

  await openTab(manager, 'recipients', t('oversight.recipients.title'));
  await expectText(page, NEIGHBOURS_RECIPIENT);
  await inspectPage(manager.page);
  await narrowToOwner(manager, OWNER, NEIGHBOURS_RECIPIENT);
  await page.locator('tbody .row-link').first().click();
  await page.waitForURL(/\/recipients\/\d+$/);
  await expectReadOnly(manager, OWNER);
  await inspectPage(manager.page);
  await expectRefusedByHand(manager, new URL(page.url()).pathname);

  await openTab(manager, 'mailings', t('oversight.mailings.title'));
  await expectText(page, NEIGHBOURS_SUBJECT);
  await inspectPage(manager.page);
  await narrowToOwner(manager, OWNER, NEIGHBOURS_SUBJECT);
  await page.locator(`a[href="/mailings/${mailing}"]`).click();
  await expectMailingState(manager, 'created');
  await expectReadOnly(manager, OWNER);
  await inspectPage(manager.page);
  await expectRefusedByHand(manager, ...['', '/start', '/deletion'].map((end) => `/mailings/${mailing}${end}`));
  await page.goto(`/mailings/${mailing}/edit`);
  await expectHeading(page, t('common.errors.forbidden.title'));
  await inspectPage(manager.page);
  await page.context().close();
}, 120_000);

test('a mailing that a manager disables stops, and its owner learns why; enabled, it goes on to its end', async () => {
  const owner = await enter(OWNER, 'ru');
  const manager = await enter(MANAGER, 'ru');
  const { page, t } = manager;
  await startAndWait(owner);
  await page.goto('/oversight');
  await expectText(page, t('statistics.running.title'));
  await inspectPage(manager.page);
  await follow(manager, SUBJECT);
  await expectMailingState(manager, 'running');
  await expectReadOnly(manager, OWNER);
  await inspectPage(manager.page);
  await expectRefusedByHand(manager, `/mailings/${mailing}/pause`, `/mailings/${mailing}/stop`);

  const left = await disable(manager);
  await expectOwnerTold(owner);
  await disablePlanned(manager);
  await expectNoWayOut(owner);
  await lookAtAttempts(manager);

  expect(countLetters()).toBe(left);
  await page.goto(`/mailings/${mailing}`);
  await follow(manager, t('mailings.disabling.enable'));
  await expectHeading(page, t('mailings.enabling.title', { subject: SUBJECT }));
  await inspectPage(manager.page);
  await giveReason(manager, WHY_ENABLED);
  sink.options.slowMs = 0;
  await press(manager, t('mailings.enabling.submit'));
  await expectText(page, t('mailings.enabling.done'));
  await findLetter(t('accounts.letters.mailingEnabled.subject'), WHY_ENABLED);
  await expectWholeEnd(owner);
  for (const visitor of [owner, manager]) await visitor.page.context().close();
}, 120_000);

test('a user who is blocked is signed out and told why, and their mailings stop; unblocked, all goes on', async () => {
  const owner = await enter(OWNER, 'en');
  const administrator = await openVisitor(browser, vestnik, { locale: 'en' });
  const { page, t } = administrator;
  await becomeAdministrator(administrator, vestnik, ADMINISTRATOR);
  await page.goto('/oversight');
  await openTab(administrator, 'users', t('users.list.title'));
  await inspectPage(administrator.page);
  await openUser(administrator, OWNER);
  await inspectPage(administrator.page);
  mailing = await createMailing(owner, { subject: SUBJECT, audience: 'all' });
  await startAndWait(owner);
  await goTo(owner, 'recipients');
  await expectHeading(owner.page, t('recipients.list.title'));

  const left = await block(administrator);
  await goTo(owner, 'messages');
  await expectHeading(owner.page, t('accounts.signIn.title'));
  await trySignIn(owner, OWNER);
  await expectText(owner.page, t('accounts.signIn.blocked'));
  await expectText(owner.page, t('accounts.signIn.blockedReason', { reason: WHY_BLOCKED }));
  await inspectPage(owner.page);
  await findLetter(translate('ru')('accounts.letters.blocked.subject'), WHY_BLOCKED);

  expect(countLetters()).toBe(left);
  await follow(administrator, t('users.page.unblock'));
  await expectHeading(page, t('users.unblock.title', { name: OWNER.name }));
  await inspectPage(administrator.page);
  await giveReason(administrator, WHY_UNBLOCKED);
  sink.options.slowMs = 0;
  await press(administrator, t('users.unblock.submit'));
  await expectText(page, t('users.flash.unblocked', { name: OWNER.name }));
  await signIn(owner, OWNER.email);
  await expectWholeEnd(owner);
  for (const visitor of [owner, administrator]) await visitor.page.context().close();
}, 120_000);

test('a new role asks for a new sign-in, and the last administrator stays one', async () => {
  const neighbour = await enter(NEIGHBOUR, 'en');
  const administrator = await enter(ADMINISTRATOR, 'en');
  const { page, t } = administrator;
  await page.goto('/oversight/users');
  await openUser(administrator, NEIGHBOUR);
  await follow(administrator, t('users.page.change'));
  await expectHeading(page, t('users.roleChange.title', { name: NEIGHBOUR.name }));
  await inspectPage(administrator.page);
  await page.locator('input[name="role"][value="manager"]').check();
  await press(administrator, t('users.roleChange.next'));
  await expectHeading(page, t('users.roleChange.confirm.manager', { name: NEIGHBOUR.name }));
  await inspectPage(administrator.page);
  await press(administrator, t('users.roleChange.submit.manager'));
  await expectText(page, t('users.flash.roleChanged', { name: NEIGHBOUR.name, role: t('users.roles.manager') }));

  await goTo(neighbour, 'messages');
  await expectHeading(neighbour.page, t('accounts.signIn.title'));
  await signIn(neighbour, NEIGHBOUR.email);
  await neighbour.page.goto('/oversight/users');
  await openUser(neighbour, ADMINISTRATOR);
  expect(await neighbour.page.locator('.page-actions a').count()).toBe(0);
  const path = new URL(neighbour.page.url()).pathname;
  await expectRefusedByHand(neighbour, `${path}/block`, `${path}/role`, '/oversight/installation/registration');

  await page.goto('/oversight/users');
  await openUser(administrator, ADMINISTRATOR);
  expect(await page.locator('.page-actions a').count()).toBe(0);
  await expectRefusedByHand(administrator, `${path}/block`, `${path}/role`);

  await page.goto('/oversight/users/invitations');
  await expectHeading(page, t('users.invitations.title'));
  await inspectPage(administrator.page);
  for (const visitor of [neighbour, administrator]) await visitor.page.context().close();
}, 120_000);

test('the log tells all of it, is searched, and is exported', async () => {
  const manager = await enter(NEIGHBOUR, 'en');
  const { page, t } = manager;
  await page.goto('/oversight');
  await openTab(manager, 'audit', t('audit.title'));
  await inspectPage(manager.page);
  await page.getByLabel(t('audit.anyAction')).selectOption({ label: t('audit.actions.mailing.disabled') });
  await page.getByLabel(t('audit.search')).fill(WHY_DISABLED);
  await press(manager, t('common.list.find'));
  await page.waitForURL(/action=mailing\.disabled/);
  const rows = await page.locator('tbody tr').allTextContents();
  expect(rows).toHaveLength(1);
  for (const part of [MANAGER.email, SUBJECT, WHY_DISABLED]) expect(rows[0]).toContain(part);
  const found = await exportLog(manager);
  expect(found).toHaveLength(2);
  expect(found[1]).toContain(`${t('audit.actions.mailing.disabled')},${MANAGER.email},${SUBJECT},${WHY_DISABLED},`);

  await page.goto('/oversight/audit');
  const all = await exportLog(manager);
  const expectEntry = (...parts: string[]) =>
    expect(
      all.filter((line) => parts.every((part) => line.includes(part))),
      parts.join(),
    ).not.toHaveLength(0);
  expect(all[0]).toBe('\uFEFFWhen,What,Who,To what,Why,Details,From where,Browser');
  expectEntry(t('audit.actions.mailing.started'), OWNER.email, SUBJECT);
  expectEntry(t('audit.actions.mailing.enabled'), MANAGER.email, WHY_ENABLED);
  expectEntry(t('audit.actions.user.blocked'), ADMINISTRATOR.email, OWNER.email, WHY_BLOCKED);
  expectEntry(t('audit.actions.user.unblocked'), ADMINISTRATOR.email, OWNER.email);
  expectEntry(t('audit.actions.user.role_changed'), ADMINISTRATOR.email, NEIGHBOUR.email, 'manager');
  expectEntry(t('audit.actions.session.refused'), OWNER.email, 'blocked');
  expectEntry(t('audit.actions.session.started'), NEIGHBOUR.email);
  expectEntry(t('audit.actions.audit.exported'), NEIGHBOUR.email);
  await page.context().close();
}, 60_000);

test('the administrator sees what the mail server says to a test letter, and closes the registration', async () => {
  const administrator = await enter(ADMINISTRATOR, 'en');
  const { page, t } = administrator;
  await page.goto('/oversight');
  await openTab(administrator, 'installation', t('installation.title'));
  await expectText(page, String(sink.port));
  await inspectPage(administrator.page);
  await page.getByLabel(t('installation.test.to'), { exact: true }).fill('probe@example.com');
  await press(administrator, t('installation.test.submit'));
  await expectHeading(page, t('installation.test.resultTitle'));
  const said = await page
    .getByRole('table', { name: t('installation.test.conversation') })
    .locator('code')
    .allTextContents();
  const conversation = said.join('\n');
  expect(conversation).toMatch(
    /220 [^]*EHLO [^]*250[^]*MAIL FROM:<[^]*RCPT TO:<probe@example\.com>[^]*354 [^]*250 2\.0\.0 ok/,
  );
  expect(sink.countOf('probe@example.com')).toBe(1);
  await inspectPage(administrator.page);

  await openTab(administrator, 'installation', t('installation.title'));
  await page.locator('input[name="registration"][value="closed"]').check();
  await press(administrator, t('installation.registration.submit'));
  const mode = t('installation.registration.modes.closed');
  await expectText(page, t('installation.registration.saved', { mode }));
  const guest = await openVisitor(browser, vestnik, { locale: 'en' });
  await guest.page.goto('/sign-up');
  await expectHeading(guest.page, t('accounts.signUp.closedTitle'));
  await inspectPage(guest.page);
  await guest.page.goto('/sign-in');
  expect(await guest.page.getByRole('link', { name: t('accounts.signIn.signUp'), exact: true }).count()).toBe(0);
  expect(sink.violations).toEqual([]);
  for (const visitor of [guest, administrator]) await visitor.page.context().close();
}, 60_000);

async function trySignIn({ page, t }: Visitor, { email }: Person) {
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await page.getByLabel(t('accounts.fields.password')).fill(PASSWORD);
  await press({ page, t, locale: 'en' }, t('accounts.signIn.submit'));
}

async function createByCommand(command: string, { name, email }: Person) {
  const args = [command, '--email', email, '--name', name, '--password', PASSWORD];
  expect(await runCommand(args, { DATA_DIR: vestnik.dataDir })).toMatchObject({ code: 0 });
}

/** Two owners: one with many recipients and two mailings, the other with one of each. */
async function furnish() {
  const owner = await enter(OWNER, 'ru');
  const numbers = Array.from({ length: AUDIENCE }, (_, index) => index + 1);
  while (numbers.length > 0)
    await Promise.all(numbers.splice(0, 12).map((number) => addRecipient(owner, addressOf(number))));
  await writeMessage(owner, { subject: SUBJECT, body: 'Здравствуйте, {{ name }}!\n\nМы открылись после зимы.' });
  mailing = await createMailing(owner, { subject: SUBJECT, audience: 'all' });
  planned = await createMailing(owner, { subject: SUBJECT, audience: 'all', startsInDays: 3 });
  const neighbour = await enter(NEIGHBOUR, 'ru');
  await addRecipient(neighbour, NEIGHBOURS_RECIPIENT);
  await writeMessage(neighbour, { subject: NEIGHBOURS_SUBJECT, body: 'Приходите!' });
  await createMailing(neighbour, { subject: NEIGHBOURS_SUBJECT, audience: 'all', startsInDays: 2 });
  for (const visitor of [owner, neighbour]) await visitor.page.context().close();
}

function addressOf(number: number): string {
  return `r${String(number).padStart(3, '0')}@example.com`;
}

async function addRecipient({ page }: Visitor, email: string) {
  const form = { email, name: 'Настасья Петровна Коробочка', comment: '', attributes: '' };
  const response = await page.request.post('/recipients', { form, headers: { origin: vestnik.url }, maxRedirects: 0 });
  expect(response.status()).toBe(303);
}

async function enter({ email }: Person, locale: Locale): Promise<Visitor> {
  const visitor = await openVisitor(browser, vestnik, { locale });
  await signIn(visitor, email);
  return visitor;
}

/** The owner starts the mailing on a slow mail server; the first letters have left. */
async function startAndWait(owner: Visitor) {
  sink.options.slowMs = SLOW_MS;
  sink.counts.clear();
  await owner.page.goto(`/mailings/${mailing}`);
  await sendButton(owner, AUDIENCE).click();
  await expectMailingState(owner, 'running');
  await eventually('the first letters leave', async () => countLetters() >= 5);
}

function countLetters(): number {
  return [...sink.counts].filter(([address]) => /^r\d+@/.test(address)).reduce((sum, [, count]) => sum + count, 0);
}

/** The running mailing; the number of letters that had left, as the page says. */
async function disable(manager: Visitor): Promise<number> {
  const { page, t } = manager;
  await follow(manager, t('mailings.disabling.disable'));
  await expectHeading(page, t('mailings.disabling.title', { subject: SUBJECT }));
  await inspectPage(manager.page);
  await press(manager, t('mailings.disabling.submit'));
  await expectText(page, t('common.faults.required'));
  await giveReason(manager, WHY_DISABLED);
  await press(manager, t('mailings.disabling.submit'));
  await expectText(page, t('mailings.disabling.done'));
  await expectMailingState(manager, 'disabled');
  const left = await expectHalt(page, /прекратилась (?:сразу|через ([\d,]+) с); к этому времени ушл[оаи] (\d+)/);
  await inspectPage(manager.page);
  return left;
}

/** The owner, who runs a mailing; the number of letters that had left, as the page says. */
async function block(administrator: Visitor): Promise<number> {
  const { page, t } = administrator;
  await follow(administrator, t('users.page.block'));
  await expectHeading(page, t('users.block.title', { name: OWNER.name }));
  await inspectPage(administrator.page);
  await giveReason(administrator, WHY_BLOCKED);
  await press(administrator, t('users.block.submit'));
  await expectText(page, t('users.flash.blocked', { name: OWNER.name }));
  await expectText(page, WHY_BLOCKED);
  const left = await expectHalt(page, /Sending stopped (?:at once|after ([\d.]+) s); (\d+) letters? had left/);
  await inspectPage(administrator.page);
  return left;
}

async function expectHalt(page: Page, pattern: RegExp): Promise<number> {
  const { seconds, left } = await readHalt(page, pattern);
  expect(seconds).toBeLessThan(HALTED_WITHIN_SECONDS);
  expect(left).toBe(countLetters());
  expect(left).toBeLessThan(AUDIENCE);
  return left;
}

/** The owner's page has followed by itself, and a letter has come. */
async function expectOwnerTold(owner: Visitor) {
  const { page, t } = owner;
  await expectMailingState(owner, 'disabled');
  await expectText(page, `Отключил менеджер ${MANAGER.name}`);
  await expectText(page, WHY_DISABLED);
  await inspectPage(owner.page);
  const letter = await findLetter(t('accounts.letters.mailingDisabled.subject'), WHY_DISABLED);
  expect(letter).toContain(`${vestnik.url}/mailings/${mailing}`);
}

async function lookAtAttempts(manager: Visitor) {
  const { page, t } = manager;
  await openTab(manager, 'attempts', t('oversight.attempts.title'));
  await narrowToOwner(manager, OWNER, NEIGHBOUR.name);
  await expectText(page, '250 2.0.0 ok');
  await inspectPage(manager.page);
  await page.goto(`/mailings/${mailing}`);
  await follow(manager, t('mailings.balance.all'));
  await expectHeading(page, t('mailings.deliveries.title'));
  await inspectPage(manager.page);
  await follow(manager, addressOf(1));
  await expectHeading(page, addressOf(1));
  await inspectPage(manager.page);
}

async function disablePlanned(manager: Visitor) {
  const { page, t } = manager;
  await page.goto(`/mailings/${planned}/disabling`);
  await expectText(page, t('mailings.disabling.doesNotStart'));
  await giveReason(manager, WHY_PLANNED_DISABLED);
  await press(manager, t('mailings.disabling.submit'));
  await expectText(page, t('mailings.disabling.done'));
}

/** Of a disabled mailing, for its owner. */
async function expectNoWayOut(owner: Visitor) {
  const { page, t } = owner;
  expect(await page.locator('a[href$="/enabling"]').count()).toBe(0);
  await expectRefusedByHand(owner, `/mailings/${mailing}/enabling`, `/mailings/${planned}/enabling`);
  await page.goto(`/mailings/${planned}`);
  await expectText(page, t('mailings.disabled.title'));
  expect(await page.locator('form[action$="/start"]').count()).toBe(0);
  const headers = { origin: vestnik.url };
  const answer = await page.request.post(`/mailings/${planned}/start`, { headers });
  expect(await answer.text()).toContain(t('mailings.flash.disabled'));
}

/** The text of the owner's letter with that subject. */
async function findLetter(subject: string, reason: string): Promise<string> {
  return eventually(`a letter “${subject}” comes`, async () => {
    const letters = await Promise.all(
      sink.accepted.filter(({ to }) => to === OWNER.email).map(({ data }) => PostalMime.parse(data)),
    );
    const texts = letters.filter((letter) => letter.subject === subject).map(({ text = '' }) => text);
    return texts.find((text) => text.includes(reason));
  });
}

/** Everybody has one letter, and the books say so. */
async function expectWholeEnd(owner: Visitor) {
  await owner.page.goto(`/mailings/${mailing}`);
  await expectMailingState(owner, 'finished');
  const accepted = owner.t('mailings.balance.accepted');
  expect(await readBooks(owner)).toEqual({ total: AUDIENCE, sum: AUDIENCE, parts: { [accepted]: AUDIENCE } });
  expect(countLetters()).toBe(AUDIENCE);
  expect([...sink.counts].filter(([address, count]) => address.startsWith('r') && count !== 1)).toEqual([]);
}
