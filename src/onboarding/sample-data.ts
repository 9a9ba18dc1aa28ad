/**
 * Sample data: added and removed as a whole, each under a lock of its owner, so that a double click does it once. Every row carries the
 * mark is_sample, and only what carries it is removed.
 */
import { sql } from 'kysely';

import { addSampleDeliveries } from '../delivery/sample-delivery-store.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import {
  addSampleMailing,
  countSampleMailings,
  deleteSampleMailings,
  listNeededMessageIds,
} from '../mailings/sample-mailing-store.js';
import { addSampleMessages, countSampleMessages, deleteSampleMessages } from '../messages/sample-message-store.js';
import {
  addSampleRecipients,
  countSampleRecipients,
  deleteSampleRecipients,
} from '../recipients/sample-recipient-store.js';
import { sampleDeliveries, sampleFinish, sampleMessages, sampleRecipients } from './sample-content.js';

export interface SampleCounts {
  recipients: number;
  messages: number;
  mailings: number;
}

const DAY_MS = 86_400_000;

export async function countSampleData(db: Database, ownerId: number): Promise<SampleCounts> {
  // One after the other: inside a transaction they share a connection.
  const recipients = await countSampleRecipients(db, ownerId);
  const messages = await countSampleMessages(db, ownerId);
  return { recipients, messages, mailings: await countSampleMailings(db, ownerId) };
}

export function isAny({ recipients, messages, mailings }: SampleCounts): boolean {
  return recipients + messages + mailings > 0;
}

/** False where there is some already: then nothing is added. */
export async function addSampleData(db: Database, ownerId: number, locale: Locale, now: Date): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await lockSampleData(trx, ownerId);
    if (isAny(await countSampleData(trx, ownerId))) return false;
    const added = await addSampleRecipients(trx, ownerId, sampleRecipients(locale));
    const messages = sampleMessages(locale);
    const [messageId = 0] = await addSampleMessages(trx, ownerId, messages);
    const startedAt = new Date(now.getTime() - 2 * DAY_MS);
    const mailingId = await addSampleMailing(trx, ownerId, {
      messageId,
      content: messages[0],
      recipientIds: added.map(({ id }) => id),
      startedAt,
      finishedAt: sampleFinish(startedAt),
      endsAt: new Date(startedAt.getTime() + DAY_MS),
    });
    const recipientIds = new Map(added.map(({ email, id }) => [email, id]));
    await addSampleDeliveries(trx, ownerId, mailingId, sampleDeliveries(startedAt, recipientIds));
    return true;
  });
}

/** A sample message that a mailing of the owner's own still needs stays, as the owner's; tells how many did. */
export async function deleteSampleData(db: Database, ownerId: number): Promise<{ keptMessages: number }> {
  return db.transaction().execute(async (trx) => {
    await lockSampleData(trx, ownerId);
    await deleteSampleMailings(trx, ownerId);
    const { kept } = await deleteSampleMessages(trx, ownerId, await listNeededMessageIds(trx, ownerId));
    await deleteSampleRecipients(trx, ownerId);
    return { keptMessages: kept };
  });
}

async function lockSampleData(trx: Transaction, ownerId: number): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`sample data of ${ownerId}`}, 0))`.execute(trx);
}
