import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Locale } from '../../src/lib/i18n.js';
import { openBrowser } from '../support/browser.js';
import { showCode } from '../support/totp.js';
import { startVestnik } from '../support/vestnik-process.js';
import {
  becomeAdministrator,
  expectHeading,
  expectText,
  inspectPage,
  openVisitor,
  PASSWORD,
  type Person,
  type Visitor,
} from './steps.js';

const PERSON: Person = { name: 'Вера Павловна', email: 'vera@example.org' };

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test.each<Locale>(['ru', 'en'])('the second factor and the sessions, in %s', { timeout: 120_000 }, async (locale) => {
  await using vestnik = await startVestnik();
  const visitor = await openVisitor(browser, vestnik, { locale });
  await becomeAdministrator(visitor, vestnik, PERSON);

  const key = await turnOn(visitor);
  const other = await openVisitor(browser, vestnik, { locale });
  await signInWithCode(other, key);

  await visitor.page.goto('/settings/sessions');
  await expectText(visitor.page, visitor.t('security.sessions.current'));
  expect(await visitor.page.locator('.session').count()).toBe(2);
  await inspectPage(visitor.page);
  await press(visitor, visitor.t('security.sessions.endOthers'));
  await expectText(visitor.page, visitor.t('security.sessions.onlyThis'));
  await other.page.goto('/settings');
  await expectHeading(other.page, other.t('accounts.signIn.title'));
});

async function turnOn(visitor: Visitor): Promise<string> {
  const { page, t } = visitor;
  await page.goto('/settings/second-factor');
  await inspectPage(page);
  await page.getByLabel(t('accounts.fields.currentPassword')).fill(PASSWORD);
  await press(visitor, t('security.secondFactor.begin'));
  await page.getByRole('img', { name: t('security.secondFactor.picture') }).waitFor();
  await inspectPage(page);
  const key = ((await page.locator('.second-factor-key').textContent()) ?? '').replaceAll(' ', '');
  await page.getByLabel(t('security.secondFactor.code')).fill(showCode(key));
  await press(visitor, t('security.secondFactor.confirm'));
  await expectText(page, t('security.secondFactor.codesText'));
  expect(await page.locator('.recovery-codes li').count()).toBe(10);
  await inspectPage(page);
  await page.getByRole('link', { name: t('security.secondFactor.codesDone') }).click();
  await expectText(page, t('security.secondFactor.on'));
  await inspectPage(page);
  return key;
}

async function signInWithCode(visitor: Visitor, key: string) {
  const { page, t } = visitor;
  await page.goto('/sign-in');
  await page.getByLabel(t('accounts.fields.email')).fill(PERSON.email);
  await page.getByLabel(t('accounts.fields.password')).fill(PASSWORD);
  await page.getByLabel(t('security.signIn.remember')).check();
  await press(visitor, t('accounts.signIn.submit'));
  await expectHeading(page, t('security.code.title'));
  await inspectPage(page);
  await page.getByLabel(t('security.code.label'), { exact: true }).fill('000000');
  await press(visitor, t('security.code.submit'));
  await expectText(page, t('common.faults.codeWrong'));
  await page.getByLabel(t('security.code.label'), { exact: true }).fill(showCode(key));
  await press(visitor, t('security.code.submit'));
  await page.getByRole('navigation', { name: t('common.mainNavigation') }).waitFor();
}

async function press({ page }: Visitor, name: string) {
  await page.getByRole('button', { name, exact: true }).click();
}
