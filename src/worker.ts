import { workErasures } from './accounts/erase-account.js';
import { DeliveryWorker } from './delivery/delivery-worker.js';
import type { Clock } from './lib/clock.js';
import type { Database } from './lib/database.js';
import type { Jobs } from './lib/jobs.js';
import type { Log } from './lib/log.js';
import { parseSmtpUrl } from './lib/smtp/smtp-url.js';
import { workSystemLetters } from './lib/system-mail.js';
import type { Activity } from './nodes/activity.js';

interface WorkerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  /** Told what this process sends; absent: nobody asks. */
  activity?: Activity;
  /** Absent: mailings only (the command line). */
  background?: { jobs: Jobs; baseUrl: string };
  smtpUrl: string;
  mailFrom: string;
  /** Minutes from each try at a delivery to the next. */
  retryMinutes?: readonly number[];
}

export interface Worker {
  stop(): Promise<void>;
}

/** The worker's index: every loop and background job. */
export async function startWorker({ background, smtpUrl, ...deps }: WorkerDeps): Promise<Worker> {
  const smtp = parseSmtpUrl(smtpUrl);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  if (background) await workOnJobs(background, { smtpUrl, ...deps });
  return new DeliveryWorker({ ...deps, smtp: smtp.server });
}

async function workOnJobs(
  { jobs, baseUrl }: { jobs: Jobs; baseUrl: string },
  { db, log, smtpUrl, mailFrom }: Omit<WorkerDeps, 'background'>,
): Promise<void> {
  await workSystemLetters(jobs, { smtpUrl, mailFrom, log });
  await workErasures(jobs, { db, log, baseUrl });
}
