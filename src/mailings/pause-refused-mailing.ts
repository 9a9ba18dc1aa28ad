/**
 * The mail server refuses the message, or its sender, as a matter of policy: whom the letter was for has nothing to do with it. The first
 * such refusal pauses the mailing, and its owner decides. When the owner goes on, some servers behind the relay may refuse still, and
 * others not: from then on it is paused again only when none of the latest attempts was accepted.
 */
import { recordAudit } from '../audit/audit-store.js';
import { VESTNIK } from '../audit/audit.js';
import { haveLatestFailed } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { lockMailing, markMailing } from './mailing-store.js';
import { nameMailing, type Mailing } from './mailing.js';

const LATEST_ATTEMPTS = 20;
const LONGEST_REASON = 1000;

/** Whether this very call paused it. */
export async function pauseRefusedMailing(db: Database, id: number, reply: string, now: Date): Promise<boolean> {
  const reason = reply.slice(0, LONGEST_REASON);
  return db.transaction().execute(async (trx) => {
    const mailing = await lockMailing(trx, 'everybody', id);
    if (!mailing || !isSending(mailing)) return false;
    const { continuedAt } = mailing;
    if (continuedAt !== null && !(await haveLatestFailed(trx, id, continuedAt, LATEST_ATTEMPTS))) return false;
    await markMailing(trx, id, { paused_at: now, pause_reason: reason });
    await recordAudit(trx, VESTNIK, { action: 'mailing.paused', ...nameMailing(mailing), reason });
    return true;
  });
}

function isSending({ status, pausedAt, stoppedAt, disabledAt }: Mailing): boolean {
  return status === 'running' && pausedAt === null && stoppedAt === null && disabledAt === null;
}
