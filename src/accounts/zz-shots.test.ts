import { BlockList, type AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { it, expect } from 'vitest';
import { openBrowser, newPage, expectNoSeriousAxeViolations } from '../../test/support/browser.js';
import { createTestDatabase } from '../../test/support/database.js';
import { systemClock } from '../lib/clock.js';
import { openLog } from '../lib/log.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { readAssets } from '../ui/assets.js';
import { createWeb } from '../web.js';
import { createAuth } from './auth.js';
import { createUser } from './create-user.js';
import { changeRegistration } from './installation-store.js';
import { inviteUser } from './invite-user.js';

it('shoots', { timeout: 300_000 }, async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const letters: SystemLetter[] = [];
  const baseUrl = 'http://localhost:3999';
  const auth = createAuth({ db, secret: 'a secret of the tests, long enough', baseUrl, letters: { send: async (l) => void letters.push(l) } });
  const server = createAdaptorServer({ fetch: (r: Request) => web.fetch(r) });
  await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const web = createWeb({ db, clock: systemClock, log: openLog('error'), auth, baseUrl: base, assets: readAssets('dist/client'), assetsFolder: 'dist/client', trustedProxies: new BlockList(), defaultLocale: 'ru', lettersStayHere: true, ...({ erasures: { queue: async () => {} }, mail: { url: 'smtp://127.0.0.1:1', mailFrom: 'v@example.com', from: 'v@example.com' } } as object) } as never);
  const browser = await openBrowser();
  const path = (to: string) => /http:\/\/localhost:3999(\/\S+)/.exec(letters.findLast((l) => l.to === to)?.text ?? '')?.[1] ?? '';
  await createUser(db, { email: 'anna@example.com', name: 'Anna', password: 'seven green boats', role: 'user' });
  const boss = { userId: null, name: 'boss@example.com', address: '', userAgent: '' };
  await inviteUser(auth, boss, { email: 'nina@example.com', role: 'manager', locale: 'ru' });
  const problems: string[] = [];
  for (const [locale, scheme, width] of [['ru-RU', 'light', 1280], ['ru-RU', 'dark', 390], ['en-US', 'light', 390]] as const) {
    const page = await newPage(browser, { baseURL: base, locale, colorScheme: scheme, viewport: { width, height: 800 } });
    const shot = async (name: string) => {
      await page.screenshot({ path: `/tmp/shotsA/${name}-${locale.slice(0, 2)}-${scheme}-${width}.png`, fullPage: true });
      const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
      if (wide) problems.push(`${name} ${width} scrolls`);
      await expectNoSeriousAxeViolations(page).catch((e: Error) => problems.push(`${name}: ${e.message.slice(0, 300)}`));
    };
    await db.transaction().execute((trx) => changeRegistration(trx, 'invitation'));
    await page.goto('/sign-up'); await shot('by-invitation');
    await db.transaction().execute((trx) => changeRegistration(trx, 'open'));
    await page.goto('/sign-up'); await shot('sign-up');
    await page.goto('/confirmation?token=x'); await shot('confirmation-mangled');
    await page.goto('/recovery/new?token=x'); await shot('recovery-unknown');
    await page.goto(path('nina@example.com')); await shot('invitation');
    await page.click('button[type=submit].btn-primary'); await shot('invitation-faults');
    await page.goto('/invitation?token=x'); await shot('invitation-unknown');
    await page.goto('/sign-in?next=/settings/security');
    await page.fill('[name=email]', 'anna@example.com'); await page.fill('[name=password]', 'seven green boats'); await page.click('main button[type=submit]');
    await page.waitForURL('**/settings/security'); 
    await page.fill('[name=email]', 'anna@new.example'); await page.fill('[name=email_password]', 'seven green boats');
    await page.click('form[action="/settings/email"] button'); await page.waitForLoadState(); await shot('security');
    await page.goto(path('anna@new.example')); await shot('email-change');
    await page.goto('/email-change?token=x'); await shot('email-change-unknown');
    await page.context().close();
  }
  for (const scheme of ['light', 'dark'] as const) {
    const page = await newPage(browser, { colorScheme: scheme, viewport: { width: 600, height: 500 } });
    const { writeBlocked, writeInvitation } = await import('./account-letters.js');
    for (const [name, letter] of [['blocked', writeBlocked('ru', 'a@example.com', { baseUrl, reason: 'Жалобы получателей:\nтрое просили их не беспокоить.' })], ['invite', writeInvitation('ru', 'a@example.com', { link: `${baseUrl}/invitation?token=${'x'.repeat(43)}`, inviter: 'boss@example.com', role: 'manager' })]] as const) {
      await page.setContent(letter.html);
      await page.screenshot({ path: `/tmp/shotsA/letter-${name}-${scheme}.png` });
    }
  }
  await browser.close();
  server.close(); (server as import('node:http').Server).closeAllConnections();
  console.log(problems.join('\n'));
  expect(problems).toEqual([]);
});
