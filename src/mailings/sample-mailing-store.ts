import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import type { MailingContent } from './mailing.js';

/* The mailings among the sample data, by their mark; and what tells them from the owner's own. */

export interface SampleMailing {
  messageId: number;
  content: MailingContent;
  recipientIds: number[];
  startedAt: Date;
  finishedAt: Date;
  endsAt: Date;
}

/** A mailing that looks finished; its deliveries are the feature delivery's to add. */
export async function addSampleMailing(db: Database, ownerId: number, mailing: SampleMailing): Promise<number> {
  const { messageId, content, recipientIds, startedAt, finishedAt, endsAt } = mailing;
  const { id } = await db
    .insertInto('mailings')
    .values({
      owner_id: ownerId,
      message_id: messageId,
      status: 'finished',
      audience: 'chosen',
      first_sending_at: startedAt,
      ends_at: endsAt,
      started_at: startedAt,
      frozen_at: startedAt,
      finished_at: finishedAt,
      created_at: startedAt,
      updated_at: finishedAt,
      is_sample: true,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('mailing_contents')
    .values({ mailing_id: id, ...content })
    .execute();
  const places = recipientIds.map((recipientId) => ({ mailing_id: id, owner_id: ownerId, recipient_id: recipientId }));
  if (places.length > 0) await db.insertInto('mailing_recipients').values(places).execute();
  return id;
}

export async function countSampleMailings(db: Database, ownerId: number): Promise<number> {
  const row = await db
    .selectFrom('mailings')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** With their deliveries, attempts and counters. */
export async function deleteSampleMailings(db: Database, ownerId: number): Promise<number> {
  const result = await db
    .deleteFrom('mailings')
    .where('owner_id', '=', ownerId)
    .where('is_sample', '=', true)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** The messages that mailings which have not started still need. */
export async function listNeededMessageIds(db: Database, ownerId: number): Promise<number[]> {
  const rows = await db
    .selectFrom('mailings')
    .select('message_id as id')
    .distinct()
    .where('owner_id', '=', ownerId)
    .where('status', '=', 'created')
    .execute();
  return rows.map(({ id }) => id).filter((id) => id !== null);
}

/** Whether the owner has ever started a mailing of their own. */
export async function hasStartedOwnMailing(db: Database, ownerId: number): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (
      select from mailings where owner_id = ${ownerId} and status <> 'created' and not is_sample
    ) as found`.execute(db);
  return rows[0]?.found ?? false;
}
