import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import type { MailingStatus } from '../lib/schema.js';

/* What managers see of everybody's mailings, beside the list. */

/** Those of the ids that are still there, by id: the subject of the content, or before the start that of the message. */
export async function findSubjects(db: Database, ids: number[]): Promise<Map<number, string>> {
  const rows = await db
    .selectFrom('mailings')
    .leftJoin('messages', 'messages.id', 'mailings.message_id')
    .leftJoin('mailing_contents', 'mailing_contents.mailing_id', 'mailings.id')
    .select(['mailings.id', sql<string>`coalesce(mailing_contents.subject, messages.subject, '')`.as('subject')])
    .where('mailings.id', '=', sql<number>`any(${ids}::bigint[])`)
    .execute();
  return new Map(rows.map(({ id, subject }) => [id, subject]));
}

export async function countMailingsByStatus(db: Database): Promise<Record<MailingStatus, number>> {
  const rows = await db
    .selectFrom('mailings')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute();
  const counts = { created: 0, running: 0, finished: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}
