import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import { findUserDetails } from '../accounts/user-list-store.js';
import type { Actor } from '../audit/audit.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { removeSecondFactor } from './remove-second-factor.js';

let database: TestDatabase;
const sent: SystemLetter[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const asActor = (userId: number): Actor => ({ userId, name: `user ${userId}`, address: '', userAgent: '' });

function remove(by: number, id: number) {
  const letters = { send: (letter: SystemLetter) => Promise.resolve(void sent.push(letter)) };
  return removeSecondFactor({ db: database.db, letters, baseUrl: 'http://localhost' }, asActor(by), id);
}

/** Somebody signed in who has a second factor. */
async function addGuarded(): Promise<number> {
  const { db } = database;
  const id = await addUser(db);
  await db.updateTable('users').set({ two_factor_enabled: true }).where('id', '=', id).execute();
  await db.insertInto('two_factors').values({ user_id: id, secret: 'a secret', backup_codes: 'codes' }).execute();
  const session = { user_id: id, token: `token ${id}`, expires_at: new Date(Date.now() + 60_000) };
  await db.insertInto('sessions').values(session).execute();
  return id;
}

test('an administrator turns it off: sessions end, it is written down, and a letter tells', async () => {
  const { db } = database;
  const [admin, id] = [await addUser(db, { role: 'administrator' }), await addGuarded()];
  expect(await remove(admin, id)).toEqual({ ok: true });
  expect(await findUserDetails(db, id)).toMatchObject({ hasSecondFactor: false, sessionCount: 0 });
  expect(await db.selectFrom('two_factors').select('id').where('user_id', '=', id).execute()).toEqual([]);
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id'])
    .where('subject_id', '=', id)
    .execute();
  expect(entries).toEqual([{ action: 'account.second_factor_disabled', actor_id: admin }]);
  expect(sent.at(-1)?.subject).toBe('Your second factor is off');
  expect(await remove(admin, id)).toEqual({ ok: false, fault: 'already' });
});

test('nobody else does, and an administrator not for themselves', async () => {
  const { db } = database;
  const id = await addGuarded();
  const [manager, other] = [await addUser(db, { role: 'manager' }), await addUser(db)];
  for (const actor of [manager, other, id]) expect(await remove(actor, id)).toEqual({ ok: false, fault: 'forbidden' });
  await db.updateTable('users').set({ role: 'administrator' }).where('id', '=', id).execute();
  expect(await remove(id, id)).toEqual({ ok: false, fault: 'forbidden' });
  expect(await findUserDetails(db, id)).toMatchObject({ hasSecondFactor: true, sessionCount: 1 });
});
