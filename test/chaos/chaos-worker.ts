/**
 * A delivery worker in this process that can die as by kill -9: at once its sockets are gone, to the database as to mail servers, and each
 * that it opens afterwards. What it has handed to the network before may still arrive, and its statements may still be committed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

import { pino } from 'pino';

import { DeliveryWorker } from '../../src/delivery/delivery-worker.js';
import { systemClock } from '../../src/lib/clock.js';
import { closeDatabase, openDatabase, type Database, type DatabaseConnection } from '../../src/lib/database.js';
import type { SmtpServerAddress } from '../../src/lib/smtp/smtp-url.js';

interface ChaosWorkerOptions {
  connection: DatabaseConnection;
  node: string;
  smtp: SmtpServerAddress;
  /** Told of every error that the worker logs. */
  onError: (line: string) => void;
}

/** Whatever a worker does, it does in its own context: by it a socket is known to be its. */
const owners = new AsyncLocalStorage<ChaosWorker>();
subscribe('net.client.socket', (message) => owners.getStore()?.own((message as { socket: Socket }).socket));

/** Many workers share one server. */
const CONNECTIONS = 2;
/** Some milliseconds each. */
const RETRY_MINUTES = Array.from({ length: 6 }, () => 0.0005);

export class ChaosWorker {
  readonly node: string;
  #isDead = false;
  readonly #sockets = new Set<Socket>();
  readonly #db: Database;
  readonly #worker: DeliveryWorker;

  constructor({ connection, node, smtp, onError }: ChaosWorkerOptions) {
    this.node = node;
    this.#db = openDatabase(connection, { applicationName: node, maxConnections: CONNECTIONS });
    const log = pino({ level: 'error' }, { write: (line: string) => void (this.#isDead || onError(line)) });
    this.#worker = owners.run(
      this,
      () =>
        new DeliveryWorker({
          db: this.#db,
          clock: systemClock,
          log,
          node,
          smtp,
          secret: 'a secret of the tests, long enough',
          mailFrom: 'Shop <shop@example.com>',
          retryMinutes: RETRY_MINUTES,
          reapAfterMs: 0,
        }),
    );
  }

  own(socket: Socket): void {
    // Node.js tells of it before it connects, which would undo the end.
    if (this.#isDead) {
      process.nextTick(() => socket.destroy());
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Its connections to the database end on this side: what it has sent there goes on. */
  cutDatabase(): void {
    // A mail server has a port; the database is on a Unix socket.
    for (const socket of this.#sockets) if (socket.remotePort === undefined) socket.destroy();
  }

  /** In order. */
  async stop(): Promise<void> {
    await owners.run(this, () => this.#worker.stop());
    await closeDatabase(this.#db);
  }

  /** Dead when this returns. Resolves when the object, too, has noticed it. */
  kill(): Promise<void> {
    this.#isDead = true;
    for (const socket of this.#sockets) socket.destroy();
    return this.stop();
  }
}
