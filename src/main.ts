import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { openApp, type App } from './app.js';
import { loadConfig, type Config } from './config.js';
import { StartError } from './foundation.js';
import { openLog, type Log } from './lib/log.js';

const STOP_WITHIN_MS = 15_000;
const BREAK_OFF_AFTER_MS = 1_500;

await main();

async function main(): Promise<void> {
  const loaded = loadConfig();
  if (!loaded.ok) {
    console.error(loaded.fault);
    process.exitCode = 1;
    return;
  }
  const { config } = loaded;
  const log = openLog(config.logLevel);
  const stop = listenForStop();
  let isOpen = false;
  void stop.requested.then(() => limitStop(config, log, () => isOpen));
  try {
    const app = await openApp(config, log);
    isOpen = true;
    if (!stop.isRequested()) greet(config, app);
    await stop.requested;
    await app.stop();
  } catch (error) {
    // Whoever has asked for the stop need not hear which step of the start it broke off.
    if (isOpen || !stop.isRequested()) explain(error, log);
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect?.();
}

/** Few lines, for people, on standard output. */
function greet(config: Config, app: App): void {
  const lines = [
    app.url ? `Vestnik is at       ${app.url}` : 'Vestnik works without pages (ROLES=worker)',
    `The data lies in    ${config.databaseUrl ? 'the database of DATABASE_URL' : config.dataDir}`,
    `Letters go to       ${describeWay(app)}`,
  ];
  if (app.setupLink && app.url) lines.push(`First administrator ${app.setupLink}`);
  lines.push('Stop with           Ctrl-C');
  console.log(lines.join('\n'));
}

function describeWay({ lettersStayHere, hasRelays }: App): string {
  if (!hasRelays)
    return lettersStayHere
      ? 'the built-in inbox, nowhere else (set SMTP_URL to send for real)'
      : 'the mail server of SMTP_URL';
  const others = lettersStayHere ? 'to the built-in inbox (set SMTP_URL)' : 'to the mail server of SMTP_URL';
  return `the mail servers on their page; confirmations and the like ${others}`;
}

/** The first signal, or the end of the starter that holds the other end of the channel, asks for the stop. */
function listenForStop() {
  let isRequested = false;
  const requested = new Promise<void>((resolve) => {
    const request = () => {
      isRequested = true;
      resolve();
    };
    // A second Ctrl-C, or npm passing the first one on, must not cut the stop short: the listeners stay.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
    process.once('disconnect', request);
  });
  return { requested, isRequested: () => isRequested };
}

/** From the signal on the time is limited; a start that hangs, at a database that does not answer, is soon broken off. */
function limitStop(config: Config, log: Log, isOpen: () => boolean): void {
  setTimeout(() => {
    if (!isOpen() && mayBreakOff(config)) process.exit(1);
  }, BREAK_OFF_AFTER_MS).unref();
  setTimeout(() => {
    log.error('Vestnik did not stop in time and is ended');
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
}

/**
 * A PostgreSQL of its own that already starts would be left running, so its start is waited for, and it is stopped in order.
 * Before that, half a cluster does no harm: it bears another name, and the next start removes it.
 */
function mayBreakOff({ databaseUrl, dataDir }: Config): boolean {
  return databaseUrl !== undefined || !existsSync(join(dataDir, 'postgresql'));
}

function explain(error: unknown, log: Log): void {
  if (error instanceof StartError) console.error(error.message);
  else log.fatal({ err: error }, 'Vestnik could not start');
}
