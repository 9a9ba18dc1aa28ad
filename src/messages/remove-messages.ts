import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditEntry } from '../audit/audit.js';
import { isCheckViolation, type Database, type Transaction } from '../lib/database.js';
import { deleteMessages, findMessageSummaries } from './message-store.js';
import type { MessageSummary } from './message.js';

/** `inUse`: a mailing that has not started needs one of them; none is removed. */
export type RemoveMessagesResult = { ok: true; count: number } | { ok: false; fault: 'inUse' };

/** Deletes them as their owner asks for it: with its line in the audit log, in one transaction. */
export async function removeMessages(
  db: Database,
  actor: Actor,
  ownerId: number,
  ids: number[],
): Promise<RemoveMessagesResult> {
  try {
    return { ok: true, count: await db.transaction().execute((trx) => remove(trx, actor, ownerId, ids)) };
  } catch (error) {
    if (isCheckViolation(error)) return { ok: false, fault: 'inUse' };
    throw error;
  }
}

async function remove(trx: Transaction, actor: Actor, ownerId: number, ids: number[]): Promise<number> {
  const [message] = ids.length === 1 ? await findMessageSummaries(trx, ownerId, ids) : [];
  const count = await deleteMessages(trx, ownerId, ids);
  if (count > 0)
    await recordAudit(trx, actor, { action: 'message.deleted', ownerId, ...nameMessage(message), details: { count } });
  return count;
}

/** One is named; of many it is their number that counts. */
function nameMessage(message: MessageSummary | undefined): Pick<AuditEntry, 'subject'> {
  return message ? { subject: { type: 'message', id: message.id, name: message.subject } } : {};
}
