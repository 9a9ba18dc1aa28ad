/* The rows of a self-test, in a database that has nothing else. */
import { sql } from 'kysely';

import type { Database } from '../lib/database.js';

export interface SelftestMailing {
  id: number;
  ownerId: number;
}

const DAY_MS = 86_400_000;

/** A mailing to so many recipients, to be started by hand. */
export async function addSelftestMailing(db: Database, letters: number): Promise<SelftestMailing> {
  const owner = await db
    .insertInto('users')
    .values({ email: 'selftest@example.com', name: 'Self-test', email_verified: true, role: 'user' })
    .returning('id')
    .executeTakeFirstOrThrow();
  await sql`
    insert into recipients (owner_id, email, name)
    select ${owner.id}, 'r' || n || '@example.com', 'Recipient ' || n from generate_series(1, ${letters}::int) n`.execute(
    db,
  );
  const message = await db
    .insertInto('messages')
    .values({ owner_id: owner.id, subject: 'Hello, {{ name }}', body: 'Dear {{ name }}, this is a self-test.' })
    .returning('id')
    .executeTakeFirstOrThrow();
  const now = Date.now();
  const mailing = await db
    .insertInto('mailings')
    .values({
      owner_id: owner.id,
      message_id: message.id,
      audience: 'all',
      first_sending_at: new Date(now + DAY_MS),
      ends_at: new Date(now + 2 * DAY_MS),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id: mailing.id, ownerId: owner.id };
}

export async function isFinished(db: Database, { id }: SelftestMailing): Promise<boolean> {
  const query = db.selectFrom('mailings').select('status').where('id', '=', id);
  return (await query.executeTakeFirstOrThrow()).status === 'finished';
}

/** Of every delivery. */
export async function readOutcomes(
  db: Database,
  { id }: SelftestMailing,
): Promise<{ address: string; state: string }[]> {
  return db.selectFrom('deliveries').select(['address', 'state']).where('mailing_id', '=', id).execute();
}
