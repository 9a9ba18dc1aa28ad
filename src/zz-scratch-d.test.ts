import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../test/support/database.js';
import { eventually } from '../test/support/eventually.js';
import { addRecipients, addUser } from '../test/support/fixtures.js';
import { silentLog } from '../test/support/sending.js';
import { openTestSite } from '../test/support/test-site.js';
import { prepareErasures, queueErasures, workErasures } from './accounts/erase-account.js';
import { markLeaving } from './accounts/own-account-store.js';
import { closeJobs, openJobs } from './lib/jobs.js';
import { prepareSystemLetters } from './lib/system-mail.js';

test('memory', { timeout: 200_000 }, async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  await sql`drop index recipients_search_idx`.execute(db);
  const { web, cookieOf } = openTestSite(db);
  const user = await addUser(db);
  await addRecipients(db, user, 400_000);
  const server = createAdaptorServer({ fetch: web.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.gc?.();
  const before = process.memoryUsage();
  let max = 0; let bytes = 0; const begun = performance.now();
  const answer = await fetch(`${base}/settings/data/export`, { method: 'POST', headers: { cookie: await cookieOf(user), 'sec-fetch-site': 'same-origin', 'accept-encoding': 'identity' } });
  for await (const chunk of answer.body!) { bytes += chunk.length; max = Math.max(max, process.memoryUsage().rss); }
  console.log('EXPORT', { status: answer.status, MB: bytes / 1e6, seconds: (performance.now() - begun) / 1000, rssBeforeMB: before.rss / 1e6, maxMB: max / 1e6 });
  // an abandoned download
  const abort = new AbortController();
  const cut = await fetch(`${base}/settings/data/export`, { method: 'POST', signal: abort.signal, headers: { cookie: await cookieOf(user), 'sec-fetch-site': 'same-origin' } });
  await cut.body!.getReader().read();
  abort.abort();
  await eventually('no query runs', async () => {
    const { rows } = await sql<{ n: number }>`select count(*)::int n from pg_stat_activity where datname = current_database() and state = 'active' and query like '%recipients%' and pid <> pg_backend_pid()`.execute(db);
    return rows[0]!.n === 0;
  });
  await new Promise((resolve) => server.close(resolve));
});

test('a job whose process was killed is taken over', { timeout: 150_000 }, async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  const jobs = await openJobs(database.connection, { log: silentLog, works: true });
  await prepareSystemLetters(jobs);
  await prepareErasures(jobs);
  const user = await addUser(db, { email: 'anna@example.com' });
  await addRecipients(db, user, 50);
  await db.transaction().execute(async (trx) => {
    await markLeaving(trx, user, 'anna@example.com');
    await queueErasures(jobs).send({ userId: user, email: 'anna@example.com', locale: 'en' }, trx);
  });
  const [taken] = await jobs.fetch('account-erasures');
  expect(taken).toBeDefined();
  const begun = performance.now();
  await workErasures(jobs, { db, log: silentLog, baseUrl: 'http://x' });
  await eventually('gone', async () => (await db.selectFrom('users').select('id').execute()).length === 0, 120_000);
  console.log('TAKEN OVER AFTER', (performance.now() - begun) / 1000);
  await closeJobs(jobs);
});
