/**
 * Finds connections that are gone without a word: a firewall forgot them, or another server took the address over. By itself Linux gives up
 * what is not acknowledged after a quarter of an hour, and so long a statement would hang. How long a statement takes says nothing: it may
 * wait for a lock, or have much to do. What tells is that both sides wait: this one for an answer, and the other one for its client, or
 * there is no other one any more. Asked over a connection of which every statement is answered soon or fails, twice, as an answer may be on
 * its way. A statement so cut off fails as one whose connection broke, and may have been committed.
 */
import type { Socket } from 'node:net';

import { sql, type Kysely } from 'kysely';
import type { ClientConfig, Pool } from 'pg';

import { PreparingClient } from './prepared-statements.js';
import type { Schema } from './schema.js';

const OVERDUE_MS = 5_000;

interface Statement {
  askedAt: number;
}

/** A client that knows for how long it has waited for its answer. */
export class WaitingClient extends PreparingClient {
  statement: Statement | null = null;

  constructor(config?: string | ClientConfig) {
    super(config);
    const run = this.query.bind(this) as (...given: unknown[]) => unknown;
    const note = (...given: unknown[]) => {
      const statement = { askedAt: performance.now() };
      const end = () => {
        if (this.statement === statement) this.statement = null;
      };
      const answer = run(...given);
      if (answer instanceof Promise) {
        this.statement = statement;
        answer.then(end, end);
      }
      return answer;
    };
    this.query = note as typeof this.query;
  }

  /** Of the process that serves it; behind a pooler a number that PostgreSQL does not know. */
  get pid(): number {
    return (this as unknown as { processID: number }).processID;
  }

  get bytesRead(): number {
    return this.#stream.bytesRead;
  }

  cut(): void {
    this.#stream.destroy(
      new Error('The connection to the database was lost: the server does not know of its statement.'),
    );
  }

  get #stream(): Socket {
    return (this as unknown as { connection: { stream: Socket } }).connection.stream;
  }
}

const clients = new WeakMap<Kysely<Schema>, Set<WaitingClient>>();

/** Of a pool whose clients are of that class. */
export function trackConnections(db: Kysely<Schema>, pool: Pool): void {
  const open = new Set<WaitingClient>();
  pool.on('connect', (client) => open.add(client as unknown as WaitingClient));
  pool.on('remove', (client) => open.delete(client as unknown as WaitingClient));
  clients.set(db, open);
}

interface Suspect {
  client: WaitingClient;
  statement: Statement;
  bytesRead: number;
}

export class LostConnections {
  readonly #db: Kysely<Schema>;
  readonly #watchDb: Kysely<Schema>;
  readonly #overdueMs: number;
  #suspects = new Map<Statement, Suspect>();

  /** `watchDb`: the same database, over a connection that does not hang. */
  constructor(db: Kysely<Schema>, watchDb: Kysely<Schema>, overdueMs = OVERDUE_MS) {
    this.#db = db;
    this.#watchDb = watchDb;
    this.#overdueMs = overdueMs;
  }

  /** Cuts those that were found waiting for nothing by this look and the one before; tells how many. Seconds should lie in between. */
  async look(): Promise<number> {
    const before = this.#suspects;
    this.#suspects = new Map();
    const overdue = this.#listOverdue();
    if (overdue.length === 0) return 0;
    const busy = await this.#listBusy(overdue.map(({ client }) => client.pid));
    if (!busy) return 0;
    const suspects = overdue.filter(({ client, statement }) => !busy.has(client.pid) && client.statement === statement);
    this.#suspects = new Map(suspects.map((suspect) => [suspect.statement, suspect]));
    const lost = suspects.filter(({ statement, client }) => before.get(statement)?.bytesRead === client.bytesRead);
    if (lost.length === 0) return 0;
    for (const { client } of lost) client.cut();
    await this.#endOtherSide(lost.map(({ client }) => client.pid));
    return lost.length;
  }

  #listOverdue(): Suspect[] {
    const latest = performance.now() - this.#overdueMs;
    return [...(clients.get(this.#db) ?? [])].flatMap((client) => {
      const { statement, bytesRead } = client;
      return statement && statement.askedAt <= latest ? [{ client, statement, bytesRead }] : [];
    });
  }

  /** Those of the processes that do not wait for their client; nothing where a pooler stands in between: whose is which is not known then. */
  async #listBusy(pids: number[]): Promise<Set<number> | undefined> {
    const { rows } = await sql<{ own: number; busy: number[] }>`
      select pg_backend_pid() as own, array(
        select pid from pg_stat_activity where pid = any(${pids}::int[]) and wait_event_type is distinct from 'Client'
      ) as busy`.execute(this.#watchDb);
    const [row] = rows;
    const isDirect = [...(clients.get(this.#watchDb) ?? [])].some(({ pid }) => pid === row?.own);
    return row && isDirect ? new Set(row.busy) : undefined;
  }

  /** PostgreSQL asks after its clients only after two hours: so long it would keep the locks of a transaction. */
  async #endOtherSide(pids: number[]): Promise<void> {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where pid = any(${pids}::int[]) and wait_event_type = 'Client' and datname = current_database() and usename = current_user`.execute(
      this.#watchDb,
    );
  }
}
