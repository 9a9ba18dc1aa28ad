/**
 * Deletions as their owner asks for them. Many are deleted in parts, each a transaction with its line in the audit log: workers that record
 * deliveries of these recipients wait for one part, not for all.
 */
import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditEntry } from '../audit/audit.js';
import { readBatches } from '../lib/batches.js';
import { retryDeadlock, type Database, type Transaction } from '../lib/database.js';
import { deleteRecipients, findRecipients } from './recipient-store.js';
import { findLastId, listFoundIds } from './removal-store.js';

const PART = 5_000;

/** As `deleteRecipients`. */
export async function removeRecipients(db: Database, actor: Actor, ownerId: number, ids: number[]): Promise<number> {
  let count = 0;
  for (let from = 0; from < ids.length; from += PART)
    count += await removePart(db, actor, ownerId, ids.slice(from, from + PART));
  return count;
}

/** What a search finds: the whole list as it is now, not just its page. */
export async function removeFoundRecipients(
  db: Database,
  actor: Actor,
  ownerId: number,
  search: string,
  part = PART,
): Promise<number> {
  const through = await findLastId(db, ownerId);
  const parts = readBatches<number>(part, (after = 0) => listFoundIds(db, ownerId, { search, after, through }, part));
  let count = 0;
  for await (const ids of parts) count += await removePart(db, actor, ownerId, ids, 'many');
  return count;
}

/** A worker that records deliveries can deadlock with it: then the whole transaction is done again. */
async function removePart(
  db: Database,
  actor: Actor,
  ownerId: number,
  ids: number[],
  what: 'many' | 'chosen' = 'chosen',
): Promise<number> {
  return retryDeadlock(() =>
    db.transaction().execute(async (trx) => {
      const subject = what === 'chosen' ? await nameOnly(trx, ownerId, ids) : {};
      const count = await deleteRecipients(trx, ownerId, ids);
      if (count > 0)
        await recordAudit(trx, actor, { action: 'recipient.deleted', ownerId, ...subject, details: { count } });
      return count;
    }),
  );
}

/** One is named; of many it is their number that counts. */
async function nameOnly(trx: Transaction, ownerId: number, ids: number[]): Promise<Pick<AuditEntry, 'subject'>> {
  const [recipient] = ids.length === 1 ? await findRecipients(trx, ownerId, ids) : [];
  return recipient ? { subject: { type: 'recipient', id: recipient.id, name: recipient.email } } : {};
}
