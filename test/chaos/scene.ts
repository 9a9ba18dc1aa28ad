/** What a run takes place in: owners with a mailing each, mail servers, limits and workers, as its schedule has them. */
import { sql } from 'kysely';

import { TERMINAL } from '../../src/audit/audit.js';
import { closeDatabase, openDatabase, type Database, type DatabaseConnection } from '../../src/lib/database.js';
import type { SmtpServerAddress } from '../../src/lib/smtp/smtp-url.js';
import { startMailing } from '../../src/mailings/start-mailing.js';
import { addMailing, addUser } from '../support/fixtures.js';
import { SmtpTestServer, type SmtpServerEvent } from '../support/smtp-server.js';
import { ChaosWorker } from './chaos-worker.js';
import { Faults } from './faults.js';
import type { Schedule } from './schedule.js';

export interface Owner {
  id: number;
  mailingId: number;
  addresses: string[];
}

const DOMAINS = 3;
/** Only where the mail server is the one of SMTP_URL: a server that falls silent is given up after these. */
const TIMEOUTS = { command: 2_000, finalDot: 2_000, close: 2_500 };
const LETTERS_ON_WIRE = 8;
/** A line that no fault of the world around may bring about. */
const OWN_FAULT = 'a letter could not be sent';

export class Scene {
  readonly db: Database;
  readonly schedule: Schedule;
  readonly faults: Faults;
  owners: Owner[] = [];
  servers: SmtpTestServer[] = [];
  /** Where they are, also while they are gone. */
  readonly ports: number[] = [];
  workers: ChaosWorker[] = [];
  /** The names of workers that were killed. */
  readonly dead = new Set<string>();
  /** What the engine says of faults of its own. */
  readonly complaints: string[] = [];
  /** Letters begun at all mail servers. */
  begun = 0;
  onEvent: (event: SmtpServerEvent) => void = () => {};
  readonly #connection: DatabaseConnection;
  #workerCount = 0;
  /** Of killed workers, that have to notice it. */
  readonly #leaving = new Set<Promise<void>>();

  private constructor(connection: DatabaseConnection, schedule: Schedule) {
    this.#connection = connection;
    this.schedule = schedule;
    this.faults = new Faults(schedule);
    this.db = openDatabase(connection, { applicationName: 'chaos', maxConnections: 2 });
  }

  /** The database has the schema, and nothing that runs. */
  static async open(connection: DatabaseConnection, schedule: Schedule): Promise<Scene> {
    const scene = new Scene(connection, schedule);
    try {
      await scene.#forgetFormerRuns();
      await scene.#openServers();
      for (let index = 0; index < schedule.owners; index += 1) scene.owners.push(await scene.#addOwner(index));
      for (let index = 0; index < schedule.workers; index += 1) scene.addWorker();
      return scene;
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  addWorker(): void {
    this.#workerCount += 1;
    const { seed, connections } = this.schedule;
    const node = `chaos-${seed}-${this.#workerCount}`;
    const onError = (line: string) => {
      if (line.includes(OWN_FAULT)) this.complaints.push(line);
    };
    const smtp: SmtpServerAddress & { timeouts: object } = {
      host: '127.0.0.1',
      port: this.ports[0] ?? 0,
      tls: 'none',
      verifyCertificate: false,
      credentials: null,
      connections,
      timeouts: TIMEOUTS,
    };
    this.workers.push(new ChaosWorker({ connection: this.#connection, node, smtp, onError }));
  }

  async stopWorker(worker: ChaosWorker): Promise<void> {
    this.#forget(worker);
    await worker.stop();
  }

  killWorker(worker: ChaosWorker): void {
    this.#forget(worker);
    this.dead.add(worker.node);
    const leaving = worker.kill().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  /** In doubt may be as many letters for each connection that breaks. */
  get lettersOnWire(): number {
    return this.schedule.chunking && this.schedule.pipelining ? LETTERS_ON_WIRE : 1;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
    await Promise.all(this.servers.map((server) => server.close()));
    await Promise.all(this.#leaving);
    await closeDatabase(this.db);
  }

  #forget(worker: ChaosWorker): void {
    this.workers = this.workers.filter((other) => other !== worker);
  }

  /** A database serves many runs; mailings of earlier ones are over, and cost nothing. */
  async #forgetFormerRuns(): Promise<void> {
    await sql`truncate relay_states, slowings, rates, domain_limits, relays, leases, queue`.execute(this.db);
    await sql`update mailings set status = 'finished', finished_at = now() where status = 'running'`.execute(this.db);
  }

  async #openServers(): Promise<void> {
    const { pipelining, chunking, slowMs, relayWeights, connections, relayLimit, domainLimit } = this.schedule;
    for (let index = 0; index < Math.max(1, relayWeights.length); index += 1) {
      const server = new SmtpTestServer({
        pipelining,
        chunking,
        ...(slowMs > 0 ? { slowMs } : {}),
        keepData: false,
        faults: (event) => {
          if (event.stage === 'mail') this.begun += 1;
          const fault = this.faults.choose(event);
          this.onEvent(event);
          return fault;
        },
      });
      await server.listen();
      this.servers.push(server);
      this.ports.push(server.port);
    }
    for (const [index, weight] of relayWeights.entries()) {
      const port = this.ports[index] ?? 0;
      await this.db
        .insertInto('relays')
        .values({
          name: `relay ${index}`,
          host: '127.0.0.1',
          port,
          verify_certificate: false,
          weight,
          connections,
          tls: 'none',
          auth: 'none',
          letters_limit: relayLimit,
          limit_seconds: perSecond(relayLimit),
          is_enabled: true,
        })
        .execute();
    }
    if (domainLimit === null) return;
    const limit = { domain: 'd0.example', letters_limit: domainLimit, limit_seconds: 1 as const };
    await this.db.insertInto('domain_limits').values(limit).execute();
  }

  async #addOwner(index: number): Promise<Owner> {
    const { recipients, mailingLimit } = this.schedule;
    const email = `owner-${this.schedule.seed}-${index}-${process.hrtime.bigint()}@example.com`;
    const id = await addUser(this.db, { email });
    const addresses = Array.from({ length: recipients }, (_, at) => `r${at}-${index}@d${at % DOMAINS}.example`);
    await sql`
      insert into recipients (owner_id, email, name) select ${id}, email, 'Somebody' from unnest(${addresses}::text[]) email`.execute(
      this.db,
    );
    const mailingId = await addMailing(this.db, id);
    const limit = { letters_limit: mailingLimit, limit_seconds: perSecond(mailingLimit) };
    await this.db.updateTable('mailings').set(limit).where('id', '=', mailingId).execute();
    await startMailing(this.db, TERMINAL, id, mailingId, new Date());
    return { id, mailingId, addresses };
  }
}

/** The seconds of a limit, where there is one. */
function perSecond(letters: number | null): 1 | null {
  return letters === null ? null : 1;
}
