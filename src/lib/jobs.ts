import { PgBoss } from 'pg-boss';

import type { DatabaseConnection } from './database.js';
import type { Log } from './log.js';

/* Background jobs, on pg-boss in the schema `pgboss` of the same database: retries, several nodes, no further service. */

export type Jobs = PgBoss;

interface JobsOptions {
  log: Log;
  /** Whether this process works on jobs: only then it looks after crashed and finished ones. */
  works: boolean;
}

const MAX_CONNECTIONS = 3;
/** How often workers look for jobs when nothing told them to. */
export const POLL_SECONDS = 0.5;
const STOP_TIMEOUT_MS = 5_000;

/** Installs or updates the schema where that is needed; processes that do so at once wait for each other. */
export async function openJobs(connection: DatabaseConnection, { log, works }: JobsOptions): Promise<Jobs> {
  const jobs = new PgBoss({
    ...(connection as ConstructorParameters<typeof PgBoss>[0] & object),
    application_name: 'vestnik jobs',
    max: MAX_CONNECTIONS,
    schedule: false,
    supervise: works,
    superviseIntervalSeconds: 30,
    maintenanceIntervalSeconds: 60,
    reindex: false,
    monitorVacuum: false,
    persistWarnings: false,
    registerInstance: false,
  });
  // Without a listener an 'error' event would end the process.
  jobs.on('error', (error) => log.error({ err: error }, 'background jobs failed'));
  jobs.on('warning', (warning) => log.debug({ warning }, 'background jobs warn'));
  await jobs.start();
  return jobs;
}

/** Lets running jobs finish, for a few seconds; what is cut off is tried again by the next start. */
export async function closeJobs(jobs: Jobs): Promise<void> {
  await jobs.stop({ graceful: true, timeout: STOP_TIMEOUT_MS });
}
