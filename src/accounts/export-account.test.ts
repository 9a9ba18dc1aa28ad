import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { openTestSite } from '../../test/support/test-site.js';
import { writeAccountExport } from './export-account.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

interface Exported {
  exportedAt: string;
  profile: { email: string; role: string };
  recipients: { email: string; name: string; comment: string; attributes: Record<string, string> }[];
  messages: { subject: string; body: string }[];
  mailings: {
    status: string;
    sentSubject: string | null;
    counters: { audience: number; accepted: number } | null;
    chosenRecipients: { email: string }[];
    deliveries: { address: string; state: string; attempts: { outcome: string; reply: string; startedAt: string }[] }[];
  }[];
}

const now = new Date('2026-11-23T22:30:00Z');

async function readExport(userId: number): Promise<Exported> {
  let text = '';
  for await (const chunk of writeAccountExport(database.db, userId, now)) text += chunk;
  return JSON.parse(text) as Exported;
}

/** Two attempts for each recipient of the owner. */
async function addFinishedMailing(ownerId: number): Promise<void> {
  const { db } = database;
  const id = await addMailing(db, ownerId);
  await sql`update mailings set status = 'finished', started_at = now(), finished_at = now() where id = ${id}`.execute(
    db,
  );
  await sql`insert into mailing_contents values (${id}, 'As it was sent', 'Dear!')`.execute(db);
  await sql`insert into deliveries (mailing_id, recipient_id, next_try_at, state, address, name, attributes)
    select ${id}, id, now(), 'accepted', email, name, '{}' from recipients where owner_id = ${ownerId}`.execute(db);
  await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select d.id, ${id}, now(), 5, outcome::attempt_outcome, address, 'mail:25', 'dot', 'said ' || outcome
    from deliveries d, unnest(array['deferred', 'accepted']) outcome where mailing_id = ${id}`.execute(db);
  await sql`insert into mailing_counters (mailing_id, audience, accepted)
    select ${id}, n, n from (select count(*) as n from deliveries where mailing_id = ${id}) counted`.execute(db);
}

test('holds everything of its user, over many batches, and nothing of another', async () => {
  const { db } = database;
  const userId = await addUser(db, { email: 'anna@example.com' });
  const stranger = await addUser(db, { email: 'boris@example.com' });
  for (const owner of [userId, stranger]) {
    const ids = await addRecipients(db, owner, owner === userId ? 1203 : 5);
    await addFinishedMailing(owner);
    await addMailing(db, owner, { chosen: ids.slice(0, 3) });
    for (let n = 0; n < 25; n += 1) await addMessage(db, owner, `Message ${n} of ${owner}`, 'a "quoted" line\n\\ 🎉');
  }
  const exported = await readExport(userId);
  expect(exported.exportedAt).toBe(now.toISOString());
  expect(exported.profile).toMatchObject({ email: 'anna@example.com', role: 'user' });
  expect(new Set(exported.recipients.map(({ email }) => email)).size).toBe(1203);
  expect(exported.recipients[0]).toMatchObject({
    name: expect.stringMatching(/^Recipient /) as string,
    attributes: {},
  });
  expect(exported.messages).toHaveLength(27);
  expect(exported.messages.at(-1)?.body).toBe('a "quoted" line\n\\ 🎉');
  expect(JSON.stringify(exported)).not.toContain(`of ${stranger}"`);
  const [finished, created] = exported.mailings;
  expect(exported.mailings).toHaveLength(2);
  expect(finished).toMatchObject({ status: 'finished', sentSubject: 'As it was sent', counters: { audience: 1203 } });
  expect(finished?.deliveries).toHaveLength(1203);
  for (const { address, attempts } of finished?.deliveries ?? []) {
    expect(address).toMatch(/^r\d+@example\.com$/);
    expect(attempts.map(({ outcome, reply }) => [outcome, reply])).toEqual([
      ['deferred', 'said deferred'],
      ['accepted', 'said accepted'],
    ]);
  }
  expect(created?.chosenRecipients).toHaveLength(3);
  expect(created).toMatchObject({ status: 'created', sentSubject: null, counters: null, deliveries: [] });
});

test('of who has nothing yet is a whole document', async () => {
  const userId = await addUser(database.db);
  expect(await readExport(userId)).toMatchObject({ recipients: [], messages: [], mailings: [] });
});

test('reads on only as fast as it is taken, and stops when nobody takes more', async () => {
  const { db } = database;
  const userId = await addUser(db);
  await addRecipients(db, userId, 3000);
  const chunks = writeAccountExport(db, userId, now);
  let taken = 0;
  for await (const chunk of chunks) {
    taken += chunk.length;
    if (taken > 1000) break;
  }
  expect(taken).toBeLessThan(200_000);
  expect(await chunks.next()).toEqual({ done: true, value: undefined });
});

test('comes as a file of its day that nobody keeps, and is written into the log', async () => {
  const { db } = database;
  const { web, cookieOf } = openTestSite(db);
  const userId = await addUser(db, { email: 'clara@example.com' });
  await db.updateTable('users').set({ time_zone: 'Asia/Tokyo' }).where('id', '=', userId).execute();
  await addRecipients(db, userId, 700);
  const headers = { cookie: await cookieOf(userId), 'sec-fetch-site': 'same-origin', 'accept-encoding': 'gzip' };
  const answer = await web.request('/settings/data/export', { method: 'POST', headers });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('private, no-store');
  const today = Temporal.Now.plainDateISO('Asia/Tokyo').toString();
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="vestnik-${today}.json"`);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const gzipped = answer.headers.get('content-encoding') === 'gzip';
  const body = gzipped ? answer.body?.pipeThrough(new DecompressionStream('gzip')) : answer.body;
  const exported = JSON.parse(await new Response(body).text()) as Exported;
  expect(exported.recipients).toHaveLength(700);
  const entries = await db.selectFrom('audit_entries').selectAll().where('actor_id', '=', userId).execute();
  expect(entries).toMatchObject([{ action: 'account.exported', actor: 'clara@example.com', owner_id: userId }]);
});
