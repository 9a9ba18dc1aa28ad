/** A worker process of a self-test. It gets its settings from its starter, and ends with it. */
import { systemClock } from '../lib/clock.js';
import { closeDatabase, openDatabase, type DatabaseConnection } from '../lib/database.js';
import { openLog } from '../lib/log.js';
import { startWorker } from '../worker.js';

export interface SelftestWorkerSettings {
  connection: DatabaseConnection;
  smtpUrl: string;
}

process.once('disconnect', () => process.exit(1));
process.once('message', (settings: SelftestWorkerSettings) => void work(settings));

async function work({ connection, smtpUrl }: SelftestWorkerSettings): Promise<void> {
  const db = openDatabase(connection);
  const log = openLog('silent');
  const mailFrom = 'Self-test <selftest@localhost>';
  const worker = await startWorker({
    db,
    clock: systemClock,
    log,
    secret: 'of nothing',
    redisUrl: undefined,
    smtpUrl,
    mailFrom,
  });
  process.once('SIGTERM', () => void stop());
  async function stop() {
    await worker.stop();
    await closeDatabase(db);
    process.exit(0);
  }
}
