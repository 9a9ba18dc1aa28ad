/**
 * What an owner's press does to a mailing, each in one transaction with its line in the audit log. A second press of the same finds the
 * mark set: it is fine, and not told twice. A mailing that is being stopped takes no further orders.
 */
import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditAction } from '../audit/audit.js';
import { retryDeadlock, type Database } from '../lib/database.js';
import {
  deleteMailing,
  lockMailing,
  markMailing,
  type DeleteMailingResult,
  type MailingMarks,
} from './mailing-store.js';
import { nameMailing, type Mailing } from './mailing.js';

/** `notRunning`: it has not started, is being stopped, or is finished. */
export type ControlResult = { ok: true } | { ok: false; fault: 'notRunning' | 'gone' };

export async function pauseMailing(
  db: Database,
  actor: Actor,
  ownerId: number,
  id: number,
  now: Date,
): Promise<ControlResult> {
  const isPaused = ({ pausedAt }: Mailing) => pausedAt !== null;
  return control(
    db,
    actor,
    { ownerId, id },
    { action: 'mailing.paused', marks: () => ({ paused_at: now }), isDone: isPaused },
  );
}

export async function continueMailing(
  db: Database,
  actor: Actor,
  ownerId: number,
  id: number,
  now: Date,
): Promise<ControlResult> {
  const marks = ({ pauseReason, continuedAt }: Mailing) => ({
    paused_at: null,
    pause_reason: null,
    continued_at: pauseReason === null ? continuedAt : now,
  });
  const isRunning = ({ pausedAt }: Mailing) => pausedAt === null;
  return control(db, actor, { ownerId, id }, { action: 'mailing.continued', marks, isDone: isRunning });
}

/** Marks it; the worker then cancels what is waiting, and finishes. */
export async function stopMailing(
  db: Database,
  actor: Actor,
  ownerId: number,
  id: number,
  now: Date,
): Promise<ControlResult> {
  const order: Order = { action: 'mailing.stopped', marks: () => ({ stopped_at: now }), isDone: () => false };
  return control(db, actor, { ownerId, id }, order);
}

/** As `deleteMailing`. What sends its doubts again comes from the other side, and can deadlock with it: then it begins anew. */
export async function removeMailing(
  db: Database,
  actor: Actor,
  ownerId: number,
  id: number,
): Promise<DeleteMailingResult> {
  const transact = () =>
    db.transaction().execute(async (trx): Promise<DeleteMailingResult> => {
      const mailing = await lockMailing(trx, ownerId, id);
      if (!mailing) return { ok: false, fault: 'gone' };
      const deleted = await deleteMailing(trx, ownerId, id);
      if (deleted.ok) await recordAudit(trx, actor, { action: 'mailing.deleted', ...nameMailing(mailing) });
      return deleted;
    });
  return retryDeadlock(transact);
}

interface Order {
  action: AuditAction;
  marks: (mailing: Mailing) => MailingMarks;
  /** Whether the mailing is as the order wants it. */
  isDone: (mailing: Mailing) => boolean;
}

async function control(
  db: Database,
  actor: Actor,
  { ownerId, id }: { ownerId: number; id: number },
  { action, marks, isDone }: Order,
): Promise<ControlResult> {
  return db.transaction().execute(async (trx): Promise<ControlResult> => {
    const mailing = await lockMailing(trx, ownerId, id);
    if (!mailing) return { ok: false, fault: 'gone' };
    if (mailing.status !== 'running') return { ok: false, fault: 'notRunning' };
    if (mailing.stoppedAt !== null)
      return action === 'mailing.stopped' ? { ok: true } : { ok: false, fault: 'notRunning' };
    if (isDone(mailing)) return { ok: true };
    await markMailing(trx, id, marks(mailing));
    await recordAudit(trx, actor, { action, ...nameMailing(mailing) });
    return { ok: true };
  });
}
