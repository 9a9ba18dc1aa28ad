import { sql } from 'kysely';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';

import { createTestDatabase, runAsAdmin, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { openLog } from '../lib/log.js';
import { Activity } from './activity.js';
import { nameNode, startHeartbeat, type Heartbeat, type HeartbeatStart } from './heartbeat.js';
import { countLiveWorkers, listNodes, saveBeat } from './nodes-store.js';

const SECRET = 'a secret of the tests, long enough';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.close());

type Options = Partial<Parameters<typeof startHeartbeat>[1]>;

function start(options: Options = {}): Promise<HeartbeatStart> {
  const defaults = { name: nameNode(), roles: ['worker'] as const, secret: SECRET, activity: new Activity() };
  return startHeartbeat(database.db, { ...defaults, log: openLog('silent'), everyMs: 10, ...options });
}

/** Stopped at the end, before the database is closed. */
async function open(options: Options = {}): Promise<Heartbeat> {
  const started = await start(options);
  if (!started.ok) throw new Error(`refused: ${started.fault.code}`);
  onTestFinished(() => started.heartbeat.stop());
  return started.heartbeat;
}

/** As if the process had said nothing for so long. */
async function age(name: string, interval: string): Promise<void> {
  await sql`update nodes set seen_at = now() - ${interval}::interval where name = ${name}`.execute(database.db);
}

const beatOf = (name: string) => ({
  name,
  roles: ['worker'] as const,
  version: '1',
  secretDigest: 'x',
  uptimeMs: 0,
  activity: { memoryBytes: 1 },
});

test('a process tells of itself as soon as it starts, and goes on telling', async () => {
  const activity = new Activity();
  activity.watch({ onTheWire: () => 5, connections: () => 2, mailings: () => [7] });
  await open({ name: 'one', activity });
  const [first] = await listNodes(database.db);
  expect(first).toMatchObject({ name: 'one', roles: ['worker'], isAlive: true });
  expect(first?.version).toMatch(/^\d+\.\d+\.\d+/);
  expect(first?.activity?.memoryBytes).toBeGreaterThan(1e6);
  expect(first?.activity?.sending).toMatchObject({ onTheWire: 5, connections: 2, mailings: [7] });

  activity.record({ accepted: 12, inDoubt: 1 });
  await eventually('the next beat tells what was sent since', async () => {
    const [node] = await listNodes(database.db);
    return node?.activity?.sending?.outcomes.accepted === 12 && node.startedAt.getTime() === first?.startedAt.getTime();
  });
});

test('one that only serves pages tells nothing of sending', async () => {
  await open({ roles: ['web'] });
  const [node] = await listNodes(database.db);
  expect(node?.activity?.sending).toBeUndefined();
  expect(await countLiveWorkers(database.db)).toBe(0);
});

test('a stop in order takes the row away, and no later beat brings it back', async () => {
  const heartbeat = await open({ everyMs: 1 });
  await heartbeat.stop();
  expect(await listNodes(database.db)).toEqual([]);
  // A beat that was still under way would have to come before this one.
  await saveBeat(database.db, beatOf('other'));
  expect((await listNodes(database.db)).map(({ name }) => name)).toEqual(['other']);
});

test('one that is not seen for 20 seconds is gone, and after a day forgotten', async () => {
  for (const name of ['alive', 'slow', 'gone', 'forgotten']) await saveBeat(database.db, beatOf(name));
  await age('slow', '19 seconds');
  await age('gone', '21 seconds');
  await age('forgotten', '25 hours');
  expect(await countLiveWorkers(database.db)).toBe(2);
  await saveBeat(database.db, beatOf('alive'));
  const nodes = await listNodes(database.db);
  expect(nodes.map(({ name, isAlive }) => [name, isAlive])).toEqual([
    ['alive', true],
    ['slow', true],
    ['gone', false],
  ]);
});

test('one that slept through its day comes back with the start it had', async () => {
  await saveBeat(database.db, { ...beatOf('sleeper'), uptimeMs: 0 });
  await age('sleeper', '2 days');
  await saveBeat(database.db, beatOf('other'));
  await saveBeat(database.db, { ...beatOf('sleeper'), uptimeMs: 3_600_000 });
  const sleeper = (await listNodes(database.db)).find(({ name }) => name === 'sleeper');
  expect(Date.now() - (sleeper?.startedAt.getTime() ?? 0)).toBeGreaterThan(3_590_000);
});

test('an absence of the database is survived', async () => {
  await open({ name: 'survivor' });
  await age('survivor', '1 hour');
  await runAsAdmin((admin) =>
    admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      database.connection.database,
    ]),
  );
  const seen = await eventually('it is seen again', async () => {
    const [node] = await listNodes(database.db).catch(() => []);
    return node?.isAlive && node;
  });
  expect(seen.name).toBe('survivor');
});

test('what another version of the program tells, and this one cannot read, is left out', async () => {
  await saveBeat(database.db, beatOf('newer'));
  await sql`update nodes set activity = '{"memoryBytes": "much", "sending": {"mailings": "all"}}'`.execute(database.db);
  expect(await listNodes(database.db)).toMatchObject([{ name: 'newer', isAlive: true, activity: undefined }]);
});

test('a process with another secret is refused while others are alive, and leaves no trace', async () => {
  await open({ name: 'first' });
  const other = { secret: 'another secret, just as long as the first' };
  expect(await start(other)).toEqual({ ok: false, fault: { code: 'other_secret', node: 'first' } });
  expect((await listNodes(database.db)).map(({ name }) => name)).toEqual(['first']);
  await open({ name: 'second' });
});

test('the secret can be changed when all have stopped, or were killed some time ago', async () => {
  await saveBeat(database.db, beatOf('killed'));
  expect(await start()).toMatchObject({ ok: false });
  await age('killed', '21 seconds');
  await open();
});

test('two with different secrets that start at once never both stay', async () => {
  const starts = await Promise.all([start({ name: 'a' }), start({ name: 'b', secret: `${SECRET}!` })]);
  const started = starts.filter((one) => one.ok);
  for (const { heartbeat } of started) onTestFinished(() => heartbeat.stop());
  expect(started.length).toBeLessThanOrEqual(1);
});

test('names are never the same', () => {
  expect(new Set(Array.from({ length: 100 }, nameNode)).size).toBe(100);
});
