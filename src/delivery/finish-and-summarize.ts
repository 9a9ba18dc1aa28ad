import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { finishMailing } from './ledger-store.js';
import { summarizeMailing } from './mailing-summary-store.js';

/** Finishes what balances, and counts its report. The report counts what could not be counted here. */
export async function finishAndSummarize(db: Database, log: Log, mailingId: number): Promise<void> {
  if (!(await finishMailing(db, mailingId))) return;
  await summarizeMailing(db, mailingId).catch((error: unknown) => {
    log.warn(
      { err: error, mailingId },
      'a finished mailing could not be summarised; its report does it when it is read',
    );
  });
}
