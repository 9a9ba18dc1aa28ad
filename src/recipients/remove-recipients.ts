/* Deletions as their owner asks for them: each with its line in the audit log, in one transaction. */
import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditEntry } from '../audit/audit.js';
import { retryDeadlock, type Database, type Transaction } from '../lib/database.js';
import { deleteFoundRecipients, deleteRecipients, findRecipients } from './recipient-store.js';

/** As `deleteRecipients`. */
export async function removeRecipients(db: Database, actor: Actor, ownerId: number, ids: number[]): Promise<number> {
  return removeAndRecord(db, actor, ownerId, async (trx) => {
    const subject = await nameOnly(trx, ownerId, ids);
    return { count: await deleteRecipients(trx, ownerId, ids), ...subject };
  });
}

/** As `deleteFoundRecipients`. */
export async function removeFoundRecipients(
  db: Database,
  actor: Actor,
  ownerId: number,
  search: string,
): Promise<number> {
  return removeAndRecord(db, actor, ownerId, async (trx) => ({
    count: await deleteFoundRecipients(trx, ownerId, search),
  }));
}

type Removed = { count: number } & Pick<AuditEntry, 'subject'>;

/** A worker that records deliveries can deadlock with it: then the whole transaction is done again. */
async function removeAndRecord(
  db: Database,
  actor: Actor,
  ownerId: number,
  remove: (trx: Transaction) => Promise<Removed>,
): Promise<number> {
  return retryDeadlock(() =>
    db.transaction().execute(async (trx) => {
      const { count, ...subject } = await remove(trx);
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
