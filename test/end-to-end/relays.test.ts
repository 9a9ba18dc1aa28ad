import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { openBrowser } from '../support/browser.js';
import { startSmtpServer, type SmtpTestServer } from '../support/smtp-server.js';
import { startVestnik, type VestnikProcess } from '../support/vestnik-process.js';
import { becomeAdministrator, expectHeading, expectText, inspectPage, openVisitor, type Visitor } from './steps.js';

/* An administrator makes mailings leave: a mail server of its own in place of the built-in inbox, without JavaScript. */

const NAME = 'Основной';
const LOGIN = { user: 'robot', pass: 'geheim' };

let sink: SmtpTestServer;
let vestnik: VestnikProcess;
let browser: Browser;
let visitor: Visitor;

beforeAll(async () => {
  sink = await startSmtpServer({ auth: LOGIN });
  [vestnik, browser] = await Promise.all([startVestnik({ DEFAULT_LOCALE: 'ru' }), openBrowser()]);
  visitor = await openVisitor(browser, vestnik);
  await becomeAdministrator(visitor, vestnik, { name: 'Вера Павловна', email: 'vera@example.org' });
  // The session goes on where no script runs.
  const state = await visitor.page.context().storageState();
  const { page } = await openVisitor(browser, vestnik, { javaScriptEnabled: false });
  await page.context().addCookies(state.cookies);
  await visitor.page.context().close();
  visitor = { ...visitor, page };
}, 90_000);

afterAll(async () => {
  await browser.close();
  await vestnik[Symbol.asyncDispose]();
  await sink.close();
});

const press = (name: string) => visitor.page.getByRole('button', { name, exact: true }).click();
const follow = (name: string) => visitor.page.getByRole('link', { name, exact: true }).first().click();

async function fillLogin(password: string): Promise<void> {
  const { page, t } = visitor;
  await page.getByLabel(t('relays.form.userName')).fill(LOGIN.user);
  await page.getByLabel(t('relays.form.secret')).fill(password);
}

test('adds a mail server, and sees in plain words that its password is wrong', async () => {
  const { page, t } = visitor;
  await page.goto('/mailings');
  await follow(t('common.inboxBanner.addRelay'));
  await expectHeading(page, t('relays.title'));
  await follow(t('relays.add'));
  await page.getByLabel(t('relays.name'), { exact: true }).fill(NAME);
  await page.getByLabel(t('relays.form.host'), { exact: true }).fill('127.0.0.1');
  await page.getByLabel(t('relays.page.port'), { exact: true }).fill(new URL(sink.url).port);
  await page.locator('input[name="tls"][value="none"]').check();
  await fillLogin('wrong');
  await press(t('common.save'));
  await expectText(page, t('relays.flash.added', { name: NAME }));
  await expectText(page, t('relays.condition.unused'));
  await press(t('installation.test.submit'));
  await expectText(page, t('relays.faults.login'));
});

test('enters it again, and the server takes the test letter', async () => {
  const { page, t } = visitor;
  await follow(NAME);
  await follow(t('common.edit'));
  await fillLogin(LOGIN.pass);
  await press(t('common.save'));
  await expectText(page, t('relays.flash.changed'));
  await press(t('installation.test.submit'));
  await expectText(page, t('relays.test.accepted', { to: 'vera@example.org' }));
  expect(sink.accepted).toMatchObject([{ to: 'vera@example.org' }]);
  expect(await page.content()).not.toContain(LOGIN.pass);
});

test('slows the letters to one domain, and takes the limit away again', async () => {
  const { page, t } = visitor;
  await page.goto('/oversight/relays');
  await page.getByLabel(t('relays.domains.domain'), { exact: true }).fill('gmail.com');
  await page.getByLabel(t('relays.domains.letters')).fill('100');
  await press(t('relays.domains.submit'));
  await expectText(page, 'не больше 100 писем в минуту');
  await page.getByRole('link', { name: t('relays.domains.removeOf', { domain: 'gmail.com' }) }).click();
  await press(t('relays.removal.submit'));
  await expectText(page, t('relays.domains.none'));
});

test('is told what becomes of mailings before the last server is switched off', async () => {
  const { page, t } = visitor;
  await expectText(page, t('common.inboxBanner.systemLetters'));
  await follow(NAME);
  await follow(t('relays.page.switchOff'));
  await expectText(page, t('relays.last.inbox'));
  await press(t('relays.switchingOff.submit'));
  await expectText(page, t('relays.states.off'));
  await expectText(page, t('common.inboxBanner.forAdministrators'));
});

test('every page of it is accessible, in light and in dark, and fits a phone', async () => {
  const { page } = await openVisitor(browser, vestnik);
  await page.context().addCookies((await visitor.page.context().storageState()).cookies);
  await page.goto(visitor.page.url());
  const path = new URL(page.url()).pathname;
  for (const place of [path, `${path}/edit`, `${path}/deletion`, '/oversight/relays', '/oversight/relays/new']) {
    await page.goto(place);
    expect(await page.locator('h1').count()).toBe(1);
    await inspectPage(page);
  }
});
