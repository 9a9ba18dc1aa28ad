import type { Config } from './config.js';
import { checkServer, closeDatabase, openDatabase, type Database, type DatabaseConnection } from './lib/database.js';
import { startEmbeddedPostgres } from './lib/embedded-postgres.js';
import { EmbeddedPostgresError, hasErrorCode } from './lib/embedded-postgres/error.js';
import type { Log } from './lib/log.js';
import { migrate, MigrationError } from './lib/migrate.js';
import { keepSecret } from './lib/secret.js';
import { parseSmtpUrl } from './lib/smtp/smtp-url.js';

/** What a start cannot go on from; the message says in one line what to do. */
export class StartError extends Error {
  readonly code = 'start';
}

/** What every process needs, the server and the command line alike: the secret and a database with the current schema. */
export interface Foundation {
  config: Config;
  log: Log;
  secret: string;
  db: Database;
  /** For pools of others (pg-boss). */
  connection: DatabaseConnection;
  close(): Promise<void>;
}

export async function openFoundation(config: Config, log: Log): Promise<Foundation> {
  refuseWrongSmtpUrl(config);
  const secret = config.secret ?? (await explain(config, () => keepSecret(config.dataDir)));
  const embedded = config.databaseUrl
    ? undefined
    : await explain(config, () =>
        startEmbeddedPostgres({ dataDir: config.dataDir, log: (message) => log.debug(message) }),
      );
  const connection = embedded?.connection ?? { connectionString: config.databaseUrl };
  const db = openDatabase(connection, {
    maxConnections: config.databaseConnections,
    onConnectionLost: (error) => log.warn({ err: error }, 'a connection to the database was lost'),
  });
  const close = async () => {
    await closeDatabase(db);
    await embedded?.stop();
  };
  try {
    const server = await checkServer(db);
    if (!server.ok) throw new StartError(explainDatabase(config, server.fault.message));
    await explain(config, () => migrate(db));
    return { config, log, secret, db, connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function refuseWrongSmtpUrl({ smtpUrl }: Config): void {
  if (smtpUrl === undefined) return;
  const parsed = parseSmtpUrl(smtpUrl);
  if (!parsed.ok) throw new StartError(`The setting SMTP_URL is wrong: ${parsed.fault.error}.`);
}

/** Names the setting wherever the fault is one of the database that it leads to. */
function explainDatabase({ databaseUrl }: Config, fault: string): string {
  if (databaseUrl === undefined || fault.includes('DATABASE_URL')) return fault;
  return `The database of the setting DATABASE_URL cannot be used. ${fault}`;
}

/** Turns the errors that a person can do something about into one line. */
async function explain<T>({ dataDir }: Config, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof EmbeddedPostgresError || error instanceof MigrationError)
      throw new StartError(error.message, { cause: error });
    if (hasErrorCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC')) {
      throw new StartError(`The data folder ${dataDir} cannot be written; set DATA_DIR to a folder that can.`, {
        cause: error,
      });
    }
    throw error;
  }
}
