import type { AddressInfo } from 'node:net';
import { mkdirSync } from 'node:fs';
import { createAdaptorServer } from '@hono/node-server';
import { test } from 'vitest';
import { openBrowser, newPage, expectNoSeriousAxeViolations } from '../../test/support/browser.js';
import { createTestDatabase } from '../../test/support/database.js';
import { openTestSite } from '../../test/support/test-site.js';
import { showCode } from '../../test/support/totp.js';
import { readAssets } from '../ui/assets.js';
import { createUser } from './create-user.js';
test('shots', { timeout: 400000 }, async () => {
  mkdirSync('/tmp/b-shots', { recursive: true });
  const database = await createTestDatabase();
  const probe = createAdaptorServer({ fetch: () => new Response('') });
  await new Promise<void>((r) => probe.listen(0, '127.0.0.1', () => r()));
  const port = (probe.address() as AddressInfo).port;
  await new Promise((r) => probe.close(r));
  const baseUrl = `http://localhost:${port}`;
  const { web } = openTestSite(database.db, { baseUrl, assetsFolder: '/tmp/b-client', assets: readAssets('/tmp/b-client') });
  const server = createAdaptorServer({ fetch: web.fetch });
  await new Promise<void>((r) => server.listen(port, '127.0.0.1', () => r()));
  const browser = await openBrowser();
  try {
    for (const locale of ['ru', 'en'] as const) {
      const email = `vera-${locale}@example.org`;
      await createUser(database.db, { email, name: 'Вера Павловна', password: 'tall pines by the river', role: 'user' });
      const page = await newPage(browser, { baseURL: baseUrl, locale: locale === 'ru' ? 'ru-RU' : 'en-US' });
      const shot = async (name: string) => {
        for (const [scheme, width] of [['light', 1280], ['dark', 390]] as const) {
          await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
          await page.setViewportSize({ width, height: 844 });
          await page.screenshot({ path: `/tmp/b-shots/${locale}-${name}-${scheme}-${width}.png`, fullPage: true });
          await expectNoSeriousAxeViolations(page);
          const wide = await page.evaluate(() => document.scrollingElement?.scrollWidth ?? 0);
          if (wide > width) console.log('WIDE', locale, name, wide);
        }
        await page.setViewportSize({ width: 1280, height: 844 });
      };
      const submit = (form = 'main form.card') => page.locator(`${form} button[type=submit]`).first().click();
      await page.goto('/sign-in');
      await shot('sign-in');
      for (let n = 0; n < 1; n++) {
        await page.fill('#field-email', 'nobody@example.org');
        await page.fill('#field-password', 'x');
        await submit();
        await page.waitForLoadState();
      }
      
      await page.fill('#field-email', email);
      await page.fill('#field-password', 'tall pines by the river');
      await submit();
      await page.waitForURL('**/');
      await page.goto('/settings/second-factor');
      await shot('off');
      await page.fill('#field-begin_password', 'tall pines by the river');
      await submit();
      await page.waitForSelector('.qr-code');
      await shot('key');
      const key = ((await page.locator('.second-factor-key').textContent()) ?? '').replaceAll(' ', '');
      await page.fill('#field-code', '000000');
      await submit();
      await page.waitForSelector('.field-fault');
      await shot('key-wrong');
      await page.fill('#field-code', showCode(key));
      await submit();
      await page.waitForSelector('.recovery-codes');
      await shot('codes');
      await page.goto('/settings/second-factor');
      await shot('on');
      const other = await newPage(browser, { baseURL: baseUrl, locale: locale === 'ru' ? 'ru-RU' : 'en-US', javaScriptEnabled: false });
      await other.goto('/sign-in');
      await other.fill('#field-email', email);
      await other.fill('#field-password', 'tall pines by the river');
      await other.locator('main form.card button[type=submit]').first().click();
      await other.waitForURL('**/sign-in/code');
      await other.setViewportSize({ width: 390, height: 844 });
      await other.screenshot({ path: `/tmp/b-shots/${locale}-code.png` });
      await other.fill('#field-code', showCode(key));
      await other.locator('main form.card button[type=submit]').first().click();
      await other.waitForURL('**/');
      await page.goto('/settings/sessions');
      await shot('sessions');
      await page.context().close();
      await other.context().close();
    }
  } finally {
    await browser.close();
    await new Promise((r) => server.close(r));
    await database.close();
  }
});
