import { sql } from 'kysely';

import type { Database } from '../../src/lib/database.js';

/* Rows for tests, written straight into the tables. */

let serial = 0;

export async function addUser(
  db: Database,
  values: { role?: 'user' | 'manager' | 'administrator'; email?: string } = {},
): Promise<number> {
  serial += 1;
  const email = values.email ?? `user${serial}@example.com`;
  const row = await db
    .insertInto('users')
    .values({ email, name: `User ${serial}`, email_verified: true, role: values.role ?? 'user' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** Recipients r1@example.com, r2@example.com, …; resolves to their ids. */
export async function addRecipients(db: Database, ownerId: number, count: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    insert into recipients (owner_id, email, name)
    select ${ownerId}, 'r' || n || '@example.com', 'Recipient ' || n from generate_series(1, ${count}::int) n
    returning id`.execute(db);
  return rows.map(({ id }) => id);
}

export async function addMessage(
  db: Database,
  ownerId: number,
  subject = 'Hello',
  body = 'Dear {{ name }}!',
): Promise<number> {
  const row = await db
    .insertInto('messages')
    .values({ owner_id: ownerId, subject, body })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

interface MailingValues {
  firstSendingAt?: Date;
  endsAt?: Date;
  chosen?: number[];
}

/** A created mailing with a message of its own, to all recipients unless some are chosen; first sending in an hour unless told. */
export async function addMailing(db: Database, ownerId: number, values: MailingValues = {}): Promise<number> {
  const { firstSendingAt = new Date(Date.now() + 3_600_000), chosen } = values;
  const endsAt = values.endsAt ?? new Date(firstSendingAt.getTime() + 86_400_000);
  const row = await db
    .insertInto('mailings')
    .values({
      owner_id: ownerId,
      message_id: await addMessage(db, ownerId),
      audience: chosen ? 'chosen' : 'all',
      first_sending_at: firstSendingAt,
      ends_at: endsAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  for (const recipientId of chosen ?? []) {
    await db
      .insertInto('mailing_recipients')
      .values({ mailing_id: row.id, owner_id: ownerId, recipient_id: recipientId })
      .execute();
  }
  return row.id;
}

interface RelayFixture {
  weight?: number;
  connections?: number;
  limit?: { letters: number; seconds: 1 | 60 | 3600 | 86_400 };
  isEnabled?: boolean;
}

/** A relay of the administrators' list, on the loopback interface and without a login. */
export async function addRelay(db: Database, port: number, values: RelayFixture = {}): Promise<number> {
  serial += 1;
  const row = await db
    .insertInto('relays')
    .values({
      name: `Relay ${serial}`,
      host: '127.0.0.1',
      port,
      tls: 'opportunistic',
      weight: values.weight ?? 1,
      connections: values.connections ?? 8,
      letters_limit: values.limit?.letters ?? null,
      limit_seconds: values.limit?.seconds ?? null,
      is_enabled: values.isEnabled ?? true,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** As a manager's press does it. */
export async function setBlocked(db: Database, userId: number, blocked: boolean): Promise<void> {
  await sql`update users set blocked = ${blocked}, blocked_at = case when ${blocked} then now() end,
    blocked_reason = case when ${blocked} then 'spam' end where id = ${userId}`.execute(db);
}
