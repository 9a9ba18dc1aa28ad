import { workErasures } from './accounts/erase-account.js';
import { DeliveryWorker } from './delivery/delivery-worker.js';
import { keepAttempts } from './delivery/keep-attempts.js';
import { keepRatesInDatabase } from './delivery/rates.js';
import { keepRatesInRedis } from './delivery/redis-rates.js';
import { openBoundedDatabase } from './lib/bounded-database.js';
import type { Clock } from './lib/clock.js';
import { closeDatabase, type Database, type DatabaseConnection } from './lib/database.js';
import type { Locale } from './lib/i18n.js';
import type { Jobs } from './lib/jobs.js';
import type { Log } from './lib/log.js';
import { openRedis } from './lib/redis.js';
import { repeat } from './lib/repeat.js';
import { parseSmtpUrl } from './lib/smtp/smtp-url.js';
import { sendSystemLetter, workSystemLetters, type SystemLetters } from './lib/system-mail.js';
import type { Activity } from './nodes/activity.js';
import { nameNode } from './nodes/heartbeat.js';
import { alertAdministrators } from './relays/alert-administrators.js';

interface WorkerDeps {
  db: Database;
  /** For a pool of its own, by which a halt is looked for; absent: by `db`. */
  connection?: DatabaseConnection;
  clock: Clock;
  log: Log;
  /** The name of this process, which no other has. */
  node?: string;
  /** The installation's. */
  secret: string;
  /** Limits that all processes share are kept there; in the database where it is absent. */
  redisUrl: string | undefined;
  /** Told what this process sends; absent: nobody asks. */
  activity?: Activity;
  /** Absent: mailings only (the command line). */
  background?: Background;
  smtpUrl: string;
  mailFrom: string;
  /** Minutes from each try at a delivery to the next. */
  retryMinutes?: readonly number[];
}

interface Background {
  jobs: Jobs;
  baseUrl: string;
  /** For letters to who has not chosen a language. */
  defaultLocale: Locale;
}

/** What hangs for so long is tried over another connection; nothing is begun meanwhile. */
const WATCH_ANSWERS_WITHIN_MS = 3_000;
/** How often it is looked whether administrators must be told that a mail server fails. */
const ALERT_MS = 60_000;
/** How often the months of attempts are looked after. */
const MONTHS_MS = 3_600_000;

export interface Worker {
  stop(): Promise<void>;
}

/** The worker's index: every loop and background job. */
export async function startWorker({
  background,
  smtpUrl,
  redisUrl,
  node = nameNode(),
  connection,
  ...deps
}: WorkerDeps): Promise<Worker> {
  const smtp = parseSmtpUrl(smtpUrl);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  if (background) await workOnJobs(background, { smtpUrl, ...deps });
  const stopping = new AbortController();
  const alerting = background ? watchRelays(background, deps, stopping.signal) : undefined;
  const keeping = background ? keepMonths(deps, stopping.signal) : undefined;
  const { rates, close } = await openRates(redisUrl, deps);
  const watchDb = connection && openBoundedDatabase(connection, WATCH_ANSWERS_WITHIN_MS);
  const watch = watchDb ? { watchDb } : {};
  const delivery = new DeliveryWorker({ ...deps, ...watch, node, rates, smtp: smtp.server });
  return {
    async stop() {
      stopping.abort();
      await Promise.all([delivery.stop(), alerting, keeping]);
      if (watchDb) await closeDatabase(watchDb);
      close();
    },
  };
}

function watchRelays(
  { jobs, baseUrl, defaultLocale }: Background,
  { db, clock, log }: Pick<WorkerDeps, 'db' | 'clock' | 'log'>,
  stopping: AbortSignal,
): Promise<void> {
  const letters: SystemLetters = { send: (letter, within) => sendSystemLetter(jobs, letter, within) };
  const onFailure = (error: unknown, isFirst: boolean) => {
    if (isFirst)
      log.error({ err: error }, 'administrators could not be told of mail servers that fail; it is tried again');
  };
  return repeat({ everyMs: ALERT_MS, stopping, onFailure }, () =>
    alertAdministrators({ db, letters, clock, baseUrl, defaultLocale }),
  );
}

function keepMonths(
  { db, clock, log }: Pick<WorkerDeps, 'db' | 'clock' | 'log'>,
  stopping: AbortSignal,
): Promise<void> {
  const onFailure = (error: unknown, isFirst: boolean) => {
    if (isFirst) log.error({ err: error }, 'the months of attempts could not be looked after; it is tried again');
  };
  return repeat({ everyMs: MONTHS_MS, stopping, onFailure }, () => keepAttempts({ db, now: clock.now(), stopping }));
}

async function openRates(redisUrl: string | undefined, { db, log }: Pick<WorkerDeps, 'db' | 'log'>) {
  const inDatabase = keepRatesInDatabase(db);
  if (redisUrl === undefined) return { rates: inDatabase, close: () => {} };
  const redis = await openRedis(redisUrl);
  return { rates: keepRatesInRedis(redis, inDatabase, log), close: () => redis.disconnect() };
}

async function workOnJobs(
  { jobs, baseUrl }: Background,
  { db, log, smtpUrl, mailFrom }: Pick<WorkerDeps, 'db' | 'log' | 'smtpUrl' | 'mailFrom'>,
): Promise<void> {
  await workSystemLetters(jobs, { smtpUrl, mailFrom, log });
  await workErasures(jobs, { db, log, baseUrl });
}
