/**
 * What an owner decides about letters in doubt: leave them, or send them again in this mailing while its window is open. Each is one
 * transaction with its line in the audit log. A second press finds nothing left to decide.
 */
import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditAction } from '../audit/audit.js';
import { leaveDoubts, sendDoubtsAgain, type Doubts } from '../delivery/doubt-store.js';
import { retryDeadlock, type Database, type Transaction } from '../lib/database.js';
import { findMailing } from './mailing-store.js';
import { isWindowOpen, nameMailing, type Mailing } from './mailing.js';

/** `count`: how many were decided by this very press. `closed`: nothing can be sent in this mailing any more. */
export type DecideResult = { ok: true; count: number } | { ok: false; fault: 'gone' | 'closed' };

/** With a deadlock (a deletion comes from the other side) the whole transaction begins anew. */
export async function resendDoubts(
  db: Database,
  actor: Actor,
  ownerId: number,
  doubts: Doubts,
  now: Date,
): Promise<DecideResult> {
  return decide(db, actor, { ownerId, doubts, action: 'mailing.sent_again' }, async (trx, mailing) =>
    isWindowOpen(mailing, now) ? { ok: true, count: await sendDoubtsAgain(trx, doubts) } : CLOSED,
  );
}

/** They stay in doubt, and their owner is not asked again. */
export async function keepDoubts(db: Database, actor: Actor, ownerId: number, doubts: Doubts): Promise<DecideResult> {
  return decide(db, actor, { ownerId, doubts, action: 'mailing.left_in_doubt' }, async (trx) => ({
    ok: true,
    count: await leaveDoubts(trx, doubts),
  }));
}

const CLOSED = { ok: false, fault: 'closed' } as const;

interface Decision {
  ownerId: number;
  doubts: Doubts;
  action: AuditAction;
}

async function decide(
  db: Database,
  actor: Actor,
  { ownerId, doubts, action }: Decision,
  change: (trx: Transaction, mailing: Mailing) => Promise<DecideResult>,
): Promise<DecideResult> {
  const transact = () =>
    db.transaction().execute(async (trx): Promise<DecideResult> => {
      const mailing = await findMailing(trx, ownerId, doubts.mailingId);
      if (!mailing) return { ok: false, fault: 'gone' };
      const result = await change(trx, mailing);
      if (result.ok && result.count > 0)
        await recordAudit(trx, actor, { action, ...nameMailing(mailing), details: { count: result.count } });
      return result;
    });
  return retryDeadlock(transact);
}
