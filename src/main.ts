import { openApp, type App } from './app.js';
import { loadConfig, type Config } from './config.js';
import { StartError } from './foundation.js';
import { openLog, type Log } from './lib/log.js';

const STOP_WITHIN_MS = 15_000;

await main();

async function main(): Promise<void> {
  const loaded = loadConfig();
  if (!loaded.ok) return fail(loaded.fault);
  const { config } = loaded;
  const log = openLog(config.logLevel);
  const stopRequested = waitForStop(log);
  try {
    const app = await openApp(config, log);
    greet(config, app);
    await stopRequested;
    await app.stop();
    process.disconnect?.();
  } catch (error) {
    if (error instanceof StartError) return fail(error.message);
    log.fatal({ err: error }, 'Vestnik could not start');
    process.exitCode = 1;
  }
}

/** Few lines, for people, on standard output. */
function greet(config: Config, app: App): void {
  const lines = [
    app.url ? `Vestnik is at       ${app.url}` : 'Vestnik works without pages (ROLES=worker)',
    `The data lies in    ${config.databaseUrl ? 'the database of DATABASE_URL' : config.dataDir}`,
    `Letters go to       ${app.lettersStayHere ? 'the built-in inbox, nowhere else (set SMTP_URL to send for real)' : 'the mail server of SMTP_URL'}`,
  ];
  if (app.setupLink && app.url) lines.push(`First administrator ${app.setupLink}`);
  lines.push('Stop with           Ctrl-C');
  console.log(lines.join('\n'));
}

/**
 * Resolves at the first signal, or when the starter that holds the other end of the channel is gone; from then on the time is
 * limited, also for a start that hangs.
 */
async function waitForStop(log: Log): Promise<void> {
  await new Promise<void>((resolve) => {
    // A second Ctrl-C, or npm passing the first one on, must not cut the stop short: the listeners stay.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    process.once('disconnect', () => resolve());
  });
  setTimeout(() => {
    log.error('Vestnik did not stop in time and is ended');
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
  process.disconnect?.();
}
