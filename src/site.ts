import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { createAdaptorServer, type ServerType } from '@hono/node-server';

import { createAuth } from './accounts/auth.js';
import { queueErasures } from './accounts/erase-account.js';
import type { Config } from './config.js';
import { StartError, type Foundation } from './foundation.js';
import { openCache } from './lib/cache.js';
import { trustProxies } from './lib/client-address.js';
import type { Clock } from './lib/clock.js';
import { hasErrorCode } from './lib/embedded-postgres/error.js';
import type { Jobs } from './lib/jobs.js';
import { openLimits } from './lib/limits.js';
import { projectRoot } from './lib/project-root.js';
import { sendSystemLetter, type SystemLetters } from './lib/system-mail.js';
import { timeQueries } from './lib/timing.js';
import { LiveHub } from './mailings/live-hub.js';
import { createMetricsWeb } from './nodes/metrics-routes.js';
import type { Metrics } from './nodes/metrics.js';
import { readAssets } from './ui/assets.js';
import { createWeb } from './web.js';

export interface SiteParts {
  jobs: Jobs;
  clock: Clock;
  smtpUrl: string;
  /** Absent without METRICS_TOKEN. */
  metrics: Metrics | undefined;
}

/** The pages, served; their address. */
export async function openSite(
  foundation: Foundation,
  { jobs, clock, smtpUrl, metrics }: SiteParts,
  closers: (() => Promise<void>)[],
): Promise<string> {
  const { config, log, secret } = foundation;
  const db = timeQueries(foundation.db);
  const { baseUrl, defaultLocale } = config;
  const trustedProxies = trustProxies(config.trustedProxies);
  const assetsFolder = join(projectRoot, 'dist', 'client');
  const limits = await openLimits(config.redisUrl, log);
  closers.push(() => limits.close());
  const cache = await openCache({ db, log, redisUrl: config.redisUrl, secret, megabytes: config.cacheMegabytes });
  closers.push(() => cache.close());
  const letters: SystemLetters = { send: (letter, within) => sendSystemLetter(jobs, letter, within) };
  const auth = createAuth({ db, secret, baseUrl, letters, defaultLocale, log, limits });
  const lettersStayHere = config.smtpUrl === undefined;
  const assets = readAssets(assetsFolder);
  const pages = { assets, assetsFolder, defaultLocale, lettersStayHere, trustedProxies };
  const mail = { url: smtpUrl, from: config.mailFrom };
  const live = new LiveHub({ db: foundation.db, clock, log });
  const web = createWeb({
    live,
    db,
    cache,
    clock,
    log,
    auth,
    baseUrl,
    erasures: queueErasures(jobs),
    mail,
    metrics,
    ...pages,
  });
  const server = createAdaptorServer({ fetch: web.fetch });
  await listen(server, { host: config.host, port: config.port, setting: 'PORT' });
  closers.push(() => closeServer(server));
  // Before the server, which waits for what is being answered.
  closers.push(() => live.close());
  return config.port === 0 ? `http://${config.host}:${(server.address() as AddressInfo).port}` : baseUrl;
}

/** Monitoring reaches a process without pages only where it is told to listen. */
export async function openMetricsSite(
  { host, metricsPort }: Config,
  metrics: Metrics | undefined,
  closers: (() => Promise<void>)[],
): Promise<void> {
  if (metricsPort === undefined) return;
  const server = createAdaptorServer({ fetch: createMetricsWeb(metrics).fetch });
  await listen(server, { host, port: metricsPort, setting: 'METRICS_PORT' });
  closers.push(() => closeServer(server));
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
