/**
 * The job that deletes what a user kept, after the user asked for it (`delete-account.ts`). Each piece is a short transaction of its
 * own, and what is gone is not looked for again: a job that was cut off anywhere goes on where it was, and two at once do no harm.
 * The user's row goes last, in one transaction with the farewell letter, so that the letter is queued once.
 */
import { fromKysely } from 'pg-boss';

import { deleteSomeDeliveries } from '../delivery/all-deliveries-store.js';
import { deleteBatches } from '../lib/batches.js';
import type { Database } from '../lib/database.js';
import { POLL_SECONDS, type Jobs } from '../lib/jobs.js';
import type { Log } from '../lib/log.js';
import { sendSystemLetter } from '../lib/system-mail.js';
import {
  countAllMailings,
  deleteSomeChosen,
  findMailingToDelete,
  stopAllMailings,
} from '../mailings/all-mailings-store.js';
import { deleteMailing } from '../mailings/mailing-store.js';
import { deleteSomeMessages } from '../messages/all-messages-store.js';
import { deleteSomeRecipients } from '../recipients/all-recipients-store.js';
import { writeFarewell } from './account-letters.js';
import type { Erasure, Erasures } from './delete-account.js';
import { deleteLeavingUser, isLeaving } from './own-account-store.js';

interface ErasureDeps {
  db: Database;
  log: Log;
  baseUrl: string;
}

const QUEUE = 'account-erasures';
const QUEUE_OPTIONS = {
  // About a month, at five minutes each.
  retryLimit: 10_000,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 300,
  retentionSeconds: 60 * 86_400,
  // The payload holds an address.
  deleteAfterSeconds: 60,
  // Of a process that was killed nothing is heard any more; another one takes its job over within a minute.
  heartbeatSeconds: 20,
  expireInSeconds: 6 * 3600,
};
/** A batch of deliveries with their attempts takes some 50 ms. */
const BATCH = 1000;

/** Call once in every process that asks for deletions or works, after `openJobs`. */
export async function prepareErasures(jobs: Jobs): Promise<void> {
  await jobs.createQueue(QUEUE, QUEUE_OPTIONS);
}

export function queueErasures(jobs: Jobs): Erasures {
  return {
    async send(erasure, within) {
      await jobs.send(QUEUE, erasure, { db: fromKysely(within) });
    },
  };
}

/** Deletes what is queued until the jobs are closed. */
export async function workErasures(jobs: Jobs, deps: ErasureDeps): Promise<void> {
  const options = { pollingIntervalSeconds: POLL_SECONDS };
  await jobs.work<Erasure>(QUEUE, options, async ([job]) => {
    if (!job) return;
    await eraseAccount(jobs, deps, job.data, job.signal);
  });
}

/** Throws where it cannot go on now; nothing of what was done is lost. */
export async function eraseAccount(
  jobs: Jobs,
  { db, log, baseUrl }: ErasureDeps,
  { userId, email, locale }: Erasure,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isLeaving(db, userId))) return;
  await eraseMailings(db, userId, signal);
  await deleteBatches(BATCH, signal, (limit) => deleteSomeRecipients(db, userId, limit));
  await deleteBatches(BATCH, signal, (limit) => deleteSomeMessages(db, userId, limit));
  const isDone = await db.transaction().execute(async (trx) => {
    if (!(await deleteLeavingUser(trx, userId))) return false;
    await sendSystemLetter(jobs, writeFarewell(locale, email, `${baseUrl}/sign-up`), trx);
    return true;
  });
  if (isDone) log.info({ userId }, 'an account and everything of it is deleted');
}

async function eraseMailings(db: Database, ownerId: number, signal: AbortSignal): Promise<void> {
  await stopAllMailings(db, ownerId);
  for (;;) {
    signal.throwIfAborted();
    const id = await findMailingToDelete(db, ownerId);
    if (id === undefined) break;
    await deleteBatches(BATCH, signal, (limit) => deleteSomeDeliveries(db, ownerId, id, limit));
    await deleteBatches(BATCH, signal, (limit) => deleteSomeChosen(db, ownerId, id, limit));
    await deleteMailing(db, ownerId, id);
  }
  // A request that was under way when the user left may have started one: it is being stopped, and the next try finds it finished.
  const { running } = await countAllMailings(db, ownerId);
  if (running > 0) throw new Error(`${running} mailing(s) are still being stopped`);
}
