import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser, setBlocked } from '../../test/support/fixtures.js';
import { clearRelayFault, saveRelayFault } from '../delivery/relay-store.js';
import { systemClock } from '../lib/clock.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { alertAdministrators } from './alert-administrators.js';

let database: TestDatabase;
let letters: SystemLetter[];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  const { db } = database;
  letters = [];
  await sql`truncate relays, relay_states`.execute(db);
  await db.deleteFrom('users').execute();
  await addUser(db, { role: 'administrator', email: 'anna@example.com' });
  const boris = await addUser(db, { role: 'administrator', email: 'boris@example.com' });
  await db.updateTable('users').set({ locale: 'ru' }).where('id', '=', boris).execute();
  await addUser(db, { role: 'manager', email: 'manager@example.com' });
  await setBlocked(db, await addUser(db, { role: 'administrator', email: 'blocked@example.com' }), true);
});

const deps = () => ({
  db: database.db,
  letters: { send: (letter: SystemLetter) => Promise.resolve(void letters.push(letter)) },
  clock: systemClock,
  baseUrl: 'http://localhost:3000',
  defaultLocale: 'en' as const,
});

async function addRelay(name: string, isEnabled = true): Promise<string> {
  const row = await database.db
    .insertInto('relays')
    .values({ name, host: 'mail.example.com', port: 25, tls: 'none', is_enabled: isEnabled })
    .returning('id')
    .executeTakeFirstOrThrow();
  return String(row.id);
}

async function fail(key: string, minutes: number): Promise<void> {
  await saveRelayFault(database.db, key, '535 5.7.8 wrong', 60_000);
  await sql`update relay_states set failing_since = now() - make_interval(mins => ${minutes}) where key = ${key}`.execute(
    database.db,
  );
}

const addressees = () => letters.map(({ to }) => to).toSorted();

test('writes to every administrator in their language when a server has failed for ten minutes', async () => {
  const key = await addRelay('Main');
  await fail(key, 9);
  expect(await alertAdministrators(deps())).toBe(0);
  await fail(key, 10);
  expect(await alertAdministrators(deps())).toBe(1);
  expect(addressees()).toEqual(['anna@example.com', 'boris@example.com']);
  const [english, russian] = letters;
  expect(english?.text).toMatch(/mail server “Main”.*535 5\.7\.8 wrong/s);
  expect(english?.text).toContain(`http://localhost:3000/oversight/relays/${key}`);
  expect(russian?.subject).toBe('Почтовый сервер не принимает письма');
});

test('writes once an outage, whoever asks and however often, and again at the next', async () => {
  const key = await addRelay('Main');
  await fail(key, 10);
  const counts = await Promise.all(Array.from({ length: 5 }, () => alertAdministrators(deps())));
  expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 0, 1]);
  await fail(key, 30);
  expect(await alertAdministrators(deps())).toBe(0);
  expect(letters).toHaveLength(2);
  await clearRelayFault(database.db, key);
  await fail(key, 10);
  expect(await alertAdministrators(deps())).toBe(1);
  expect(letters).toHaveLength(4);
});

test('takes a fault after an hour in which nothing was tried for another outage', async () => {
  const key = await addRelay('Main');
  await fail(key, 600);
  await alertAdministrators(deps());
  await sql`update relay_states set paused_until = now() - interval '61 minutes'`.execute(database.db);
  expect(await alertAdministrators(deps())).toBe(0);
  await saveRelayFault(database.db, key, '421 again', 60_000);
  expect(await alertAdministrators(deps())).toBe(0);
  await fail(key, 11);
  expect(await alertAdministrators(deps())).toBe(1);
});

test('keeps the begin of an outage while its faults go on', async () => {
  const key = await addRelay('Main');
  await fail(key, 12);
  await saveRelayFault(database.db, key, '421 again', 5000);
  expect(await alertAdministrators(deps())).toBe(1);
  expect(letters[0]?.text).toContain('421 again');
});

test('keeps quiet about what is not in use, and about SMTP_URL while a server is on', async () => {
  const off = await addRelay('Off', false);
  await fail(off, 20);
  await fail('smtp_url', 20);
  await addRelay('On');
  expect(await alertAdministrators(deps())).toBe(0);
  await sql`update relays set is_enabled = false`.execute(database.db);
  expect(await alertAdministrators(deps())).toBe(1);
  expect(letters[0]?.text).toContain('The server of SMTP_URL');
});

test('marks nothing where the letters cannot be queued', async () => {
  await fail(await addRelay('Main'), 20);
  const broken = { ...deps(), letters: { send: () => Promise.reject(new Error('away')) } };
  await expect(alertAdministrators(broken)).rejects.toThrow('away');
  expect(await alertAdministrators(deps())).toBe(1);
});
