import { readFile } from 'node:fs/promises';

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { Locale } from '../../src/lib/i18n.js';
import { openBrowser } from '../support/browser.js';
import { addMailing, addRecipients } from '../support/fixtures.js';
import { showCode } from '../support/totp.js';
import {
  age,
  enter,
  expectNoEntry,
  expectSignedIn,
  expectSignedOut,
  follow,
  formOf,
  mangle,
  openLetter,
  openStage,
  press,
  readDaysOfSession,
  readLink,
  typeCredentials,
  type Account,
  type Stage,
} from './account-steps.js';
import {
  expectHeading,
  expectNoSidewaysScrolling,
  expectText,
  inspectPage,
  PASSWORD,
  signUp,
  type Person,
  type Visitor,
} from './steps.js';

const NEW_PASSWORD = 'a longer walk to the old mill';

let browser: Browser;
let stage: Stage;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** Colours and elements are the same in both languages; lengths are not. */
const READERS: { locale: Locale; look: (page: Page) => Promise<void> }[] = [
  { locale: 'ru', look: (page) => inspectPage(page) },
  { locale: 'en', look: expectNoSidewaysScrolling },
];

describe.each(READERS)('who reads $locale', { timeout: 120_000 }, ({ locale, look }) => {
  beforeAll(async () => {
    stage = await openStage(browser, { locale, look: ({ page }) => look(page) });
  }, 90_000);
  afterEach(() => stage.clear());
  afterAll(() => stage[Symbol.asyncDispose]());

  test('confirms an address with the newest letter only, and once', () => expectConfirmation(stage));
  test('signs in for a day or for a month, and out in one place or everywhere', () => expectSignIn(stage));
  test('recovers a forgotten password', () => expectRecovery(stage));
  test('changes name, time zone, language and theme', () => expectSettings(stage));
  test('changes the password, and is signed out elsewhere', () => expectPasswordChange(stage));
  test('changes the address with a link sent to the new one, and takes the old one back', () =>
    expectEmailChange(stage));
  test('sees where they are signed in, and ends single sessions', () => expectSessions(stage));
  test('turns a second factor on, signs in with it, and turns it off', () => expectSecondFactor(stage));
  test('comes by invitation', () => expectInvitation(stage));
  test('is told when registration is not for everybody', () => expectClosedRegistration(stage));
  test('takes everything along, and goes', () => expectDeparture(stage));
});

test('without JavaScript, passwords are recovered, second factors used and accounts deleted', async () => {
  const look = ({ page }: Visitor) => expectNoSidewaysScrolling(page);
  await using bare = await openStage(browser, { locale: 'ru', javaScriptEnabled: false, look });
  for (const flow of [expectRecovery, expectSecondFactor, expectDeparture]) {
    await flow(bare);
    await bare.clear();
  }
}, 120_000);

async function expectConfirmation({ db, open, look }: Stage) {
  const person: Person = { name: 'Илья Ильич Обломов', email: 'ilya@example.org' };
  const guest = await open();
  const { page, t } = guest;
  const wanted = { to: person.email, subject: t('accounts.letters.confirmation.subject') };
  await signUp(guest, person);
  await look(guest);
  const first = await readLink(guest, wanted);
  await page.goto('/sign-in');
  await typeCredentials(guest, person);
  await expectText(page, t('accounts.signIn.unconfirmed', { email: person.email }));
  await look(guest);
  await press(guest, t('accounts.checkMail.again'));
  await expectText(page, t('accounts.checkMail.sentAgain'));
  await look(guest);
  const second = await readLink(guest, { ...wanted, count: 2 });
  await look(guest);

  await page.goto(first);
  await expectHeading(page, t('accounts.confirmation.expiredTitle'));
  await look(guest);
  await age(db, 'confirmation', person.email);
  await page.goto(second);
  await expectHeading(page, t('accounts.confirmation.expiredTitle'));
  expect(await page.getByLabel(t('accounts.fields.email')).inputValue()).toBe(person.email);
  await press(guest, t('accounts.confirmation.submit'));
  await expectText(page, t('accounts.checkMail.sentAgain'));
  const third = await readLink(guest, { ...wanted, count: 3 });

  await page.goto(mangle(third));
  await expectHeading(page, t('accounts.confirmation.mangledTitle'));
  await look(guest);
  await page.goto(third);
  await expectText(page, t('accounts.confirmation.done'));
  await page.goto(third);
  await expectText(page, t('accounts.confirmation.used'));
  await look(guest);
  await enter(guest, person);
}

async function expectSignIn({ open, addAccount, look }: Stage) {
  const { email } = await addAccount('Андрей Иванович Штольц');
  const [visitor, other] = [await open(), await open()];
  const { page, t } = visitor;
  await page.goto('/recipients?sort=name');
  await expectHeading(page, t('accounts.signIn.title'));
  await typeCredentials(visitor, { email, password: NEW_PASSWORD });
  await page.getByRole('alert').getByText(t('accounts.signIn.wrong')).waitFor();
  await look(visitor);
  await typeCredentials(visitor, { email });
  await expectHeading(page, t('recipients.list.title'));
  expect(page.url()).toMatch(/\/recipients\?sort=name$/);
  expect(await readDaysOfSession(visitor)).toBeUndefined();
  await press(visitor, t('common.signOut'));
  await expectText(page, t('accounts.signIn.signedOut'));
  await look(visitor);
  await expectSignedOut(visitor);

  await enter(visitor, { email, isRemembered: true });
  expect(await readDaysOfSession(visitor)).toBeCloseTo(30, 1);
  await enter(other, { email });
  await page.goto('/settings/sessions');
  await press(visitor, t('security.sessions.endAll'));
  await expectText(page, t('security.sessions.allEnded'));
  for (const each of [visitor, other]) await expectSignedOut(each);
}

async function expectRecovery({ administrator, db, open, addAccount, look }: Stage) {
  const account = await addAccount('Ольга Сергеевна Ильинская');
  const { email } = account;
  const [guest, other] = [await open(), await open()];
  const { page, t } = guest;
  const wanted = { to: email, subject: t('accounts.letters.recovery.subject') };
  await enter(other, { email });
  await askForNewPassword(guest, 'nobody@example.org', look);
  await askForNewPassword(guest, email, look);
  // Who asks is nobody yet: the letter is not theirs to read here.
  expect((await page.goto('/inbox'))?.status()).toBe(404);
  const old = await readLink(administrator, wanted);
  await age(db, 'recovery', email);
  await page.goto(old);
  await expectHeading(page, t('accounts.recovery.expiredTitle'));
  await look(guest);
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await press(guest, t('accounts.recovery.submit'));
  await expectHeading(page, t('accounts.recovery.sentTitle'));
  const link = await readLink(administrator, { ...wanted, count: 2 });

  await page.goto(mangle(link));
  await expectHeading(page, t('accounts.recovery.unknownTitle'));
  await page.goto(link);
  await expectHeading(page, t('accounts.recovery.newTitle'));
  await look(guest);
  await setPassword(guest, 'password123');
  await expectText(page, t('common.faults.passwordCommon'));
  await look(guest);
  await setPassword(guest, NEW_PASSWORD);
  await expectText(page, t('accounts.recovery.done'));
  await expectSignedOut(other);
  await page.goto(link);
  await expectHeading(page, t('accounts.recovery.usedTitle'));
  await look(guest);
  await expectNoEntry(guest, { email });
  await enter(guest, { email, password: NEW_PASSWORD });
  await openLetter(administrator, { to: email, subject: t('accounts.letters.passwordChanged.subject') });
}

async function askForNewPassword(guest: Visitor, email: string, look: Stage['look']) {
  const { page, t } = guest;
  await page.goto('/sign-in');
  await follow(guest, t('accounts.signIn.forgotten'));
  await expectHeading(page, t('accounts.recovery.title'));
  await look(guest);
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await press(guest, t('accounts.recovery.submit'));
  await expectHeading(page, t('accounts.recovery.sentTitle'));
  await expectText(page, t('accounts.recovery.sentText', { email, minutes: 60 }));
  await look(guest);
}

async function setPassword(visitor: Visitor, password: string) {
  await visitor.page.getByLabel(visitor.t('accounts.fields.newPassword')).fill(password);
  await press(visitor, visitor.t('accounts.recovery.newSubmit'));
}

/** Both themes and both languages; ends in the language it began with. */
async function expectSettings({ open, addAccount, look }: Stage) {
  const { email } = await addAccount('Захар');
  const visitor = await open();
  const { page, t, locale } = visitor;
  const name = page.getByLabel(t('accounts.fields.name'));
  await enter(visitor, { email });
  await page.getByRole('navigation').getByRole('link', { name: 'Захар', exact: true }).click();
  await expectHeading(page, t('settings.tabs.profile'));
  await name.fill('');
  await press(visitor, t('common.save'));
  await expectText(page, t('common.faults.required'));
  await look(visitor);
  await name.fill('Захар Трофимович');
  await page.getByLabel(t('accounts.fields.timeZone')).selectOption('Asia/Tokyo');
  await page.getByLabel(t('settings.profile.themes.dark')).check();
  await press(visitor, t('common.save'));
  await expectText(page, t('settings.profile.saved'));
  await page.getByRole('navigation').getByRole('link', { name: 'Захар Трофимович', exact: true }).waitFor();
  expect(await page.getByLabel(t('accounts.fields.timeZone')).inputValue()).toBe('Asia/Tokyo');
  expect(await page.locator('html').getAttribute('data-bs-theme')).toBe('dark');
  await look(visitor);

  const [here, there] = locale === 'ru' ? ['Русский', 'English'] : ['English', 'Русский'];
  await page.getByLabel(there).check();
  await press(visitor, t('common.save'));
  await page.getByRole('heading', { level: 1, name: locale === 'ru' ? 'Profile' : 'Профиль', exact: true }).waitFor();
  await page.getByLabel(here).check();
  await page.getByRole('main').getByRole('button').click();
  await expectText(page, t('settings.profile.saved'));
}

async function expectPasswordChange({ administrator, open, addAccount, look }: Stage) {
  const { email } = await addAccount('Агафья Матвеевна Пшеницына');
  const [visitor, other] = [await open(), await open()];
  const { page, t } = visitor;
  await enter(visitor, { email });
  await enter(other, { email });
  await page.goto('/settings');
  await follow(visitor, t('settings.tabs.security'));
  await expectHeading(page, t('settings.tabs.security'));
  await look(visitor);
  await changePassword(visitor, 'not this one', NEW_PASSWORD);
  await expectText(page, t('common.faults.passwordWrong'));
  await look(visitor);
  await changePassword(visitor, PASSWORD, NEW_PASSWORD);
  await expectText(page, t('settings.security.passwordSaved'));
  await expectSignedIn(visitor);
  await expectSignedOut(other);
  await openLetter(administrator, { to: email, subject: t('accounts.letters.passwordChanged.subject') });
  await expectNoEntry(other, { email });
  await enter(other, { email, password: NEW_PASSWORD });
}

async function changePassword(visitor: Visitor, current: string, next: string) {
  const { t } = visitor;
  const form = formOf(visitor, t('settings.security.password'));
  await form.getByLabel(t('accounts.fields.currentPassword')).fill(current);
  await form.getByLabel(t('accounts.fields.newPassword')).fill(next);
  await press(visitor, t('settings.security.passwordSubmit'));
}

async function expectEmailChange({ administrator, open, addAccount, look }: Stage) {
  const { email: old } = await addAccount('Иван Матвеевич Мухояров');
  const email = `new-${old}`;
  const visitor = await open();
  const { page, t } = visitor;
  await enter(visitor, { email: old });
  await page.goto('/settings/security');
  await askForEmail(visitor, email, 'not this one');
  await expectText(page, t('common.faults.passwordWrong'));
  await look(visitor);
  await askForEmail(visitor, email, PASSWORD);
  await expectText(page, t('accounts.emailChange.asked', { email }));
  await expectText(page, t('accounts.emailChange.pending', { email }));
  await look(visitor);
  await openLetter(administrator, { to: old, subject: t('accounts.letters.emailChangeAsked.subject') });
  const link = await readLink(administrator, { to: email, subject: t('accounts.letters.emailChange.subject') });

  await page.goto(mangle(link));
  await expectHeading(page, t('accounts.emailChange.unknownTitle'));
  await look(visitor);
  await page.goto(link);
  await expectHeading(page, t('accounts.emailChange.title'));
  await look(visitor);
  await press(visitor, t('accounts.emailChange.confirm'));
  await expectText(page, t('accounts.emailChange.done', { email }));
  await page.goto(link);
  await expectHeading(page, t('accounts.emailChange.usedTitle'));
  await look(visitor);
  await expectReturn(await readReturnLink(administrator, old), { old, email }, { open, look });
  await expectSignedOut(visitor);
}

async function askForEmail(visitor: Visitor, email: string, password: string) {
  const { t } = visitor;
  const form = formOf(visitor, t('accounts.emailChange.heading'));
  await form.getByLabel(t('accounts.emailChange.newEmail')).fill(email);
  await form.getByLabel(t('accounts.fields.currentPassword')).fill(password);
  await press(visitor, t('accounts.emailChange.submit'));
}

function readReturnLink(administrator: Visitor, old: string) {
  return readLink(administrator, { to: old, subject: administrator.t('accounts.letters.emailChanged.subject') });
}

/** Somebody else had changed it: the link in the letter to the old address puts an end to that. */
async function expectReturn(
  link: string,
  { old, email }: { old: string; email: string },
  { open, look }: Pick<Stage, 'open' | 'look'>,
) {
  const owner = await open();
  const { page, t } = owner;
  await expectNoEntry(owner, { email: old });
  await page.goto(link);
  await expectHeading(page, t('accounts.recovery.returnTitle'));
  await look(owner);
  await setPassword(owner, NEW_PASSWORD);
  await expectText(page, t('accounts.recovery.done'));
  await expectNoEntry(owner, { email, password: NEW_PASSWORD });
  await enter(owner, { email: old, password: NEW_PASSWORD });
}

async function expectSessions({ open, addAccount, look }: Stage) {
  const { email } = await addAccount('Михей Андреевич Тарантьев');
  const [visitor, other, third] = [await open(), await open(), await open()];
  const { page, t } = visitor;
  for (const each of [third, other, visitor]) await enter(each, { email });
  await page.goto('/settings/sessions');
  await expectHeading(page, t('security.sessions.title'));
  const sessions = page.locator('.session');
  expect(await sessions.count()).toBe(3);
  expect(await sessions.first().textContent()).toContain(t('security.sessions.current'));
  expect(await sessions.first().textContent()).toMatch(/Chrom/);
  await look(visitor);
  // The one used last stands right after this one.
  await sessions.nth(1).getByRole('button').click();
  await expectText(page, t('security.sessions.ended'));
  await expectSignedOut(other);
  await expectSignedIn(third);
  await press(visitor, t('security.sessions.endOthers'));
  await expectText(page, t('security.sessions.othersEnded', { count: 1 }));
  await expectText(page, t('security.sessions.onlyThis'));
  await look(visitor);
  await expectSignedOut(third);
  await expectSignedIn(visitor);
}

async function expectSecondFactor({ administrator, open, addAccount, look }: Stage) {
  const account = await addAccount('Иван Алексеевич Тоцкий-Бубнов');
  const { email } = account;
  const [visitor, other] = [await open(), await open()];
  const { t } = visitor;
  await enter(visitor, { email });
  const { key, codes } = await turnOnSecondFactor(visitor, look);
  await openLetter(administrator, { to: email, subject: t('accounts.letters.secondFactorEnabled.subject') });
  const [recoveryCode = ''] = codes;
  await expectCodeAsked(other, account, look);
  await typeCode(other, showCode(key));
  await expectSignedInAfterCode(other);
  await press(other, t('common.signOut'));
  await expectText(other.page, t('accounts.signIn.signedOut'));
  await expectCodeAsked(other, account);
  await typeCode(other, recoveryCode);
  await expectSignedInAfterCode(other);
  await press(other, t('common.signOut'));
  await expectText(other.page, t('accounts.signIn.signedOut'));
  await expectCodeAsked(other, account);
  // Each of them counts once.
  await typeCode(other, recoveryCode);
  await expectText(other.page, t('common.faults.codeWrong'));
  await turnOffSecondFactor(visitor, codes.length - 1);
  await openLetter(administrator, { to: email, subject: t('accounts.letters.secondFactorDisabled.subject') });
  await enter(other, { email });
}

async function turnOnSecondFactor(visitor: Visitor, look: Stage['look']): Promise<{ key: string; codes: string[] }> {
  const { page, t } = visitor;
  await page.goto('/settings/second-factor');
  await expectHeading(page, t('security.secondFactor.title'));
  await look(visitor);
  await typeOwnPassword(visitor, t('security.secondFactor.off'), 'not this one');
  await press(visitor, t('security.secondFactor.begin'));
  await expectText(page, t('common.faults.passwordWrong'));
  await look(visitor);
  await typeOwnPassword(visitor, t('security.secondFactor.off'), PASSWORD);
  await press(visitor, t('security.secondFactor.begin'));
  await page.getByRole('img', { name: t('security.secondFactor.picture') }).waitFor();
  await look(visitor);
  const key = ((await page.locator('.second-factor-key').textContent()) ?? '').replaceAll(' ', '');
  await confirmKey(visitor, '000000');
  await expectText(page, t('common.faults.codeWrong'));
  await look(visitor);
  await confirmKey(visitor, showCode(key));
  await expectText(page, t('security.secondFactor.codesText'));
  await look(visitor);
  const codes = await page.locator('.recovery-codes li').allTextContents();
  expect(new Set(codes).size).toBe(10);
  await follow(visitor, t('security.secondFactor.codesDone'));
  await expectText(page, t('security.secondFactor.codesLeft', { count: 10 }));
  await look(visitor);
  return { key, codes };
}

async function typeOwnPassword(visitor: Visitor, heading: string, password: string) {
  await formOf(visitor, heading).getByLabel(visitor.t('accounts.fields.currentPassword')).fill(password);
}

async function confirmKey(visitor: Visitor, code: string) {
  await visitor.page.getByLabel(visitor.t('security.secondFactor.code')).fill(code);
  await press(visitor, visitor.t('security.secondFactor.confirm'));
}

/** The password alone opens nothing, and neither does a wrong code. */
async function expectCodeAsked(visitor: Visitor, { email }: Account, look?: Stage['look']) {
  const { page, t } = visitor;
  await page.goto('/sign-in');
  await typeCredentials(visitor, { email });
  await expectHeading(page, t('security.code.title'));
  if (!look) return;
  await look(visitor);
  await expectSignedOut(visitor);
  await page.goto('/sign-in/code');
  await typeCode(visitor, '000000');
  await expectText(page, t('common.faults.codeWrong'));
  await look(visitor);
}

async function typeCode(visitor: Visitor, code: string) {
  await visitor.page.getByLabel(visitor.t('security.code.label'), { exact: true }).fill(code);
  await press(visitor, visitor.t('security.code.submit'));
}

async function expectSignedInAfterCode({ page, t }: Visitor) {
  await page.getByRole('navigation', { name: t('common.mainNavigation') }).waitFor();
}

async function turnOffSecondFactor(visitor: Visitor, codesLeft: number) {
  const { page, t } = visitor;
  await page.goto('/settings/second-factor');
  await expectText(page, t('security.secondFactor.codesLeft', { count: codesLeft }));
  await typeOwnPassword(visitor, t('security.secondFactor.disable'), PASSWORD);
  await press(visitor, t('security.secondFactor.disable'));
  await expectText(page, t('security.secondFactor.disabled'));
}

async function expectInvitation({ administrator, open, look }: Stage) {
  const email = 'invited@example.org';
  const guest = await open();
  const { page, t } = guest;
  const wanted = { to: email, subject: t('accounts.letters.invitation.subject') };
  await invite(administrator, email, look);
  const first = await readLink(administrator, wanted);
  await administrator.page.goto('/oversight/users/invitations');
  await press(administrator, t('users.invitations.resend'));
  await expectText(administrator.page, t('users.flash.resent', { email }));
  const link = await readLink(administrator, { ...wanted, count: 2 });

  for (const [dead, fault] of [[first, 'expired'] as const, [mangle(link), 'unknown'] as const]) {
    await page.goto(dead);
    await expectHeading(page, t(`accounts.invitation.${fault}Title`));
    await look(guest);
  }
  await page.goto(link);
  await expectHeading(page, t('accounts.invitation.title'));
  await look(guest);
  await page.getByLabel(t('accounts.fields.name')).fill('Пенкин');
  await page.getByLabel(t('accounts.fields.password')).fill(PASSWORD);
  await page.getByLabel(t('accounts.fields.timeZone')).selectOption('Asia/Tokyo');
  await press(guest, t('accounts.invitation.submit'));
  await expectText(page, t('accounts.invitation.done', { name: 'Пенкин' }));
  await look(guest);
  await page.goto('/oversight');
  await page.getByRole('navigation', { name: t('common.places.oversight') }).waitFor();
  await page.goto(link);
  await expectHeading(page, t('accounts.invitation.usedTitle'));
  await look(guest);
  await expectRevocation(administrator, { open, look });
}

async function invite(administrator: Visitor, email: string, look: Stage['look']) {
  const { page, t, locale } = administrator;
  await page.goto('/oversight/users/invitations');
  await expectHeading(page, t('users.invitations.title'));
  await look(administrator);
  await page.getByLabel(t('users.email'), { exact: true }).fill(email);
  await page.locator('input[name="role"][value="manager"]').check();
  await page.getByLabel(t('users.invitations.locale')).selectOption(locale);
  await press(administrator, t('users.invitations.submit'));
  await expectText(page, t('users.flash.invited', { email }));
  await look(administrator);
}

async function expectRevocation(administrator: Visitor, { open, look }: Pick<Stage, 'open' | 'look'>) {
  const email = 'revoked@example.org';
  const { page, t } = administrator;
  await invite(administrator, email, () => Promise.resolve());
  const link = await readLink(administrator, { to: email, subject: t('accounts.letters.invitation.subject') });
  await page.goto('/oversight/users/invitations');
  await follow(administrator, t('users.invitations.revoke'));
  await expectHeading(page, t('users.invitations.revokeTitle', { email }));
  await look(administrator);
  await press(administrator, t('users.invitations.revokeSubmit'));
  await expectText(page, t('users.flash.revoked', { email }));
  const guest = await open();
  await guest.page.goto(link);
  await expectHeading(guest.page, t('accounts.invitation.expiredTitle'));
}

async function expectClosedRegistration({ administrator, open, look }: Stage) {
  const guest = await open();
  const { page, t } = guest;
  for (const mode of ['invitation', 'closed'] as const) {
    await chooseRegistration(administrator, mode);
    await page.goto('/sign-up');
    await expectHeading(page, t(`accounts.signUp.${mode}Title`));
    await look(guest);
    await follow(guest, t('accounts.signIn.submit'));
    await expectHeading(page, t('accounts.signIn.title'));
    expect(await page.getByRole('link', { name: t('accounts.signIn.signUp'), exact: true }).count()).toBe(0);
  }
  await look(administrator);
  await administrator.page.goto('/oversight/users/invitations');
  await expectText(administrator.page, t('users.invitations.closed'));
  await look(administrator);
  await chooseRegistration(administrator, 'open');
  await page.goto('/sign-up');
  await expectHeading(page, t('accounts.signUp.title'));
}

async function chooseRegistration(administrator: Visitor, mode: 'open' | 'invitation' | 'closed') {
  const { page, t } = administrator;
  await page.goto('/oversight/installation');
  await page.locator(`input[name="registration"][value="${mode}"]`).check();
  await press(administrator, t('installation.registration.submit'));
  const said = t('installation.registration.saved', { mode: t(`installation.registration.modes.${mode}`) });
  await expectText(page, said);
}

async function expectDeparture({ db, administrator, open, addAccount, look }: Stage) {
  const account = await addAccount('Алексеев');
  const { email } = account;
  await addRecipients(db, account.id, 2);
  await addMailing(db, account.id);
  const [visitor, other] = [await open(), await open()];
  const { page, t } = visitor;
  await enter(visitor, { email });
  await enter(other, { email });
  await page.goto('/settings');
  await follow(visitor, t('settings.tabs.data'));
  await expectHeading(page, t('settings.tabs.data'));
  await look(visitor);
  await expectExport(visitor, account);
  await follow(visitor, t('settings.data.deleteLink'));
  await expectHeading(page, t('settings.deletion.title'));
  await look(visitor);
  await deleteAccount(visitor, 'not this one');
  await expectText(page, t('common.faults.passwordWrong'));
  await look(visitor);
  await deleteAccount(visitor, PASSWORD);
  await expectHeading(page, t('settings.deletion.doneTitle'));
  await look(visitor);
  for (const each of [visitor, other]) await expectSignedOut(each);
  await expectNoEntry(visitor, { email });
  await openLetter(administrator, { to: email, subject: t('accounts.letters.farewell.subject') });
  await expectAdministratorStays(administrator, look);
}

async function expectExport({ page, t }: Visitor, { email, name }: Account) {
  const downloads = page.waitForEvent('download');
  await press({ page }, t('settings.data.exportSubmit'));
  const download = await downloads;
  expect(download.suggestedFilename()).toMatch(/^vestnik-\d{4}-\d\d-\d\d\.json$/);
  const exported: unknown = JSON.parse(await readFile(await download.path(), 'utf8'));
  expect(exported).toMatchObject({
    profile: { email, name, role: 'user' },
    recipients: [{ email: 'r1@example.com' }, { email: 'r2@example.com' }],
    messages: [{ subject: 'Hello' }],
    mailings: [{ deliveries: [] }],
  });
}

async function deleteAccount(visitor: Visitor, password: string) {
  const { page, t } = visitor;
  await page.getByLabel(t('accounts.fields.password')).fill(password);
  await press(visitor, t('settings.deletion.submit'));
}

/** The only one there is cannot go. */
async function expectAdministratorStays({ page, t, locale }: Visitor, look: Stage['look']) {
  await page.goto('/settings/data/deletion');
  await expectText(page, t('settings.deletion.lastAdministrator'));
  expect(await page.getByRole('button', { name: t('settings.deletion.submit') }).count()).toBe(0);
  await look({ page, t, locale });
}
