import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { createAdaptorServer, type ServerType } from '@hono/node-server';

import { createAuth } from './accounts/auth.js';
import { prepareErasures, queueErasures } from './accounts/erase-account.js';
import { firstAdministratorLink } from './accounts/first-administrator.js';
import { hasAdministrator } from './accounts/user-store.js';
import type { Config } from './config.js';
import { openFoundation, StartError, type Foundation } from './foundation.js';
import { startInboxServer } from './inbox/inbox-server.js';
import { trustProxies } from './lib/client-address.js';
import { systemClock, type Clock } from './lib/clock.js';
import { hasErrorCode } from './lib/embedded-postgres/error.js';
import { closeJobs, openJobs, type Jobs } from './lib/jobs.js';
import { openLimits } from './lib/limits.js';
import type { Log } from './lib/log.js';
import { projectRoot } from './lib/project-root.js';
import { prepareSystemLetters, sendSystemLetter, type SystemLetters } from './lib/system-mail.js';
import { Activity } from './nodes/activity.js';
import { nameNode, startHeartbeat } from './nodes/heartbeat.js';
import { createMetricsWeb } from './nodes/metrics-routes.js';
import { openMetrics, type Metrics } from './nodes/metrics.js';
import { hasEnabledRelays } from './relays/relay-store.js';
import { readAssets } from './ui/assets.js';
import { createWeb } from './web.js';
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
    await signOn(foundation, activity, closers);
    const token = config.metricsToken;
    const metrics = token === undefined ? undefined : openMetrics({ db, log, activity, token });

    const smtpUrl = config.smtpUrl ?? (await openInbox(foundation, closers));
    const jobs = await openLetterJobs(foundation, isWorker, closers);
    const url = config.roles.includes('web')
      ? await openWeb(foundation, { jobs, clock, smtpUrl, metrics }, closers)
      : undefined;
    if (url === undefined) await openMetricsServer(config, metrics, closers);
    if (isWorker) {
      const worker = await startWorker({
        db,
        clock,
        log,
        activity,
        background: { jobs, baseUrl: config.baseUrl },
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
async function signOn({ config, db, log, secret }: Foundation, activity: Activity, closers: (() => Promise<void>)[]) {
  const started = await startHeartbeat(db, { name: nameNode(), roles: config.roles, secret, activity, log });
  if (!started.ok) {
    throw new StartError(
      `The process ${started.fault.node} works on this database with another SECRET; give all processes the same one. ` +
        'To change it, stop all of them first: one that was killed counts for 20 seconds.',
    );
  }
  closers.push(() => started.heartbeat.stop());
}

/** Monitoring reaches a process without pages only where it is told to listen. */
async function openMetricsServer(
  { host, metricsPort }: Config,
  metrics: Metrics | undefined,
  closers: (() => Promise<void>)[],
): Promise<void> {
  if (metricsPort === undefined) return;
  const server = createAdaptorServer({ fetch: createMetricsWeb(metrics).fetch });
  await listen(server, { host, port: metricsPort, setting: 'METRICS_PORT' });
  closers.push(() => closeServer(server));
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

async function openWeb(
  foundation: Foundation,
  { jobs, clock, smtpUrl, metrics }: { jobs: Jobs; clock: Clock; smtpUrl: string; metrics: Metrics | undefined },
  closers: (() => Promise<void>)[],
): Promise<string> {
  const { config, db, log, secret } = foundation;
  const { baseUrl, defaultLocale } = config;
  const trustedProxies = trustProxies(config.trustedProxies);
  const assetsFolder = join(projectRoot, 'dist', 'client');
  const limits = await openLimits(config.redisUrl, log);
  closers.push(() => limits.close());
  const letters: SystemLetters = { send: (letter, within) => sendSystemLetter(jobs, letter, within) };
  const auth = createAuth({ db, secret, baseUrl, letters, defaultLocale, log, limits });
  const lettersStayHere = config.smtpUrl === undefined;
  const assets = readAssets(assetsFolder);
  const pages = { assets, assetsFolder, defaultLocale, lettersStayHere, trustedProxies };
  const mail = { url: smtpUrl, from: config.mailFrom };
  const web = createWeb({ db, clock, log, auth, baseUrl, erasures: queueErasures(jobs), mail, metrics, ...pages });
  const server = createAdaptorServer({ fetch: web.fetch });
  await listen(server, { host: config.host, port: config.port, setting: 'PORT' });
  closers.push(() => closeServer(server));
  return config.port === 0 ? `http://${config.host}:${(server.address() as AddressInfo).port}` : baseUrl;
}

interface Place {
  host: string;
  port: number;
  /** Where the port comes from. */
  setting: string;
}

async function listen(server: ServerType, { host, port, setting }: Place): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    if (hasErrorCode(error, 'EADDRINUSE'))
      throw new StartError(`The port ${port} is taken; stop the other program or set ${setting} to another one.`);
    if (hasErrorCode(error, 'EACCES'))
      throw new StartError(`The port ${port} needs more rights; set ${setting} to one above 1023.`);
    if (hasErrorCode(error, 'EADDRNOTAVAIL', 'ENOTFOUND'))
      throw new StartError(`This machine has no address ${host}; set HOST to one that it has.`);
    throw error;
  }
}

/** Ends idle connections at once, and waits for requests that are being answered. */
async function closeServer(server: ServerType): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    if ('closeIdleConnections' in server) server.closeIdleConnections();
    setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 3000).unref();
  });
}
