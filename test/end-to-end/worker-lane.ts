/**
 * A database, a mail server, and real worker processes on them that die and are followed by others. What a dead one held is counted at its
 * death, and its leases are made to expire then: the tests of SIGSTOP wait for it in earnest.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';

import { TERMINAL } from '../../src/audit/audit.js';
import { freezeAudience } from '../../src/delivery/ledger-store.js';
import { recountMailing } from '../../src/delivery/recount-store.js';
import { findImbalances } from '../../src/delivery/recount.js';
import { closeDatabase, openDatabase, type Database, type DatabaseConnection } from '../../src/lib/database.js';
import { continueMailing } from '../../src/mailings/control-mailing.js';
import { startMailing } from '../../src/mailings/start-mailing.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { addMailing, addUser } from '../support/fixtures.js';
import {
  startSmtpServer,
  type SmtpServerEvent,
  type SmtpServerOptions,
  type SmtpTestServer,
} from '../support/smtp-server.js';
import { openDataFolder, startVestnik, type DataFolder, type VestnikProcess } from '../support/vestnik-process.js';

/** Decision 17: a process has no more than this under way. */
export const MOST_IN_DOUBT = 256;
const FINISHED_WITHIN_MS = 60_000;
const LAST_LOOKS = 4;
const LAST_STATEMENT_MS = 150;
const SETTLED = ['accepted', 'in_doubt', 'cancelled'];
/** Whoever is reading for the test, and not the worker. */
const OBSERVER = 'observer';

export interface LaneMailing {
  id: number;
  ownerId: number;
  addresses: string[];
}

interface MailingOptions {
  recipients: number;
  domain?: string;
  /** Of its message; a long one reaches the mail server in parts. */
  body?: string;
  /** Listed, and paused: it begins with `go`. */
  isHeld?: boolean;
}

export class Lane implements AsyncDisposable {
  readonly db: Database;
  readonly sink: SmtpTestServer;
  /** Told of every event at the mail server, before its reply. */
  onEvent: (event: SmtpServerEvent) => void = () => {};
  readonly #connection: DatabaseConnection;
  readonly #settings: Record<string, string>;
  readonly #disposables: AsyncDisposable[];
  #mailings = 0;

  private constructor(
    connection: DatabaseConnection,
    sink: SmtpTestServer,
    settings: Record<string, string>,
    disposables: AsyncDisposable[],
  ) {
    this.#connection = connection;
    this.db = openDatabase(connection, { applicationName: OBSERVER });
    this.sink = sink;
    this.#settings = settings;
    this.#disposables = disposables;
  }

  /** `database`: another one than a copy of the test run's. */
  static async open(
    { query = '', ...options }: SmtpServerOptions & { query?: string } = {},
    given?: { connection: DatabaseConnection; url: string },
  ): Promise<Lane> {
    const own = given ? undefined : await createTestDatabase();
    const database = given ?? own;
    if (!database) throw new Error('there is a database');
    const folder: DataFolder = await openDataFolder();
    const opened: { lane?: Lane } = {};
    const sink = await startSmtpServer({
      keepData: false,
      ...options,
      faults: (event) => {
        opened.lane?.onEvent(event);
        return options.faults?.(event);
      },
    });
    const settings = {
      DATABASE_URL: database.url,
      DATA_DIR: folder.path,
      SMTP_URL: sink.url + query,
      ROLES: 'worker',
      LOG_LEVEL: 'silent',
      NODE_COMPILE_CACHE: join(folder.path, 'compiled'),
    };
    opened.lane = new Lane(database.connection, sink, settings, [sink, folder, ...(own ? [own] : [])]);
    return opened.lane;
  }

  startWorker(): Promise<VestnikProcess> {
    return startVestnik(this.#settings);
  }

  /** Of an owner of its own. */
  async addMailing({ recipients, domain = 'example.com', body, isHeld }: MailingOptions): Promise<LaneMailing> {
    const { db } = this;
    this.#mailings += 1;
    const number = this.#mailings;
    const ownerId = await addUser(db);
    const addresses = Array.from({ length: recipients }, (_, index) => `m${number}-r${index}@${domain}`);
    await sql`
      insert into recipients (owner_id, email, name) select ${ownerId}, email, 'Anna' from unnest(${addresses}::text[]) email`.execute(
      db,
    );
    const id = await addMailing(db, ownerId);
    if (body !== undefined) await db.updateTable('messages').set({ body }).where('owner_id', '=', ownerId).execute();
    const mailing = { id, ownerId, addresses };
    if (isHeld) await this.#hold(mailing);
    return mailing;
  }

  /** It starts, or continues where it was held. */
  async go({ id, ownerId }: LaneMailing): Promise<void> {
    await startMailing(this.db, TERMINAL, ownerId, id, new Date());
    await continueMailing(this.db, TERMINAL, ownerId, id, new Date());
  }

  /** Paused before a worker can see it, so that everybody is listed and nothing sent. */
  async #hold({ id, ownerId }: LaneMailing): Promise<void> {
    const { db } = this;
    await db.updateTable('mailings').set({ paused_at: new Date() }).where('id', '=', id).execute();
    await startMailing(db, TERMINAL, ownerId, id, new Date());
    await freezeAudience(db, id);
    await eventually('everybody is listed', async () => {
      const query = db.selectFrom('mailings').select('frozen_at').where('id', '=', id);
      return (await query.executeTakeFirstOrThrow()).frozen_at !== null;
    });
  }

  /** Holds a lock on a table in a transaction of its own. */
  async lock(statement: string): Promise<TableLock> {
    const db = openDatabase(this.#connection, { applicationName: OBSERVER, maxConnections: 1 });
    await sql.raw('begin').execute(db);
    await sql.raw(statement).execute(db);
    return {
      async release() {
        await sql.raw('commit').execute(db);
        await closeDatabase(db);
      },
    };
  }

  /** Until a statement of the worker waits for a lock; its session. */
  async waiting(part: string): Promise<number> {
    return eventually(`a statement with "${part}" waits`, async () => {
      const { rows } = await sql<{ pid: number }>`
        select pid from pg_stat_activity where datname = current_database() and application_name <> ${OBSERVER}
          and wait_event_type = 'Lock' and position(${part} in query) > 0`.execute(this.db);
      return rows[0]?.pid;
    });
  }

  /** What its statement would have written is never committed. */
  async endSessions(): Promise<void> {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name <> ${OBSERVER}`.execute(this.db);
  }

  /** Once a process is dead, and no statement of it runs any more: what it held, which has expired then. */
  async bury(worker: VestnikProcess, { alone = true } = {}): Promise<number> {
    if (alone) {
      await eventually('the sessions of the dead process end', async () => {
        const { rows } = await sql`select from pg_stat_activity
          where datname = current_database() and application_name <> ${OBSERVER}`.execute(this.db);
        return rows.length === 0;
      });
      return this.#expireLeases(worker);
    }
    // Another process works on, with sessions that look the same: a last statement of the dead one may run meanwhile.
    let held = 0;
    for (let look = 0; look < LAST_LOOKS; look += 1) {
      held += await this.#expireLeases(worker);
      await delay(LAST_STATEMENT_MS);
    }
    return held;
  }

  async #expireLeases({ pid }: VestnikProcess): Promise<number> {
    const { rows } = await sql<{ letters: number }>`
      update leases set expires_at = now() - interval '1 second' where node like ${`%-${pid}-%`} and expires_at > now()
      returning cardinality(delivery_ids) as letters`.execute(this.db);
    return rows.reduce((sum, { letters }) => sum + letters, 0);
  }

  /** Letters in leases of a process. */
  async claimedBy({ pid }: VestnikProcess): Promise<number> {
    const { rows } = await sql<{ letters: number }>`
      select coalesce(sum(cardinality(delivery_ids)), 0)::int as letters from leases where node like ${`%-${pid}-%`}`.execute(
      this.db,
    );
    return rows[0]?.letters ?? 0;
  }

  /** What is remembered of the mail server. */
  async readRelayFault(): Promise<string | null> {
    return (await this.db.selectFrom('relay_states').select('fault').executeTakeFirst())?.fault ?? null;
  }

  async finished({ id }: LaneMailing): Promise<void> {
    await eventually(
      'the mailing is finished',
      async () => {
        const query = this.db.selectFrom('mailings').select('status').where('id', '=', id);
        return (await query.executeTakeFirstOrThrow()).status === 'finished';
      },
      FINISHED_WITHIN_MS,
    );
  }

  async count(mailing: LaneMailing, state: 'accepted' | 'in_doubt' | 'cancelled'): Promise<number> {
    return (await this.#list(mailing)).filter((delivery) => delivery.state === state).length;
  }

  /** Who is lost or got two, and where the books do not balance; for mail servers that refuse nothing. */
  async findFaults(mailing: LaneMailing): Promise<unknown[]> {
    const { db, sink } = this;
    const recount = await recountMailing(db, mailing.id);
    const deliveries = await this.#list(mailing);
    const listed = new Set(deliveries.map(({ address }) => address));
    const wrong = deliveries.filter(({ address, state }) => {
      const taken = sink.countOf(address);
      return state === 'accepted' ? taken !== 1 : taken > (state === 'in_doubt' ? 1 : 0);
    });
    return [
      ...(recount ? findImbalances(recount) : ['the mailing is gone']),
      ...mailing.addresses.filter((address) => !listed.has(address)),
      ...deliveries.filter(({ state }) => !SETTLED.includes(state)),
      ...wrong,
      ...sink.violations,
    ];
  }

  async #list({ id }: LaneMailing): Promise<{ address: string; state: string }[]> {
    return this.db.selectFrom('deliveries').select(['address', 'state']).where('mailing_id', '=', id).execute();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeDatabase(this.db);
    for (const disposable of this.#disposables) await disposable[Symbol.asyncDispose]();
  }
}

export interface TableLock {
  release(): Promise<void>;
}
