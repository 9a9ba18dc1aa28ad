import { readAllDeliveries } from '../delivery/all-deliveries-store.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { readAllMailings, readChosenRecipients, type ExportedMailing } from '../mailings/all-mailings-store.js';
import { readAllMessages } from '../messages/all-messages-store.js';
import { readAllRecipients } from '../recipients/all-recipients-store.js';
import { readProfile } from './own-account-store.js';

/**
 * Everything of one user as the chunks of one JSON document, read batch by batch: no more than a batch is in memory, and between two
 * of them nothing is locked. What changes meanwhile may be in it as it was before or after.
 */
export async function* writeAccountExport(db: Database, userId: number, now: Date): AsyncGenerator<string, void> {
  const profile = await readProfile(db, userId);
  const head = { format: 'vestnik-account', version: 1, exportedAt: now, profile };
  yield `${openObject(head)},\n"recipients": `;
  yield* writeList(readAllRecipients(db, userId));
  yield ',\n"messages": ';
  yield* writeList(readAllMessages(db, userId));
  yield ',\n"mailings": [';
  let separator = '\n';
  for await (const mailings of readAllMailings(db, userId)) {
    for (const mailing of mailings) {
      yield separator;
      yield* writeMailing(db, userId, mailing);
      separator = ',\n';
    }
  }
  yield '\n]\n}\n';
}

async function* writeMailing(db: Database, ownerId: number, mailing: ExportedMailing): AsyncGenerator<string, void> {
  const counters = await readCounters(db, ownerId, [mailing.id]);
  yield `${openObject({ ...mailing, counters: counters.get(mailing.id) ?? null })},\n"chosenRecipients": `;
  yield* writeList(readChosenRecipients(db, ownerId, mailing.id));
  yield ',\n"deliveries": ';
  yield* writeList(readAllDeliveries(db, ownerId, mailing.id));
  yield '\n}';
}

/** To be closed by whoever writes the rest of it. */
function openObject(facts: object): string {
  return JSON.stringify(facts).slice(0, -1);
}

async function* writeList(batches: AsyncIterable<object[]>): AsyncGenerator<string, void> {
  let separator = '[\n';
  for await (const rows of batches) {
    yield separator + rows.map((row) => JSON.stringify(row)).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]' : '\n]';
}
