/**
 * The loop that moves every mailing on: starts what is due, freezes audiences, sends, closes and finishes, and takes back the leases
 * of workers that are gone. It holds nothing that the database does not: after a crash the next one simply goes on. Any number of
 * workers may run on one database.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { pauseRefusedMailing } from '../mailings/pause-refused-mailing.js';
import { startDueMailings } from '../mailings/start-mailing.js';
import {
  closeWaiting,
  finishMailing,
  freezeAudience,
  listRunningMailings,
  listSendable,
  reapLeases,
  renewLeases,
  type RunningMailing,
} from './ledger-store.js';
import { parseMailbox } from './letter.js';
import { sendMailing } from './mailing-sender.js';
import { clearRelayFault, saveRelayFault } from './relay-store.js';
import { Relay } from './relay.js';
import { DEFAULT_RETRY_MINUTES } from './retry.js';

export interface DeliveryWorkerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  smtp: SmtpServerAddress;
  mailFrom: string;
  /** Minutes from each try at a delivery to the next. */
  retryMinutes?: readonly number[];
}

const TICK_MS = 400;
/** How soon a halt is noticed; with the last call of `SmtpConnection` it makes the two seconds that are promised. */
const HALT_MS = 400;
const RENEW_MS = 5_000;
/** After the database was away every lease has expired: all workers get the time to renew theirs before any is taken back. */
const REAP_AFTER_OUTAGE_MS = 2 * RENEW_MS;
const STOP_WITHIN_MS = 8_000;
const DEFAULT_CONNECTIONS = 8;

export class DeliveryWorker {
  readonly #deps: DeliveryWorkerDeps;
  readonly #relay: Relay;
  readonly #node = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  readonly #leases = new Set<number>();
  readonly #stopping = new AbortController();
  /** What this process is doing, by what it is doing; nothing is begun twice. */
  readonly #tasks = new Map<string, Promise<void>>();
  /** The mailings that are being sent by this process, and what halts each. */
  readonly #sending = new Map<number, AbortController>();
  /** What is remembered of the mail server, written one after another: the last word must stay the last. */
  #notes = Promise.resolve();
  #mayReapAt = 0;
  /** Mailings that this process cannot send: told once, and left to their end time. Another version of the program may know better. */
  readonly #unsendable = new Set<number>();
  readonly #loops: Promise<void>[];

  constructor(deps: DeliveryWorkerDeps) {
    this.#deps = deps;
    const { smtp } = deps;
    this.#relay = new Relay({
      ...smtp,
      connections: smtp.connections ?? DEFAULT_CONNECTIONS,
      onFault: (fault, restMs) => this.#noteFault(fault, restMs),
      onRecovery: () => this.#note(() => clearRelayFault(deps.db, this.#relay.name)),
    });
    this.#loops = [
      this.#repeat(TICK_MS, () => this.#tick()),
      this.#repeat(HALT_MS, () => this.#haltForbidden()),
      this.#repeat(RENEW_MS, () => this.#renew()),
    ];
  }

  /** Claims nothing more, lets what is on the wire end (8 s at most), and gives the rest back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#relay.close(STOP_WITHIN_MS);
    await Promise.all(this.#loops);
    await Promise.all(this.#tasks.values());
    await this.#notes;
  }

  async #repeat(everyMs: number, action: () => Promise<void>): Promise<void> {
    let isFailing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        await action();
        isFailing = false;
      } catch (error) {
        // The database is away: said once, tried again.
        if (!isFailing) this.#deps.log.error({ err: error }, 'the delivery worker could not go on; it tries again');
        isFailing = true;
        this.#mayReapAt = performance.now() + REAP_AFTER_OUTAGE_MS;
      }
      await delay(everyMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  async #tick(): Promise<void> {
    const { db, clock, log } = this.#deps;
    if (performance.now() >= this.#mayReapAt) {
      const reaped = await reapLeases(db, [...this.#leases]);
      if (reaped.inDoubt + reaped.givenBack > 0) log.warn(reaped, 'took back deliveries of a worker that is gone');
    }
    await startDueMailings(db, clock.now());
    for (const mailing of await listRunningMailings(db)) this.#take(mailing);
  }

  async #renew(): Promise<void> {
    await renewLeases(this.#deps.db, [...this.#leases]);
  }

  /** A loop of its own: a tick may have a thousand mailings to start. The gate lets nothing new out meanwhile. */
  async #haltForbidden(): Promise<void> {
    const sending = [...this.#sending];
    if (sending.length === 0) return;
    const sendable = await listSendable(
      this.#deps.db,
      sending.map(([id]) => id),
    );
    for (const [id, halt] of sending) if (!sendable.has(id)) halt.abort();
  }

  /** Closing goes on beside a sending that a silent mail server holds up. */
  #take(mailing: RunningMailing): void {
    if (mailing.closing)
      return this.#run(`close ${mailing.id}`, () => this.#close(mailing.id, mailing.closing ?? 'expired'));
    return this.#run(`send ${mailing.id}`, () => this.#advance(mailing));
  }

  #run(key: string, action: () => Promise<void>): void {
    if (this.#tasks.has(key) || this.#stopping.signal.aborted) return;
    const task = action()
      .catch((error: unknown) =>
        this.#deps.log.error({ err: error, task: key }, 'a mailing could not go on; it is tried again'),
      )
      .finally(() => this.#tasks.delete(key));
    this.#tasks.set(key, task);
  }

  async #advance({ id, frozen, maySend }: RunningMailing): Promise<void> {
    const { db } = this.#deps;
    if (!frozen && !(await freezeAudience(db, id))) return;
    if ((maySend || !frozen) && !this.#relay.isResting && !this.#unsendable.has(id)) await this.#send(id);
    await finishMailing(db, id);
  }

  async #close(id: number, state: 'expired' | 'cancelled'): Promise<void> {
    const { db } = this.#deps;
    await freezeAudience(db, id);
    while (!this.#stopping.signal.aborted && (await closeWaiting(db, id, state)));
    await finishMailing(db, id);
  }

  async #send(mailingId: number): Promise<void> {
    const { db, log, mailFrom, retryMinutes = DEFAULT_RETRY_MINUTES } = this.#deps;
    const from = parseMailbox(mailFrom);
    const halt = new AbortController();
    const shared = { relay: this.#relay, node: this.#node, leases: this.#leases };
    const signals = { stopping: this.#stopping.signal, halted: halt.signal };
    const rules = { retryMinutes, onPolicy: (reply: string) => this.#pauseRefused(mailingId, reply, halt) };
    this.#sending.set(mailingId, halt);
    const sent = await sendMailing({ db, log, from, ...shared, ...signals, ...rules }, mailingId).finally(() =>
      this.#sending.delete(mailingId),
    );
    if (sent.ok) return;
    this.#unsendable.add(mailingId);
    log.error({ mailingId }, 'a mailing cannot be sent: its message cannot be filled in');
  }

  /** One task for all letters that come back so at the same time. */
  #pauseRefused(mailingId: number, reply: string, halt: AbortController): void {
    this.#run(`pause ${mailingId}`, async () => {
      const { db, clock, log } = this.#deps;
      if (!(await pauseRefusedMailing(db, mailingId, reply, clock.now()))) return;
      halt.abort();
      log.warn({ mailingId, reply }, 'the mail server refuses a message as a matter of policy; its mailing is paused');
    });
  }

  #noteFault(fault: string, restMs: number): void {
    this.#deps.log.warn({ relay: this.#relay.name, fault, restMs }, 'the mail server failed; it is tried again later');
    this.#note(() => saveRelayFault(this.#deps.db, this.#relay.name, fault, restMs));
  }

  #note(save: () => Promise<void>): void {
    this.#notes = this.#notes
      .then(save)
      .catch((error: unknown) =>
        this.#deps.log.error({ err: error }, 'the state of the mail server could not be saved'),
      );
  }
}
