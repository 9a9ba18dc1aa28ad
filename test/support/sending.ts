import { sql } from 'kysely';
import { pino } from 'pino';

import { TERMINAL } from '../../src/audit/audit.js';
import { readCounters } from '../../src/delivery/delivery-store.js';
import { DeliveryWorker } from '../../src/delivery/delivery-worker.js';
import type { Counters } from '../../src/delivery/delivery.js';
import { systemClock } from '../../src/lib/clock.js';
import { closeDatabase, openDatabase, type Database } from '../../src/lib/database.js';
import { parseSmtpUrl, type SmtpServerAddress } from '../../src/lib/smtp/smtp-url.js';
import { startMailing } from '../../src/mailings/start-mailing.js';
import { nameNode } from '../../src/nodes/heartbeat.js';
import { createTestDatabase } from './database.js';
import { eventually } from './eventually.js';
import { addMailing, addRecipients, addUser } from './fixtures.js';
import { startSmtpServer, type SmtpServerOptions } from './smtp-server.js';

interface SendingOptions {
  /** Added to the address of the mail server: `?connections=1`. */
  query?: string;
  mailFrom?: string;
  retryMinutes?: number[];
  /** Done before the worker starts: relays, limits, further mailings. */
  prepare?: (db: Database, ownerId: number) => Promise<unknown>;
}

const WORKER = 'delivery worker';

export const silentLog = pino({ level: 'silent' });

export function parseServer(url: string): SmtpServerAddress {
  const smtp = parseSmtpUrl(url);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  return smtp.server;
}

interface WorkerOptions {
  mailFrom?: string | undefined;
  retryMinutes?: number[];
  /** Told of every line that the worker logs as an error. */
  onError?: (line: string) => void;
}

export function startDeliveryWorker(
  db: Database,
  url: string,
  { mailFrom, onError, ...rules }: WorkerOptions = {},
): DeliveryWorker {
  const log = onError ? pino({ level: 'error' }, { write: onError }) : silentLog;
  return new DeliveryWorker({
    db,
    clock: systemClock,
    log,
    node: nameNode(),
    secret: 'a secret of the tests, long enough',
    smtp: parseServer(url),
    mailFrom: mailFrom ?? 'Shop <shop@example.com>',
    ...rules,
  });
}

/** An owner with recipients and a mailing, a server with faults, and a worker between them; stopped in the right order. */
export async function openSending(
  recipients: number,
  options: SmtpServerOptions = {},
  { query = '', prepare, ...rules }: SendingOptions = {},
) {
  const database = await createTestDatabase();
  const { db } = database;
  const server = await startSmtpServer(options);
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  const mailingId = await addMailing(db, ownerId);
  await prepare?.(db, ownerId);
  const url = server.url + query;
  // Connections of its own, that a test may cut without cutting its own.
  const workerDb = openDatabase(database.connection, { applicationName: WORKER });
  const worker = startDeliveryWorker(workerDb, url, rules);
  const counters = async (): Promise<Counters | undefined> =>
    (await readCounters(db, ownerId, [mailingId])).get(mailingId);
  const status = async () =>
    (await db.selectFrom('mailings').select('status').where('id', '=', mailingId).executeTakeFirstOrThrow()).status;
  return {
    db,
    cutConnections: () =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = ${WORKER}`.execute(
        db,
      ),
    server,
    url,
    worker,
    ownerId,
    mailingId,
    counters,
    start: () => startMailing(db, TERMINAL, ownerId, mailingId, new Date()),
    finished: (withinMs?: number) =>
      eventually(
        'the mailing is finished',
        async () => (await status()) === 'finished' && (await counters()),
        withinMs,
      ),
    /** What is remembered of the mail server. */
    fault: async () => (await db.selectFrom('relay_states').select('fault').executeTakeFirst())?.fault ?? null,
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await server.close();
      await closeDatabase(workerDb);
      await database.close();
    },
  };
}
