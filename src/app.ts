import { prepareErasures } from './accounts/erase-account.js';
import { firstAdministratorLink } from './accounts/first-administrator.js';
import { hasAdministrator } from './accounts/user-store.js';
import type { Config } from './config.js';
import { openFoundation, StartError, type Foundation } from './foundation.js';
import { startInboxServer } from './inbox/inbox-server.js';
import { systemClock, type Clock } from './lib/clock.js';
import { closeJobs, openJobs, type Jobs } from './lib/jobs.js';
import type { Log } from './lib/log.js';
import { prepareSystemLetters } from './lib/system-mail.js';
import { Activity } from './nodes/activity.js';
import { nameNode, startHeartbeat } from './nodes/heartbeat.js';
import { openMetrics } from './nodes/metrics.js';
import { hasEnabledRelays } from './relays/relay-store.js';
import type { SiteParts } from './site.js';
import { startWorker } from './worker.js';

export interface App {
  /** Where the pages are; absent in a process that only works. */
  url: string | undefined;
  /** Makes the first administrator; absent once there is one. */
  setupLink: string | undefined;
  /** The service's own go to the built-in inbox; those of mailings, too, while there are no relays. */
  lettersStayHere: boolean;
  /** Mailings go by the mail servers that administrators keep on their page. */
  hasRelays: boolean;
  stop(): Promise<void>;
}

/** Puts everything together. What was opened is closed again, in the opposite order, by `stop` and when a later step fails. */
export async function openApp(config: Config, log: Log, clock: Clock = systemClock): Promise<App> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const foundation = await openFoundation(config, log);
    closers.push(() => foundation.close());
    const { db, secret } = foundation;
    const isWorker = config.roles.includes('worker');

    const activity = new Activity();
    const node = nameNode();
    await signOn(foundation, { node, activity }, closers);
    const token = config.metricsToken;
    const metrics = token === undefined ? undefined : openMetrics({ db, log, activity, token });

    const smtpUrl = config.smtpUrl ?? (await openInbox(foundation, closers));
    const jobs = await openLetterJobs(foundation, isWorker, closers);
    const url = await openSites(foundation, { jobs, clock, smtpUrl, metrics }, closers);
    if (isWorker) {
      const worker = await startWorker({
        db,
        connection: foundation.connection,
        clock,
        log,
        node,
        secret,
        redisUrl: config.redisUrl,
        activity,
        background: { jobs, baseUrl: config.baseUrl, defaultLocale: config.defaultLocale },
        smtpUrl,
        mailFrom: config.mailFrom,
        retryMinutes: config.retryMinutes,
      });
      closers.push(() => worker.stop());
    }
    const setupLink = (await hasAdministrator(db)) ? undefined : firstAdministratorLink(config.baseUrl, secret);
    const hasRelays = await hasEnabledRelays(db);
    return { url, setupLink, lettersStayHere: config.smtpUrl === undefined, hasRelays, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The first thing after the database: whoever may not work beside the others must not begin to. Signs off as the last one. */
async function signOn(
  { config, db, log, secret }: Foundation,
  { node: name, activity }: { node: string; activity: Activity },
  closers: (() => Promise<void>)[],
) {
  const started = await startHeartbeat(db, { name, roles: config.roles, secret, activity, log });
  if (!started.ok) {
    throw new StartError(
      `The process ${started.fault.node} works on this database with another SECRET; give all processes the same one. ` +
        'To change it, stop all of them first: one that was killed counts for 20 seconds.',
    );
  }
  closers.push(() => started.heartbeat.stop());
}

/** A process without pages does without what they need: 60 MB less. */
async function openSites(foundation: Foundation, parts: SiteParts, closers: (() => Promise<void>)[]) {
  const { roles, metricsPort } = foundation.config;
  if (!roles.includes('web') && metricsPort === undefined) return undefined;
  const { openMetricsSite, openSite } = await import('./site.js');
  if (roles.includes('web')) return openSite(foundation, parts, closers);
  await openMetricsSite(foundation.config, parts.metrics, closers);
  return undefined;
}

async function openInbox({ db, log }: Foundation, closers: (() => Promise<void>)[]): Promise<string> {
  const inbox = await startInboxServer({ db, log });
  closers.push(() => inbox.stop());
  return inbox.url;
}

async function openLetterJobs(
  { connection, log }: Foundation,
  works: boolean,
  closers: (() => Promise<void>)[],
): Promise<Jobs> {
  const jobs = await openJobs(connection, { log, works });
  closers.push(() => closeJobs(jobs));
  await prepareSystemLetters(jobs);
  await prepareErasures(jobs);
  return jobs;
}
