import { hashPassword } from 'better-auth/crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { silentLog } from '../../test/support/sending.js';
import { deleteSomeDeliveries } from '../delivery/all-deliveries-store.js';
import { closeJobs, openJobs, type Jobs } from '../lib/jobs.js';
import { prepareSystemLetters, type SystemLetter } from '../lib/system-mail.js';
import { startDueMailings } from '../mailings/start-mailing.js';
import { deleteAccount } from './delete-account.js';
import { eraseAccount, prepareErasures, queueErasures, workErasures } from './erase-account.js';
import { findUserByEmail } from './user-store.js';

const PASSWORD = 'seven green boats';
const BASE_URL = 'http://localhost:3000';

let database: TestDatabase;
let jobs: Jobs;
let passwordHash: string;

beforeAll(async () => {
  database = await createTestDatabase();
  jobs = await openJobs(database.connection, { log: silentLog, works: true });
  await prepareSystemLetters(jobs);
  await prepareErasures(jobs);
  passwordHash = await hashPassword(PASSWORD);
});
afterAll(async () => {
  await closeJobs(jobs);
  await database.close();
});
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  await database.db.deleteFrom('verifications').execute();
  await sql`delete from pgboss.job`.execute(database.db);
});

/** A user with a password, and a session. */
async function addAccount(email: string, role: 'user' | 'administrator' = 'user'): Promise<number> {
  const { db } = database;
  const id = await addUser(db, { email, role });
  await db
    .insertInto('credentials')
    .values({ user_id: id, account_id: String(id), provider_id: 'credential', password: passwordHash })
    .execute();
  await db
    .insertInto('sessions')
    .values({ user_id: id, token: `token ${id}`, expires_at: inAnHour(), ip_address: null, user_agent: null })
    .execute();
  return id;
}

function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000);
}

/** A mailing that is finished, with a delivery and two attempts for every recipient. */
async function addFinishedMailing(ownerId: number): Promise<number> {
  const { db } = database;
  const id = await addMailing(db, ownerId);
  await sql`update mailings set status = 'finished', started_at = now(), frozen_at = now(), finished_at = now()
    where id = ${id}`.execute(db);
  await sql`insert into mailing_contents select ${id}, 'Hello', 'Dear!'`.execute(db);
  await sql`insert into deliveries (mailing_id, recipient_id, next_try_at, state, address, name, attributes)
    select ${id}, id, now(), 'accepted', email, name, '{}' from recipients where owner_id = ${ownerId}`.execute(db);
  await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, reply)
    select d.id, ${id}, now(), 5, outcome::attempt_outcome, 250, address, 'mail:25', 'dot', 'ok'
    from deliveries d, unnest(array['deferred', 'accepted']) outcome where mailing_id = ${id}`.execute(db);
  await sql`insert into mailing_counters (mailing_id, audience, accepted, attempts_accepted, attempts_deferred)
    select ${id}, n, n, n, n from (select count(*) as n from deliveries where mailing_id = ${id}) counted`.execute(db);
  return id;
}

/** Everything a user can have. */
async function addHoldings(ownerId: number, recipients: number): Promise<void> {
  const { db } = database;
  const ids = await addRecipients(db, ownerId, recipients);
  await addFinishedMailing(ownerId);
  await addMailing(db, ownerId, { chosen: ids.slice(0, 20) });
  await addMessage(db, ownerId);
  await sql`insert into two_factors (user_id, secret, backup_codes) values (${ownerId}, 'x', 'y')`.execute(db);
  await sql`insert into one_time_links (purpose, token_hash, user_id, email, expires_at)
    values ('recovery', ${Buffer.from(String(ownerId))}, ${ownerId}, 'x@example.com', now() + interval '1 hour')`.execute(
    db,
  );
  await sql`insert into verifications (identifier, value, expires_at)
    values ('x', ${String(ownerId)}, now() + interval '1 hour')`.execute(db);
}

/** How many rows there are in each table that keeps something of users; audit_entries and data_versions, whose rows stay, are left out. */
async function countRows(): Promise<Record<string, number>> {
  const { db } = database;
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'
      and table_name not in ('migrations', 'audit_entries', 'installation_settings', 'relays', 'inbox_letters',
        'data_versions')`.execute(db);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(db);
    if (rows[0]?.n) counts[name] = rows[0].n;
  }
  return counts;
}

function request(userId: number, password = PASSWORD) {
  const actor = { userId, name: 'anna@example.com', address: '203.0.113.1', userAgent: 'test' };
  return deleteAccount({ db: database.db, erasures: queueErasures(jobs) }, { userId, password, locale: 'en', actor });
}

async function listQueued(queue: string): Promise<object[]> {
  const { rows } = await sql<{ data: object }>`
    select data from pgboss.job where name = ${queue} and state in ('created', 'retry')`.execute(database.db);
  return rows.map(({ data }) => data);
}

const deps = () => ({ db: database.db, log: silentLog, baseUrl: BASE_URL });
const never = new AbortController().signal;

test('leaves nothing of a user with thousands of recipients and a finished mailing but the log', async () => {
  const { db } = database;
  const stranger = await addAccount('boris@example.com');
  await addHoldings(stranger, 3);
  const before = await countRows();
  const userId = await addAccount('anna@example.com');
  await addHoldings(userId, 3500);
  expect(await request(userId)).toEqual({ ok: true });
  const [erasure] = await listQueued('account-erasures');
  expect(erasure).toEqual({ userId, email: 'anna@example.com', locale: 'en' });
  await eraseAccount(jobs, deps(), { userId, email: 'anna@example.com', locale: 'en' }, never);
  expect(await countRows()).toEqual(before);
  const entries = await db.selectFrom('audit_entries').selectAll().where('owner_id', '=', userId).execute();
  expect(entries).toMatchObject([
    { action: 'account.deleted', actor: 'anna@example.com', subject: 'anna@example.com' },
  ]);
  const [letter] = (await listQueued('system-letters')) as SystemLetter[];
  expect(letter).toMatchObject({ to: 'anna@example.com', subject: 'Your account is deleted', purpose: 'farewell' });
});

test('goes on where it was cut off, and says farewell once', async () => {
  const { db } = database;
  const userId = await addAccount('anna@example.com');
  await addHoldings(userId, 2500);
  await request(userId);
  const erasure = { userId, email: 'anna@example.com', locale: 'en' } as const;
  const cut = new AbortController();
  const running = eraseAccount(jobs, deps(), erasure, cut.signal);
  await eventually('some deliveries are gone', async () => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from deliveries`.execute(db);
    return rows[0]?.n !== 2500;
  });
  cut.abort(new Error('cut off'));
  await expect(running).rejects.toThrow('cut off');
  expect((await countRows())['users']).toBe(1);
  await Promise.all([eraseAccount(jobs, deps(), erasure, never), eraseAccount(jobs, deps(), erasure, never)]);
  await eraseAccount(jobs, deps(), erasure, never);
  expect(await countRows()).toEqual({});
  expect(await listQueued('system-letters')).toHaveLength(1);
  expect(await db.selectFrom('audit_entries').select('id').where('owner_id', '=', userId).execute()).toHaveLength(1);
});

test('lets nobody in from the request on, starts nothing, and frees the address at once', async () => {
  const { db } = database;
  const userId = await addAccount('anna@example.com');
  await addRecipients(db, userId, 2);
  const mailingId = await addMailing(db, userId, { firstSendingAt: new Date(Date.now() - 1000) });
  await request(userId);
  expect(await findUserByEmail(db, 'anna@example.com')).toBeUndefined();
  expect(await countRows()).toMatchObject({ users: 1 });
  expect(await countRows()).not.toMatchObject({ sessions: expect.anything() as number });
  expect(await countRows()).not.toMatchObject({ credentials: expect.anything() as number });
  expect(await startDueMailings(db, new Date())).toBe(0);
  const { status } = await db
    .selectFrom('mailings')
    .select('status')
    .where('id', '=', mailingId)
    .executeTakeFirstOrThrow();
  expect(status).toBe('created');
  const again = await addAccount('anna@example.com');
  await eraseAccount(jobs, deps(), { userId, email: 'anna@example.com', locale: 'en' }, never);
  expect((await findUserByEmail(db, 'anna@example.com'))?.id).toBe(again);
});

test('refuses a wrong password, a running mailing, and the last administrator, and changes nothing then', async () => {
  const { db } = database;
  const userId = await addAccount('anna@example.com', 'administrator');
  const other = await addAccount('boris@example.com');
  await addRecipients(db, userId, 2);
  const running = await addMailing(db, userId);
  const waiting = await addMailing(db, userId);
  expect(await request(userId, 'something else')).toEqual({ ok: false, fault: 'passwordWrong' });
  expect(await request(userId)).toEqual({ ok: false, fault: 'lastAdministrator' });
  await db.updateTable('users').set({ role: 'administrator' }).where('id', '=', other).execute();
  await sql`update mailings set status = 'running', started_at = now() where id = ${running}`.execute(db);
  expect(await request(userId)).toEqual({ ok: false, fault: 'running', count: 1 });
  const mailings = await db.selectFrom('mailings').select(['id', 'disabled_at']).orderBy('id').execute();
  expect(mailings).toEqual([running, waiting].map((id) => ({ id, disabled_at: null })));
  expect((await findUserByEmail(db, 'anna@example.com'))?.role).toBe('administrator');
  expect(await listQueued('account-erasures')).toEqual([]);
  expect(await deleteSomeDeliveries(db, other, running, 10)).toBe(0);
});

test('of two administrators who leave at the same moment one stays', async () => {
  const [one, two] = [
    await addAccount('anna@example.com', 'administrator'),
    await addAccount('boris@example.com', 'administrator'),
  ];
  const results = await Promise.all([request(one), request(two)]);
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  expect(results).toContainEqual({ ok: false, fault: 'lastAdministrator' });
});

test('stops a mailing that a request under way had started, and takes another try after it', async () => {
  const { db } = database;
  const userId = await addAccount('anna@example.com');
  await addRecipients(db, userId, 2);
  await request(userId);
  const id = await addMailing(db, userId);
  await sql`update mailings set status = 'running', started_at = now() where id = ${id}`.execute(db);
  const erasure = { userId, email: 'anna@example.com', locale: 'en' } as const;
  await expect(eraseAccount(jobs, deps(), erasure, never)).rejects.toThrow('1 mailing(s) are still being stopped');
  const { stopped_at: stoppedAt } = await db.selectFrom('mailings').select('stopped_at').executeTakeFirstOrThrow();
  expect(stoppedAt).not.toBeNull();
  await sql`update mailings set status = 'finished', finished_at = now() where id = ${id}`.execute(db);
  await eraseAccount(jobs, deps(), erasure, never);
  expect(await countRows()).toEqual({});
});

test('is done by a worker that finds it in the queue', async () => {
  const userId = await addAccount('anna@example.com');
  await addHoldings(userId, 10);
  await request(userId);
  await workErasures(jobs, deps());
  await eventually('the user is gone', async () => (await countRows())['users'] === undefined);
  expect(await countRows()).toEqual({});
});
