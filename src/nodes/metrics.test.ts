import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { closeDatabase, openDatabase } from '../lib/database.js';
import { openLog } from '../lib/log.js';
import { Activity } from './activity.js';
import { createMetricsWeb } from './metrics-routes.js';
import { openMetrics } from './metrics.js';
import { saveBeat } from './nodes-store.js';

const TOKEN = 'a-token-of-the-tests';

let database: TestDatabase;
let activity: Activity;
let site: TestSite;

beforeAll(async () => {
  database = await createTestDatabase();
  activity = new Activity();
  site = openTestSite(database.db, { metrics: openWith(database.db) });
});
afterAll(() => database.close());

function openWith(db: TestDatabase['db']) {
  return openMetrics({ db, log: openLog('silent'), activity, token: TOKEN });
}

async function read(web: { request: TestSite['web']['request'] } = site.web): Promise<string> {
  const response = await web.request('/metrics', { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

/** The samples of one metric, by their labels as they are written. */
function samplesOf(text: string, name: string): Record<string, number> {
  const lines = text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm);
  return Object.fromEntries(
    [...lines].filter(([, of]) => of === name).map(([, , labels = '', n]) => [labels, Number(n)]),
  );
}

test('tells what this process has sent and sends now', async () => {
  activity.record({ accepted: 40, deferred: 2 });
  activity.record({ accepted: 2, inDoubt: 1 });
  activity.watch({ onTheWire: () => 16, connections: () => 4, mailings: () => [3, 5] });
  for (const text of [await read(), await read()]) {
    expect(samplesOf(text, 'vestnik_letters_total')).toEqual({
      'outcome="accepted"': 42,
      'outcome="deferred"': 2,
      'outcome="rejected"': 0,
      'outcome="in_doubt"': 1,
    });
    expect(samplesOf(text, 'vestnik_letters_on_the_wire')).toEqual({ '': 16 });
    expect(samplesOf(text, 'vestnik_smtp_connections')).toEqual({ '': 4 });
    expect(samplesOf(text, 'vestnik_mailings_sending')).toEqual({ '': 2 });
    expect(samplesOf(text, 'process_resident_memory_bytes')['']).toBeGreaterThan(1e6);
  }
});

test('tells the state of the installation', async () => {
  const { db } = database;
  const mailing = await addMailing(db, await addUser(db));
  await sql`update mailings set status = 'running', started_at = now() where id = ${mailing}`.execute(db);
  await sql`insert into mailing_counters (mailing_id, audience, waiting, accepted) values (${mailing}, 10, 7, 3)`.execute(
    db,
  );
  await sql`insert into relay_states (key, fault, fault_count, paused_until)
    values ('1', '421 later', 1, now() + interval '1 minute'), ('2', null, 0, null)`.execute(db);
  const beat = { version: '1', secretDigest: 'x', uptimeMs: 0, activity: { memoryBytes: 1 } };
  await saveBeat(db, { ...beat, name: 'both', roles: ['web', 'worker'] });
  await saveBeat(db, { ...beat, name: 'worker', roles: ['worker'] });
  await saveBeat(db, { ...beat, name: 'gone', roles: ['worker'] });
  await sql`update nodes set seen_at = now() - interval '1 minute' where name = 'gone'`.execute(db);
  const text = await read();
  expect(samplesOf(text, 'vestnik_deliveries_waiting')).toEqual({ '': 7 });
  expect(samplesOf(text, 'vestnik_mailings_running')).toEqual({ '': 1 });
  expect(samplesOf(text, 'vestnik_nodes_alive')).toEqual({ 'role="web"': 1, 'role="worker"': 2 });
  expect(samplesOf(text, 'vestnik_relay_resting')).toEqual({ 'relay="1"': 1, 'relay="2"': 0 });
  expect(samplesOf(text, 'vestnik_database_up')).toEqual({ '': 1 });
});

test('without the database tells of this process alone, and never zero for what it does not know', async () => {
  const away = openDatabase({ connectionString: 'postgresql://nobody@127.0.0.1:1/nowhere' });
  try {
    const text = await read(createMetricsWeb(openWith(away)));
    expect(samplesOf(text, 'vestnik_database_up')).toEqual({ '': 0 });
    for (const name of ['deliveries_waiting', 'mailings_running', 'nodes_alive', 'relay_resting'])
      expect(samplesOf(text, `vestnik_${name}`)).toEqual({});
    expect(samplesOf(text, 'vestnik_letters_total')['outcome="accepted"']).toBe(42);
  } finally {
    await closeDatabase(away);
  }
});

test('times requests by the pattern of their route, whatever the path', async () => {
  const cookie = await site.signIn('manager');
  for (const path of ['/mailings/900001', '/mailings/900002', '/oversight/nodes', '/nowhere/1', '/nowhere/2'])
    await site.web.request(path, { headers: { cookie } });
  const text = await read();
  const counts = samplesOf(text, 'vestnik_http_request_duration_seconds_count');
  expect(counts['method="GET",route="/mailings/:id",status="404"']).toBe(2);
  expect(counts['method="GET",route="/oversight/nodes",status="200"']).toBe(1);
  expect(text).not.toMatch(/route="[^"]*(?:90000|nowhere)/);
});

test('one application’s metrics know nothing of another’s', async () => {
  const other = createMetricsWeb(openWith(database.db));
  expect(samplesOf(await read(other), 'vestnik_http_request_duration_seconds_count')).toEqual({});
});

test.each([
  ['no token', undefined],
  ['a wrong token', 'Bearer another-token-of-tests'],
  ['the beginning of the token', `Bearer ${TOKEN.slice(0, -1)}`],
  ['the token and more', `Bearer ${TOKEN}x`],
  ['another scheme', `Basic ${TOKEN}`],
  ['nothing but the scheme', 'Bearer '],
])('who shows %s learns nothing', async (_what, authorization) => {
  for (const web of [site.web, createMetricsWeb(openWith(database.db))]) {
    const response = await web.request('/metrics', authorization === undefined ? {} : { headers: { authorization } });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.text()).toBe('Unauthorized');
  }
});

test('without the setting there are no metrics, even for an administrator', async () => {
  const { web, signIn } = openTestSite(database.db);
  const headers = { cookie: await signIn('administrator'), authorization: 'Bearer undefined' };
  expect((await web.request('/metrics', { headers })).status).toBe(404);
  const bare = createMetricsWeb(undefined);
  expect((await bare.request('/metrics', { headers })).status).toBe(404);
  expect((await bare.request('/healthz')).status).toBe(200);
});
