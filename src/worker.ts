import { DeliveryWorker } from './delivery/delivery-worker.js';
import type { Clock } from './lib/clock.js';
import type { Database } from './lib/database.js';
import type { Jobs } from './lib/jobs.js';
import type { Log } from './lib/log.js';
import { parseSmtpUrl } from './lib/smtp/smtp-url.js';
import { workSystemLetters } from './lib/system-mail.js';

interface WorkerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  /** Absent: mailings only (the command line). */
  jobs?: Jobs;
  smtpUrl: string;
  mailFrom: string;
}

export interface Worker {
  stop(): Promise<void>;
}

/** The worker's index: every loop and background job. */
export async function startWorker({ jobs, smtpUrl, ...deps }: WorkerDeps): Promise<Worker> {
  const smtp = parseSmtpUrl(smtpUrl);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  const { mailFrom, log } = deps;
  if (jobs) await workSystemLetters(jobs, { smtpUrl, mailFrom, log });
  return new DeliveryWorker({ ...deps, smtp: smtp.server });
}
