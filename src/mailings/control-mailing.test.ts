import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing } from '../../test/support/ledger.js';
import type { Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { continueMailing, pauseMailing, removeMailing, stopMailing } from './control-mailing.js';
import { findMailing } from './mailing-store.js';
import { startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let actor: Actor;

const NOW = new Date();

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  owner = await addUser(db);
  actor = { userId: owner, name: 'o@example.com', address: '203.0.113.7', userAgent: 'test' };
});

const listActions = async () => {
  const entries = db.selectFrom('audit_entries').select(['action', 'subject', 'subject_id', 'actor_id']);
  return entries.where('owner_id', '=', owner).orderBy('id').execute();
};

test('every order is told to the audit log once, however often it is pressed', async () => {
  await addRecipients(db, owner, 1);
  const id = await addMailing(db, owner);
  await startMailing(db, actor, owner, id, NOW);
  for (const _press of [1, 2]) await pauseMailing(db, actor, owner, id, NOW);
  for (const _press of [1, 2]) await continueMailing(db, actor, owner, id, NOW);
  for (const _press of [1, 2]) await stopMailing(db, actor, owner, id, NOW);
  expect(await removeMailing(db, actor, owner, id)).toEqual({ ok: false, fault: 'running' });
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  expect(await removeMailing(db, actor, owner, id)).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toBeUndefined();
  const actions = ['started', 'paused', 'continued', 'stopped', 'deleted'];
  expect(await listActions()).toEqual(
    actions.map((name) => ({ action: `mailing.${name}`, subject: 'Hello', subject_id: id, actor_id: owner })),
  );
});

test('what is refused is not told', async () => {
  const id = await addMailing(db, owner);
  const stranger = await addUser(db);
  expect(await pauseMailing(db, actor, owner, id, NOW)).toEqual({ ok: false, fault: 'notRunning' });
  expect(await pauseMailing(db, actor, stranger, id, NOW)).toEqual({ ok: false, fault: 'gone' });
  expect(await removeMailing(db, actor, stranger, id)).toEqual({ ok: false, fault: 'gone' });
  expect(await listActions()).toEqual([]);
});

test('a deletion that deadlocks with the sending again of its doubts succeeds', async () => {
  await addRecipients(db, owner, 1);
  const id = await addFrozenMailing(db, owner);
  await sql`update mailings set status = 'finished', finished_at = now() where id = ${id}`.execute(db);
  let removal: ReturnType<typeof removeMailing> | undefined;
  await db.transaction().execute(async (sending) => {
    // The other one must be ended.
    await sql`set local deadlock_timeout = '1min'`.execute(sending);
    await sql`update deliveries set attempt_count = 1 where mailing_id = ${id}`.execute(sending);
    removal = removeMailing(db, actor, owner, id);
    removal.catch(() => {});
    await eventually('the deletion waits', async () => {
      const { rows } = await sql`select from pg_locks l join pg_database d on d.oid = l.database
        where not l.granted and d.datname = current_database()
        union all select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        db,
      );
      return rows.length > 0;
    });
    await sql`update mailings set finished_at = now() where id = ${id}`.execute(sending);
  });
  expect(await removal).toEqual({ ok: true });
  expect(await findMailing(db, owner, id)).toBeUndefined();
});
