import { Kysely, PostgresDialect } from 'kysely';
import { Pool, types, type ClientConfig, type Connection } from 'pg';

import type { Database, DatabaseConnection } from './database.js';
import { trackConnections, WaitingClient } from './lost-connections.js';
import type { Schema } from './schema.js';

/** The server's are few, and what goes over it is short. */
const CONNECTIONS = 1;
const INT8 = 20;

/**
 * A connection of its own for statements that must not hang: over a connection of which one half is gone they would for minutes. What is not
 * answered within the time fails, with its connection: pg's own `query_timeout` would leave that in the pool, and every later statement
 * behind the one that hangs. Close it with `closeDatabase`.
 */
export function openBoundedDatabase(connection: DatabaseConnection, withinMs: number): Database {
  const pool = new Pool({
    keepAlive: true,
    ...connection,
    connectionTimeoutMillis: withinMs,
    max: CONNECTIONS,
    application_name: 'vestnik',
    types: { getTypeParser },
    Client: boundedClient(withinMs),
  });
  // As in database.ts: without a listener the loss of a connection would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  trackConnections(db, pool);
  return db;
}

function boundedClient(withinMs: number): typeof WaitingClient {
  return class extends WaitingClient {
    constructor(config?: string | ClientConfig) {
      super(config);
      const run = this.query.bind(this) as (...given: unknown[]) => Promise<unknown>;
      const bound = async (...given: unknown[]) => {
        const timer = setTimeout(() => this.#giveUp(), withinMs);
        try {
          return await run(...given);
        } finally {
          clearTimeout(timer);
        }
      };
      this.query = bound as typeof this.query;
    }

    #giveUp(): void {
      const { connection } = this as unknown as { connection: Connection };
      connection.stream.destroy(new Error(`The database did not answer within ${withinMs} ms.`));
    }
  };
}

/** Ids are numbers, as in database.ts. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number;
  const parser: unknown = format === 'binary' ? types.getTypeParser(oid, 'binary') : types.getTypeParser(oid, 'text');
  return parser as (value: string) => unknown;
}
