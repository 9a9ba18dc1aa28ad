import { sql, type SqlBool } from 'kysely';

import { readBatches } from '../lib/batches.js';
import type { Database, Transaction } from '../lib/database.js';
import type { MailingAudience, MailingStatus } from '../lib/schema.js';

/* All mailings of one owner, in batches: for the export and for the deletion of a whole account. */

/** Small, because the message as it was sent may have a megabyte. */
const BATCH = 10;
const CHOSEN_BATCH = 2000;

export interface ExportedMailing {
  id: number;
  messageId: number | null;
  status: MailingStatus;
  audience: MailingAudience;
  firstSendingAt: Date;
  endsAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  pausedAt: Date | null;
  stoppedAt: Date | null;
  disabledAt: Date | null;
  disabledReason: string | null;
  createdAt: Date;
  updatedAt: Date;
  /** The message as it was at the start; null before. */
  sentSubject: string | null;
  sentBody: string | null;
}

export function readAllMailings(db: Database, ownerId: number): AsyncGenerator<ExportedMailing[]> {
  return readBatches(BATCH, (last: ExportedMailing | undefined) =>
    db
      .selectFrom('mailings')
      .leftJoin('mailing_contents', 'mailing_contents.mailing_id', 'mailings.id')
      .select([
        'mailings.id',
        'message_id as messageId',
        'status',
        'audience',
        'first_sending_at as firstSendingAt',
        'ends_at as endsAt',
        'started_at as startedAt',
        'finished_at as finishedAt',
        'paused_at as pausedAt',
        'stopped_at as stoppedAt',
        'disabled_at as disabledAt',
        'disabled_reason as disabledReason',
        'created_at as createdAt',
        'updated_at as updatedAt',
        'mailing_contents.subject as sentSubject',
        'mailing_contents.body as sentBody',
      ])
      .where('owner_id', '=', ownerId)
      .where('mailings.id', '>', last?.id ?? 0)
      .orderBy('mailings.id')
      .limit(BATCH)
      .execute(),
  );
}

interface ChosenRecipient {
  recipientId: number;
  email: string;
}

/** Whom the owner chose for a mailing; of one to everybody, nobody. */
export function readChosenRecipients(
  db: Database,
  ownerId: number,
  mailingId: number,
): AsyncGenerator<ChosenRecipient[]> {
  return readBatches(CHOSEN_BATCH, (last: ChosenRecipient | undefined) =>
    db
      .selectFrom('mailing_recipients')
      .innerJoin('recipients', 'recipients.id', 'mailing_recipients.recipient_id')
      .select(['recipient_id as recipientId', 'recipients.email'])
      .where('mailing_recipients.owner_id', '=', ownerId)
      .where('mailing_id', '=', mailingId)
      .where(last ? sql<SqlBool>`recipient_id > ${last.recipientId}` : sql<SqlBool>`true`)
      .orderBy('recipient_id')
      .limit(CHOSEN_BATCH)
      .execute(),
  );
}

export async function countAllMailings(
  db: Database | Transaction,
  ownerId: number,
): Promise<{ all: number; running: number }> {
  return db
    .selectFrom('mailings')
    .select([sql<number>`count(*)`.as('all'), sql<number>`count(*) filter (where status = 'running')`.as('running')])
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow();
}

/** What has not started will not start, neither by itself nor by hand. Waits for a start that is on its way. */
export async function withholdMailings(trx: Transaction, ownerId: number, reason: string): Promise<void> {
  await trx
    .updateTable('mailings')
    .set({ disabled_at: sql`now()`, disabled_reason: reason, updated_at: sql`now()` })
    .where('owner_id', '=', ownerId)
    .where('status', '=', 'created')
    .where('disabled_at', 'is', null)
    .execute();
}

/** The worker then cancels what is waiting, and finishes. */
export async function stopAllMailings(db: Database, ownerId: number): Promise<void> {
  await db
    .updateTable('mailings')
    .set({ stopped_at: sql`now()` })
    .where('owner_id', '=', ownerId)
    .where('status', '=', 'running')
    .where('stopped_at', 'is', null)
    .execute();
}

/** The next one to delete: none that is running. */
export async function findMailingToDelete(db: Database, ownerId: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('mailings')
    .select('id')
    .where('owner_id', '=', ownerId)
    .where('status', '<>', 'running')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** How many were taken off the audience: fewer than `limit` where none are left. */
export async function deleteSomeChosen(
  db: Database,
  ownerId: number,
  mailingId: number,
  limit: number,
): Promise<number> {
  const some = db
    .selectFrom('mailing_recipients')
    .select('recipient_id')
    .where('owner_id', '=', ownerId)
    .where('mailing_id', '=', mailingId)
    .limit(limit);
  const result = await db
    .deleteFrom('mailing_recipients')
    .where('owner_id', '=', ownerId)
    .where('mailing_id', '=', mailingId)
    .where('recipient_id', '=', sql<number>`any(array(${some}))`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
