import { Kysely, PostgresDialect, sql, type Transaction as KyselyTransaction } from 'kysely';
import { Client, DatabaseError, Pool, types, type PoolConfig } from 'pg';

import { describeConnectionError, type ConnectionTarget, type DatabaseFault } from './database-fault.js';
import { trackConnections, WaitingClient } from './lost-connections.js';
import type { Schema } from './schema.js';

export type Database = Kysely<Schema>;
export type Transaction = KyselyTransaction<Schema>;
export type DatabaseConnection = { connectionString: string } | PoolConfig;

/** Whether a statement broke a unique key (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23505';
}

/** Whether a statement broke a check constraint (SQLSTATE 23514). */
export function isCheckViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23514';
}

/** Whether the values of a statement can never be stored (SQLSTATE classes 22 and 23), however often it is tried. */
export function isRefusedData(error: unknown): boolean {
  return error instanceof DatabaseError && /^2[23]/.test(error.code ?? '');
}

/** Whether a statement came to its `statement_timeout` (SQLSTATE 57014). */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '57014';
}

/** Whether a lock could not be had within `lock_timeout` (SQLSTATE 55P03). */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55P03';
}

/** Whether PostgreSQL ended a statement because it and another one waited for each other (SQLSTATE 40P01). */
function isDeadlock(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '40P01';
}

const DEADLOCK_TRIES = 4;

/**
 * Runs a statement again that PostgreSQL chose to end in a deadlock: the other one goes on meanwhile. For statements that are a
 * transaction of their own: a deadlock ends the whole transaction, and only its beginning could repeat it.
 */
export async function retryDeadlock<T>(statement: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await statement();
    } catch (error) {
      if (!isDeadlock(error) || tries >= DEADLOCK_TRIES) throw error;
    }
  }
}

interface DatabaseOptions {
  /** The most connections this process opens at a time; 10 unless told. */
  maxConnections?: number;
  /** What pg_stat_activity shows for these connections. */
  applicationName?: string;
  /** Told of connections that were lost outside a query, for example when PostgreSQL restarts. */
  onConnectionLost?: (error: Error) => void;
}

type ServerCheck = { ok: true; version: number } | { ok: false; fault: DatabaseFault };

const KEEP_ALIVE_AFTER_MS = 10_000;
const OLDEST_VERSION = 15;
const NEEDED_EXTENSIONS = ['pg_trgm', 'btree_gin'];
const INT8 = 20;
const INT8_ARRAY = 1016;

const connections = new WeakMap<Database, DatabaseConnection>();

/** Opens nothing yet: the first query connects. Close it with `closeDatabase`. */
export function openDatabase(connection: DatabaseConnection, options: DatabaseOptions = {}): Database {
  const pool = new Pool({
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
    // By itself Linux asks after two hours: so long a statement would hang whose answer was lost with the way to the server.
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ...connection,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'vestnik',
    types: { getTypeParser },
    Client: WaitingClient,
  });
  surviveLostConnections(pool, options.onConnectionLost);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  connections.set(db, connection);
  trackConnections(db, pool);
  return db;
}

/** Waits for the queries that are running, then disconnects. */
export async function closeDatabase(db: Database): Promise<void> {
  await db.destroy();
}

/** Tells whether this server can hold Vestnik's data, and if not, what to do about it. */
export async function checkServer(db: Database): Promise<ServerCheck> {
  try {
    const facts = await readServerFacts(db);
    const fault = findServerFault(facts);
    return fault ? { ok: false, fault } : { ok: true, version: facts.version };
  } catch (error) {
    return { ok: false, fault: describeConnectionError(error, readTarget(connections.get(db) ?? {})) };
  }
}

export interface ServerFacts {
  version: number;
  encoding: string;
  database: string;
  user: string;
  schema: string | null;
  mayCreateInDatabase: boolean;
  mayCreateInSchema: boolean;
  isMigrated: boolean;
  installedExtensions: string[];
  availableExtensions: string[];
}

/** The first thing that stands in the way, as a pure rule. */
export function findServerFault(facts: ServerFacts): DatabaseFault | undefined {
  if (facts.version < OLDEST_VERSION) {
    return {
      code: 'server_too_old',
      message: `The database server is PostgreSQL ${facts.version}; Vestnik needs PostgreSQL ${OLDEST_VERSION} or newer.`,
    };
  }
  if (facts.encoding !== 'UTF8') {
    return {
      code: 'wrong_encoding',
      message: `The database "${facts.database}" has the encoding ${facts.encoding}; create one with: createdb --encoding=UTF8 --template=template0 ${facts.database}_utf8`,
    };
  }
  return findExtensionFault(facts) ?? findSchemaFault(facts);
}

function findExtensionFault(facts: ServerFacts): DatabaseFault | undefined {
  const wanted = NEEDED_EXTENSIONS.filter((name) => !facts.installedExtensions.includes(name));
  const absent = wanted.filter((name) => !facts.availableExtensions.includes(name));
  if (absent.length > 0) {
    return {
      code: 'extension_unavailable',
      message: `The database server lacks the extension ${absent.join(' and ')}; install PostgreSQL's contrib package on it.`,
    };
  }
  if (wanted.length > 0 && !facts.mayCreateInDatabase) {
    return {
      code: 'missing_right',
      message: `The database user "${facts.user}" may not create the extension ${wanted.join(' and ')}; run as an administrator: grant create on database "${facts.database}" to "${facts.user}"`,
    };
  }
  return undefined;
}

function findSchemaFault(facts: ServerFacts): DatabaseFault | undefined {
  if (facts.isMigrated || facts.mayCreateInSchema) return undefined;
  const schema = facts.schema ?? 'public';
  return {
    code: 'missing_right',
    message: `The database user "${facts.user}" may not create tables; run as an administrator: grant create, usage on schema "${schema}" to "${facts.user}"`,
  };
}

async function readServerFacts(db: Database): Promise<ServerFacts> {
  const { rows } = await sql<ServerFacts>`
    select
      current_setting('server_version_num')::int / 10000 as "version",
      pg_encoding_to_char(encoding) as "encoding",
      datname::text as "database",
      current_user::text as "user",
      current_schema()::text as "schema",
      has_database_privilege(datname, 'create') as "mayCreateInDatabase",
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreateInSchema",
      to_regclass('migrations') is not null as "isMigrated",
      array(select extname::text from pg_extension) as "installedExtensions",
      array(select name::text from pg_available_extensions where name = any(${NEEDED_EXTENSIONS})) as "availableExtensions"
    from pg_database where datname = current_database()`.execute(db);
  const [facts] = rows;
  if (!facts) throw new Error('pg_database does not list the current database');
  return facts;
}

/** Where a connection leads, read the way pg itself reads it (URL, options, PG* variables). */
function readTarget(connection: DatabaseConnection): ConnectionTarget {
  try {
    const { host, port, user, database } = new Client(connection);
    return { host, port, user, database };
  } catch {
    return {};
  }
}

/**
 * An idle connection reports its loss to the pool; one that is checked out but between two queries reports it only to itself.
 * Without a listener either would end the process. The next query on it fails, and the pool opens another.
 */
function surviveLostConnections(pool: Pool, onConnectionLost: (error: Error) => void = () => {}): void {
  pool.on('error', onConnectionLost);
  pool.on('connect', (client) => client.on('error', () => {}));
}

/** For one pool only: other users of pg in the process (pg-boss) keep theirs. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return parseInt8;
  if (oid === INT8_ARRAY) return parseInt8Array;
  const parser: unknown = format === 'binary' ? types.getTypeParser(oid, 'binary') : types.getTypeParser(oid, 'text');
  return parser as (value: string) => unknown;
}

function parseInt8(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The bigint ${text} does not fit a JavaScript number.`);
  return number;
}

/** One dimension, which is all that Vestnik's statements give back. */
function parseInt8Array(text: string): (number | null)[] {
  if (text === '{}') return [];
  return text
    .slice(1, -1)
    .split(',')
    .map((item) => (item === 'NULL' ? null : parseInt8(item)));
}
