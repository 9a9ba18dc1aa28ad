import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { openBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  findFreePort,
  openDataFolder,
  runCommand,
  runVestnik,
  startVestnik,
  type DataFolder,
  type VestnikProcess,
} from '../support/vestnik-process.js';
import { expectHeading, inspectPage, openVisitor, PASSWORD, signIn, type Visitor } from './steps.js';

const MANAGER = 'olga@example.org';
const SECRET = 'one secret for all the processes';
const METRICS_TOKEN = 'a-token-of-the-tests';

let database: TestDatabase;
let folder: DataFolder;
let environment: Record<string, string>;
let web: VestnikProcess;
let workers: [VestnikProcess, VestnikProcess];
let metricsPort: string;
let browser: Browser;

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  folder = await openDataFolder();
  metricsPort = String(await findFreePort());
  environment = { DATABASE_URL: database.url, DATA_DIR: folder.path, SECRET, METRICS_TOKEN };
  const worker = { ...environment, ROLES: 'worker' };
  web = await startVestnik({ ...environment, ROLES: 'web' });
  workers = await Promise.all([startVestnik({ ...worker, METRICS_PORT: metricsPort }), startVestnik(worker)]);
  browser = await openBrowser();
  const manager = ['create_manager', '--email', MANAGER, '--name', 'Ольга', '--password', PASSWORD];
  const { code, stderr } = await runCommand(manager, environment);
  if (code !== 0) throw new Error(stderr);
}, 90_000);

afterAll(async () => {
  await browser.close();
  for (const one of [web, ...workers]) await one[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await database.close();
});

/** The rows of the living and of those that are gone. */
function tablesOf({ page, t }: Visitor) {
  const rows = (id: string) => page.locator(`table[aria-labelledby="${id}"] tbody tr`);
  return {
    live: rows('live-title'),
    gone: rows('gone-title'),
    expectLive: (count: number) => page.getByRole('heading', { name: t('nodes.live.title', { count }) }).waitFor(),
  };
}

test('a manager sees every process, and by itself the page shows one that was killed as gone', async () => {
  const visitor = await openVisitor(browser, web, { locale: 'ru' });
  const { page, t } = visitor;
  await signIn(visitor, MANAGER);
  await page.goto('/oversight');
  await page.getByRole('link', { name: t('common.oversight.nodes'), exact: true }).click();
  await expectHeading(page, t('nodes.title'));
  const { live, gone, expectLive } = tablesOf(visitor);
  await expectLive(3);
  expect(await live.getByText(t('nodes.roles.worker'), { exact: true }).count()).toBe(2);
  expect(await live.getByText(t('nodes.roles.web'), { exact: true }).count()).toBe(1);
  expect(await gone.count()).toBe(0);
  await inspectPage(page);

  expect(await workers[1].end('SIGKILL')).toBeNull();
  // As if its twenty seconds were over. The living are gone as well until they next say the contrary.
  await sql`update nodes set seen_at = now() - interval '21 seconds'`.execute(database.db);
  await gone.first().waitFor({ timeout: 20_000 });
  await expectLive(2);
  expect(await gone.count()).toBe(1);
  expect(await gone.getByText(t('nodes.roles.worker'), { exact: true }).count()).toBe(1);
  await inspectPage(page);
  await page.context().close();
}, 90_000);

test('without JavaScript the page is the same, and loads itself again', async () => {
  const visitor = await openVisitor(browser, web, { locale: 'en', javaScriptEnabled: false });
  await signIn(visitor, MANAGER);
  await visitor.page.goto('/oversight/nodes');
  await tablesOf(visitor).expectLive(2);
  expect(await visitor.page.locator('noscript meta[http-equiv="refresh"]').count()).toBe(1);
  await visitor.page.context().close();
});

test('metrics are told by a process with pages and by one without, to who has the token', async () => {
  for (const url of [web.url, `http://localhost:${metricsPort}`]) {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const told = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
    expect(told.status).toBe(200);
    const text = await told.text();
    expect(text).toContain('vestnik_nodes_alive{role="worker"} 1\n');
    expect(text).toContain('vestnik_letters_total{outcome="accepted"} ');
  }
  // A process without pages has no pages.
  expect((await fetch(`http://localhost:${metricsPort}/sign-in`)).status).toBe(404);
});

test('a process with another secret is refused in one line', async () => {
  const refused = await runVestnik({
    ...environment,
    ROLES: 'worker',
    SECRET: 'another secret, not that of the others',
  });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr.trimEnd().split('\n'), refused.stderr).toHaveLength(1);
  expect(refused.stderr).toContain('with another SECRET');
  expect(refused.stderr).not.toContain('not that of the others');
});

test('a port for metrics that is taken is named by its setting', async () => {
  const refused = await runVestnik({ ...environment, ROLES: 'worker', METRICS_PORT: metricsPort });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain(`The port ${metricsPort} is taken`);
  expect(refused.stderr).toContain('METRICS_PORT');
});

test('who stops in order signs off', async () => {
  expect(await workers[0].end('SIGTERM')).toBe(0);
  const { rows } = await sql<{
    roles: string[];
  }>`select roles from nodes where seen_at > now() - interval '20 seconds'`.execute(database.db);
  expect(rows).toEqual([{ roles: ['web'] }]);
});
