/**
 * An installation in which random things happen, and whose clock can be turned: what pages may show of it now, by a recount of the tables
 * that nobody keeps sums of.
 */
import fc from 'fast-check';
import { sql } from 'kysely';

import { TERMINAL } from '../../src/audit/audit.js';
import { findNewestAttempt } from '../../src/delivery/doubt-store.js';
import type { Entry } from '../../src/delivery/lease-store.js';
import { recordEntries } from '../../src/delivery/lease-store.js';
import { closeWaiting, finishMailing, freezeAudience } from '../../src/delivery/ledger-store.js';
import { closeDatabase, openDatabase, type Database } from '../../src/lib/database.js';
import { belongsTo, type Owners } from '../../src/lib/owners.js';
import { keepDoubts, resendDoubts } from '../../src/mailings/decide-doubts.js';
import { markMailing } from '../../src/mailings/mailing-store.js';
import { startMailing } from '../../src/mailings/start-mailing.js';
import { createTestDatabase } from './database.js';
import { addMailing, addUser, setBlocked } from './fixtures.js';
import { addFrozenMailing, claim, makeDue, makeEntry } from './ledger.js';

export interface World extends AsyncDisposable {
  /** For what happens. */
  db: Database;
  /** For what is read: its now() is the turned clock. */
  readers: Database;
  users: number[];
  /** By the turned clock, in ms. */
  now(): number;
  turnClock(milliseconds: number): Promise<void>;
  /** Users with some recipients, of whom the first one sends; nothing else. */
  begin(): Promise<void>;
}

export const USERS = 3;
const RECIPIENTS = 5;

export async function openWorld(): Promise<World> {
  const database = await createTestDatabase();
  const { db } = database;
  await sql`create schema turned`.execute(db);
  await sql`create table turned.clock as select 0::bigint as ms`.execute(db);
  await sql`create function turned.now() returns timestamptz stable language sql as
    'select pg_catalog.now() + ms * interval ''1 millisecond'' from turned.clock'`.execute(db);
  const options = '-c search_path=turned,pg_catalog,public';
  const readers = openDatabase({ ...database.connection, options });
  const users: number[] = [];
  for (let n = 0; n < USERS; n += 1) users.push(await addUser(db));
  let turned = 0;
  return {
    db,
    readers,
    users,
    now: () => performance.now() + turned,
    async turnClock(milliseconds) {
      turned += milliseconds;
      await sql`update turned.clock set ms = ${turned}`.execute(db);
    },
    async begin() {
      await sql`delete from mailings`.execute(db);
      await sql`delete from recipients`.execute(db);
      await sql`update users set blocked = false, blocked_at = null, blocked_reason = null where blocked`.execute(db);
      await sql`insert into recipients (owner_id, email)
        select id, 'first' || n || '@example.com' from users, generate_series(1, ${RECIPIENTS}::int + id % ${USERS}::int) n`.execute(
        db,
      );
      await addFrozenMailing(db, users[0] ?? 0);
      // All alike, so that it is the owner who tells their pages apart.
      await sql`update data_versions set version = 1 + (select max(version) from data_versions)`.execute(db);
    },
    async [Symbol.asyncDispose]() {
      await closeDatabase(readers);
      await database.close();
    },
  };
}

const KINDS = [
  'addRecipient',
  'removeRecipient',
  'addMailing',
  'start',
  'accept',
  'reject',
  'doubt',
  'putOff',
  'finish',
  'disable',
  'enable',
  'leaveDoubts',
  'resendDoubts',
  'removeMailing',
  'rename',
  'rewrite',
  'block',
  'unblock',
] as const;

export interface Event {
  kind: (typeof KINDS)[number];
  /** Which of the users it is about. */
  user: number;
}

export const anyEvent: fc.Arbitrary<Event> = fc.record({
  // What makes a mailing go on comes more often, or most would never be sent.
  kind: fc.oneof(fc.constantFrom(...KINDS), fc.constantFrom('addMailing', 'start', 'accept', 'reject', 'doubt')),
  user: fc.constantFrom(0, 0, 0, 1, 2),
});

/** Each kind where it changes something, so that none is left to chance. The mailing of the first user has to be over before. */
export const EVERY_KIND: Event['kind'][] = [
  ...(['addRecipient', 'removeRecipient', 'addMailing', 'rewrite', 'disable', 'enable'] as const),
  ...([
    'start',
    'accept',
    'reject',
    'doubt',
    'doubt',
    'finish',
    'leaveDoubts',
    'resendDoubts',
    'putOff',
    'finish',
  ] as const),
  ...(['removeMailing', 'rename', 'block', 'unblock'] as const),
];

let serial = 0;

/** Where it cannot happen (no mailing runs, …), nothing does. */
export async function happen({ db, users }: World, { kind, user }: Event): Promise<void> {
  const ownerId = users[user] ?? 0;
  const find = (status: 'created' | 'running' | 'finished') =>
    db
      .selectFrom('mailings')
      .select('id')
      .where('owner_id', '=', ownerId)
      .where('status', '=', status)
      .orderBy('id')
      .executeTakeFirst()
      .then((row) => row?.id ?? 0);
  serial += 1;
  switch (kind) {
    case 'addRecipient':
      await db
        .insertInto('recipients')
        .values({ owner_id: ownerId, email: `r${serial}@example.com` })
        .execute();
      return;
    case 'removeRecipient':
      await sql`delete from recipients where id = (select min(id) from recipients where owner_id = ${ownerId})`.execute(
        db,
      );
      return;
    case 'addMailing':
      await addMailing(db, ownerId);
      return;
    case 'start': {
      const id = await find('created');
      if ((await startMailing(db, TERMINAL, ownerId, id, new Date())).ok) await freezeAudience(db, id);
      return;
    }
    case 'accept':
      return record(db, await find('running'), 'accepted');
    case 'reject':
      return record(db, await find('running'), 'rejected');
    case 'doubt':
      return record(db, await find('running'), 'in_doubt');
    case 'putOff':
      return record(db, await find('running'), 'waiting');
    case 'finish': {
      const id = await find('running');
      await closeWaiting(db, id, 'cancelled');
      await finishMailing(db, id);
      return;
    }
    case 'disable':
    case 'enable': {
      const marks = { disabled_at: new Date(), disabled_by: null, disabled_reason: 'spam' };
      const cleared = { disabled_at: null, disabled_by: null, disabled_reason: null };
      const id = await find('created');
      await db.transaction().execute((trx) => markMailing(trx, id, kind === 'disable' ? marks : cleared));
      return;
    }
    case 'leaveDoubts':
    case 'resendDoubts': {
      const id = (await find('finished')) || (await find('running'));
      const doubts = { mailingId: id, deliveryId: null, seenAttemptId: await findNewestAttempt(db, id) };
      if (kind === 'leaveDoubts') await keepDoubts(db, TERMINAL, ownerId, doubts);
      else await resendDoubts(db, TERMINAL, ownerId, doubts, new Date());
      return;
    }
    case 'removeMailing':
      await sql`delete from mailings where id = (select min(id) from mailings where owner_id = ${ownerId} and status <> 'running')`.execute(
        db,
      );
      return;
    case 'rename':
      await db
        .updateTable('users')
        .set({ name: `User ${serial}` })
        .where('id', '=', ownerId)
        .execute();
      return;
    case 'rewrite':
      await db
        .updateTable('messages')
        .set({ subject: `Subject ${serial}` })
        .where('owner_id', '=', ownerId)
        .execute();
      return;
    case 'block':
    case 'unblock':
      await setBlocked(db, ownerId, kind === 'block');
  }
}

async function record(db: Database, mailingId: number, state: Entry['state']): Promise<void> {
  await makeDue(db);
  const lease = await claim(db, mailingId, 1);
  const entries = lease.deliveries.map(({ id }) => makeEntry(id, state));
  if (entries.length > 0) await recordEntries(db, lease.id, entries, true);
}

/** Counted from the rows themselves, as text, so that two are compared at a glance. */
export async function recount(db: Database, owners: Owners): Promise<string> {
  const { rows } = await sql<{ numbers: string }>`
    select jsonb_build_object(
      'recipients', (select count(*) from recipients where ${belongsTo(owners)}),
      'mailings', (select coalesce(jsonb_object_agg(status, n), '{}') from (
        select status, count(*) as n from mailings where ${belongsTo(owners)} group by 1) s),
      'subjects', (select coalesce(jsonb_agg(coalesce(c.subject, t.subject) order by m.id), '[]') from mailings m
        left join mailing_contents c on c.mailing_id = m.id left join messages t on t.id = m.message_id where ${belongsTo(owners, 'm.owner_id')}),
      'disabled', (select count(*) from mailings where ${belongsTo(owners)} and disabled_at is not null),
      'deliveries', (select coalesce(jsonb_object_agg(state, n), '{}') from (
        select state, count(*) as n from deliveries d join mailings m on m.id = d.mailing_id where ${belongsTo(owners)} group by 1) s),
      'left', (select count(*) from deliveries d join mailings m on m.id = d.mailing_id where ${belongsTo(owners)} and left_in_doubt),
      'attempts', (select coalesce(jsonb_object_agg(outcome, n), '{}') from (
        select outcome, count(*) as n from attempts a join mailings m on m.id = a.mailing_id where ${belongsTo(owners)} group by 1) s),
      'users', (select jsonb_agg(jsonb_build_array(id, name, blocked) order by id) from users where ${belongsTo(owners, 'id')})
    )::text as numbers`.execute(db);
  return rows[0]?.numbers ?? '';
}

export async function isRunning(db: Database, owners: Owners): Promise<boolean> {
  const row = await db
    .selectFrom('mailings')
    .select('id')
    .where(belongsTo(owners))
    .where('status', '=', 'running')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
