import { serve } from '@hono/node-server';
import { sql } from 'kysely';
import { test } from 'vitest';
import { expectNoSeriousAxeViolations, newPage, openBrowser } from '../test/support/browser.js';
import { createTestDatabase } from '../test/support/database.js';
import { addMessage, addRecipients, addUser } from '../test/support/fixtures.js';
import { readAssets } from './ui/assets.js';
import { openTestSite } from '../test/support/test-site.js';

test('shots', { timeout: 300_000 }, async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const signer = openTestSite(db, { assets: readAssets('/tmp/f-client'), assetsFolder: '/tmp/f-client', defaultLocale: 'ru', lettersStayHere: false });
  const { web } = signer;
  const server = serve({ fetch: web.fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const port = (server.address() as { port: number }).port;
  const cookie = await signer.signIn('manager');
  const [name = '', value = ''] = [cookie.slice(0, cookie.indexOf('=')), cookie.slice(cookie.indexOf('=') + 1)];
  const browser = await openBrowser();
  const shoot = async (paths: string[], tag: string) => {
    for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]] as const) {
      const page = await newPage(browser, { colorScheme, viewport: { width, height: 900 }, locale: 'ru-RU', baseURL: `http://127.0.0.1:${port}` });
      await page.context().addCookies([{ name, value, domain: '127.0.0.1', path: '/' }]);
      for (const path of paths) {
        if (tag === 'empty' && (colorScheme !== 'light')) continue;
        const response = await page.goto(path);
        if (response?.status() !== 200) console.log(path, response?.status(), await page.content());
        const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        if (wide) console.log('TOO WIDE', path, width);
        try { await expectNoSeriousAxeViolations(page); } catch (error) { console.log(String(error).slice(0, 600)); }
        await page.screenshot({ path: `/tmp/f-shots/${tag}${path.replaceAll(/[^a-z]/g, '_')}-${colorScheme}-${width}.png` , fullPage: width === 1280 });
      }
      await page.context().close();
    }
  };
  const LISTS = ['/oversight', '/oversight/recipients', '/oversight/messages', '/oversight/mailings', '/oversight/attempts'];
  await shoot(LISTS, 'empty');
  const anna = await addUser(db, { email: 'anna.smirnova@example.com' });
  const boris = await addUser(db, { email: 'boris@example.com' });
  await sql`update users set name = 'Анна Смирнова' where id = ${anna}`.execute(db);
  await sql`update users set name = 'Борис Константинович Преображенский' where id = ${boris}`.execute(db);
  const ids = await addRecipients(db, anna, 120);
  await addRecipients(db, boris, 20);
  await sql`update recipients set comment = 'Постоянный покупатель, любит скидки и звонки по утрам, просил не писать в выходные' where id % 3 = 0`.execute(db);
  await addMessage(db, boris, 'Весенняя распродажа: скидки до половины цены на всё, что осталось на складе', 'Здравствуйте, {{ name }}!\n\nУ нас весна.');
  for (let n = 0; n < 5; n += 1) {
    const owner = n % 2 ? anna : boris;
    const { rows } = await sql<{ id: number }>`
      insert into mailings (owner_id, audience, status, first_sending_at, ends_at, started_at, frozen_at, finished_at, disabled_at, disabled_reason)
      values (${owner}, 'all', ${n < 3 ? 'running' : 'finished'}, now() - interval '1 hour' * ${n}, now() + interval '1 day', now(), now(), ${n < 3 ? null : new Date()}, ${n === 1 ? new Date() : null}, ${n === 1 ? 'spam' : null}) returning id`.execute(db);
    const id = rows[0]?.id ?? 0;
    await sql`insert into mailing_contents values (${id}, ${['Новинки недели', 'Весенняя распродажа: скидки до половины цены на всё, что осталось', 'Приглашение', 'Ваш заказ', 'С Новым годом!'][n]}, 'x')`.execute(db);
    await sql`insert into deliveries (mailing_id, next_try_at, state, address, name, attributes, recipient_id)
      select ${id}, now(), 'accepted', email, name, '{}', id from recipients where owner_id = ${owner}`.execute(db);
    await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply, reply_code)
      select id, mailing_id, now(), 12, (array['accepted','accepted','deferred','accepted','rejected','in_doubt'])[1 + id % 6]::attempt_outcome, address, 'smtp.example.com', 'rcpt',
      (array['2.0.0 Ok: queued as 4F2A', '2.0.0 Ok: queued', '4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.com.html', '2.0.0 Ok', '5.1.1 The email account that you tried to reach does not exist', 'Connection closed'])[1 + id % 6], (array[250,250,450,250,550,null])[1 + id % 6] from deliveries where mailing_id = ${id}`.execute(db);
    await sql`insert into mailing_counters (mailing_id, audience, accepted, rejected, in_doubt, waiting, attempts_accepted, attempts_deferred, attempts_rejected, attempts_in_doubt)
      values (${id}, 100123, 80000, 100, 23, 20000, 80000, 1200, 100, 23)`.execute(db);
  }
  void ids;
  await shoot([...LISTS, `/oversight/recipients?owner=${anna}`, '/oversight/mailings?owner=nobody@example.com', '/oversight/attempts?outcome=unsuccessful&owner=boris@example.com', '/oversight/mailings?q=zzz'], 'full');
  await browser.close();
  server.close();
});
