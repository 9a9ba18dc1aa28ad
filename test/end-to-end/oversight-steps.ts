import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { expectHeading, expectText, type Person, type Visitor } from './steps.js';

/* What managers and administrators do, one function a step. */

export async function press({ page }: Visitor, name: string) {
  await page.getByRole('main').getByRole('button', { name, exact: true }).click();
}

/** The first link of that name in what the page is about. */
export async function follow({ page }: Visitor, name: string) {
  await page.getByRole('main').getByRole('link', { name, exact: true }).first().click();
}

/** By the tabs, from wherever under the oversight the visitor is. */
export async function openTab({ page, t }: Visitor, tab: string, heading: string) {
  if (!page.url().includes('/oversight')) await page.goto('/oversight');
  const tabs = page.getByRole('navigation', { name: t('common.places.oversight'), exact: true });
  await tabs.locator(`a[href="/oversight/${tab}"]`).click();
  await expectHeading(page, heading);
}

/** From the list of users, by a search. */
export async function openUser(visitor: Visitor, { name, email }: Person) {
  const { page, t } = visitor;
  await page.getByLabel(t('users.list.search')).fill(email);
  await press(visitor, t('common.list.find'));
  await page.waitForURL(/[?&]q=/);
  await follow(visitor, email);
  await expectHeading(page, name);
}

/** On a list of everybody's things; `hidden` is in a row of somebody else's. */
export async function narrowToOwner(visitor: Visitor, { email }: Person, hidden: string) {
  const { page, t } = visitor;
  await page.getByLabel(t('common.oversight.ownerFilter')).fill(email);
  await press(visitor, t('common.list.find'));
  await page.locator('.chosen-owner').getByText(email).waitFor();
  expect(await page.getByRole('table').getByText(hidden).count()).toBe(0);
}

/** The page says whose it is, has its place under the oversight, and offers nothing that would change it. */
export async function expectReadOnly({ page, t }: Visitor, owner: Person) {
  await expectText(page, t('common.oversight.readOnly'));
  await page.locator('.owner-notice').getByRole('link', { name: owner.name, exact: true }).waitFor();
  const place = page.getByRole('navigation', { name: t('common.mainNavigation') }).locator('[aria-current="page"]');
  expect((await place.textContent())?.trim()).toBe(t('common.places.oversight'));
  expect(await page.locator('main form[method="post"]').count()).toBe(0);
  const changing = ['edit', 'deletion', 'stop', 'audience'].map((end) => `main a[href$="/${end}"]`);
  expect(await page.locator(changing.join()).count()).toBe(0);
}

/** What no button of theirs sends, with their own session. */
export async function expectRefusedByHand({ page }: Visitor, ...paths: string[]) {
  const headers = { origin: new URL(page.url()).origin };
  for (const path of paths) {
    const form = { reason: 'x', role: 'user', registration: 'open' };
    const response = await page.request.post(path, { form, headers, maxRedirects: 0 });
    expect(response.status(), path).toBe(403);
  }
}

/** On a form that asks for it. */
export async function giveReason({ page, t }: Visitor, reason: string) {
  await page.getByLabel(t('mailings.disabling.reason'), { exact: true }).fill(reason);
}

/** After how many seconds nothing left any more, and how many letters had by then; the page comes to know it by itself. */
export async function readHalt(page: Page, pattern: RegExp): Promise<{ seconds: number; left: number }> {
  const line = page.locator('main .notice-danger p').filter({ hasText: pattern });
  await line.waitFor({ timeout: 20_000 });
  const [, seconds = '0', left = ''] = pattern.exec((await line.textContent()) ?? '') ?? [];
  return { seconds: Number(seconds.replace(',', '.')), left: Number(left) };
}

/** The lines of the file that the button brings. */
export async function exportLog(visitor: Visitor): Promise<string[]> {
  const downloading = visitor.page.waitForEvent('download');
  await press(visitor, visitor.t('audit.export'));
  const file = await downloading;
  expect(file.suggestedFilename()).toMatch(/^vestnik-log-\d{4}-\d\d-\d\d\.csv$/);
  return (await readFile(await file.path(), 'utf8')).trimEnd().split('\r\n');
}
