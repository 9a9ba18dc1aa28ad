/**
 * The loops that move every mailing on: they start what is due, freeze audiences, give what may be sent to the dispatcher, close and finish,
 * and take back the leases of workers that are gone. They hold nothing that the database does not: after a crash the next one simply goes on.
 * Any number of workers may run on one database.
 */
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { LostConnections } from '../lib/lost-connections.js';
import { repeat } from '../lib/repeat.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { pauseRefusedMailing } from '../mailings/pause-refused-mailing.js';
import { startDueMailings } from '../mailings/start-mailing.js';
import { compileMessage } from '../messages/render-message.js';
import { Activity } from '../nodes/activity.js';
import { Dispatcher } from './dispatcher.js';
import { DomainLimits } from './domain-limits.js';
import { finishAndSummarize } from './finish-and-summarize.js';
import { HaltWatch } from './halt-watch.js';
import { reapLeases, renewLeases } from './lease-store.js';
import {
  closeWaiting,
  freezePart,
  listRunningMailings,
  listSendable,
  readContent,
  type RunningMailing,
} from './ledger-store.js';
import { parseMailbox, type LetterHead } from './letter.js';
import { prepareLetters, type WriteLetter } from './mailing-letters.js';
import { keepRatesInDatabase, type Rates } from './rates.js';
import { DEFAULT_RETRY_MINUTES } from './retry.js';
import { Routes } from './routes.js';

export interface DeliveryWorkerDeps {
  db: Database;
  /** The same, of which every statement is answered soon or fails; for those that must not hang. Absent: `db`. */
  watchDb?: Database;
  clock: Clock;
  log: Log;
  /** The name of this process, which no other has. */
  node: string;
  /** The installation's: opens the passwords of relays. */
  secret: string;
  /** By which mailings go while administrators keep no relay. */
  smtp: SmtpServerAddress;
  mailFrom: string;
  /** Minutes from each try at a delivery to the next. */
  retryMinutes?: readonly number[];
  /** In the database, unless told. */
  rates?: Rates;
  /** Told what this process sends. */
  activity?: Activity;
  /** Milliseconds; for tests in which minutes go by. */
  reapAfterMs?: number;
}

const TICK_MS = 400;
/** From one look at what is forbidden to the next. */
const HALT_MS = 300;
const RENEW_MS = 5_000;
const REFRESH_MS = 3_000;
/** From one look at statements that hang to the next. */
const LOST_MS = 5_000;
/** At its start a worker does not know whether the database was away and every lease has expired: all get the time to renew theirs. */
const REAP_AFTER_MS = 2 * RENEW_MS;
const STOP_WITHIN_MS = 8_000;

export class DeliveryWorker {
  readonly #deps: DeliveryWorkerDeps;
  readonly #from: LetterHead['from'];
  readonly #routes: Routes;
  readonly #domains: DomainLimits;
  readonly #dispatcher: Dispatcher;
  readonly #stopping = new AbortController();
  /** What this process is doing, by what it is doing; nothing is begun twice. */
  readonly #tasks = new Map<string, Promise<void>>();
  readonly #watchDb: Database;
  readonly #watch: HaltWatch;
  readonly #loops: Promise<void>[];

  constructor(deps: DeliveryWorkerDeps) {
    this.#deps = deps;
    const { db, log, node, retryMinutes = DEFAULT_RETRY_MINUTES } = deps;
    const { rates = keepRatesInDatabase(db), activity = new Activity() } = deps;
    this.#from = parseMailbox(deps.mailFrom);
    this.#watchDb = deps.watchDb ?? db;
    this.#watch = new HaltWatch(() => this.#dispatcher.haltAll());
    this.#routes = new Routes({ ...deps, gate: this.#watch });
    this.#domains = new DomainLimits({ db, log, rates });
    this.#dispatcher = new Dispatcher({
      db,
      log,
      node,
      rates,
      activity,
      retryMinutes,
      routes: this.#routes,
      domains: this.#domains,
      sender: this.#from.address,
      prepare: (id) => this.#prepare(id),
      onPolicy: (id, reply) => this.#pauseRefused(id, reply),
      onIdle: (id) => this.#run(`finish ${id}`, () => finishAndSummarize(db, log, id)),
      mayBegin: this.#watch.mayBegin,
      stopping: this.#stopping.signal,
    });
    activity.watch({
      onTheWire: () => sum(this.#routes.all.map(({ relay }) => relay.onTheWire)),
      connections: () => sum(this.#routes.all.map(({ relay }) => relay.openConnections)),
      mailings: () => this.#dispatcher.mailingIds,
    });
    this.#loops = [
      this.#repeat(REFRESH_MS, () => this.#refresh()),
      this.#repeat(TICK_MS, () => this.#tick()),
      this.#repeat(HALT_MS, () => this.#haltForbidden()),
      this.#repeat(RENEW_MS, () => this.#renew()),
    ];
    if (deps.watchDb) this.#loops.push(this.#cutLost(new LostConnections(db, deps.watchDb)));
  }

  /** Claims nothing more, lets what is on the wire end (8 s at most), and gives the rest back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // A pause holds for what is on the wire, too, while it gets its time.
    const halting = setInterval(() => void this.#haltForbidden().catch(() => {}), HALT_MS);
    await this.#routes.close(STOP_WITHIN_MS).finally(() => clearInterval(halting));
    await Promise.all(this.#loops);
    await this.#dispatcher.close();
    await Promise.all(this.#tasks.values());
    this.#watch.close();
  }

  #repeat(everyMs: number, action: () => Promise<void>): Promise<void> {
    const onFailure = (error: unknown, isFirst: boolean) => {
      // The database is away: said once, tried again.
      if (isFirst) this.#deps.log.error({ err: error }, 'the delivery worker could not go on; it tries again');
      this.#watch.interrupt();
    };
    return repeat({ everyMs, stopping: this.#stopping.signal, onFailure }, action);
  }

  async #refresh(): Promise<void> {
    const now = this.#deps.clock.now();
    // Nothing leaves before the first routes are known: what limits it has to be known by then.
    await this.#domains.refresh(now);
    await this.#routes.refresh(now);
  }

  async #tick(): Promise<void> {
    const { db, clock, log, reapAfterMs = REAP_AFTER_MS } = this.#deps;
    if (this.#watch.steadyMs >= reapAfterMs) {
      const inDoubt = await reapLeases(db, this.#dispatcher.ownIds);
      if (inDoubt > 0)
        log.warn({ inDoubt }, 'took back the leases of a worker that is gone; what they held is in doubt');
    }
    await startDueMailings(db, clock.now());
    await this.#look();
  }

  /** Takes up what is to be done for each running mailing. */
  async #look(): Promise<void> {
    const running = await listRunningMailings(this.#deps.db);
    this.#dispatcher.give(running.filter(({ maySend }) => maySend));
    for (const mailing of running) this.#care(mailing);
  }

  async #renew(): Promise<void> {
    const ids = this.#dispatcher.leaseIds;
    if (ids.length > 0) this.#dispatcher.dropLeases(ids, await renewLeases(this.#watchDb, ids));
  }

  #cutLost(connections: LostConnections): Promise<void> {
    return this.#repeat(LOST_MS, async () => {
      const count = await connections.look();
      if (count > 0)
        this.#deps.log.warn({ count }, 'connections to the database were lost without a word, and are replaced');
    });
  }

  /** A loop of its own: a tick may have a thousand mailings to start. The gate lets nothing new out meanwhile. */
  async #haltForbidden(): Promise<void> {
    const ids = this.#dispatcher.mailingIds;
    const sendable = await this.#watch.look(() => listSendable(this.#watchDb, ids));
    for (const id of ids) if (!sendable.has(id)) this.#dispatcher.halt(id);
  }

  /** What is to be done for a mailing beside sending. Closing goes on while a silent mail server holds up its letters. */
  #care({ id, frozen, closing, isSettled }: RunningMailing): void {
    // A freeze that goes on is waited for: what it lists is to be closed as well.
    if (!frozen) this.#run(`freeze ${id}`, () => this.#freeze(id));
    else if (closing) this.#run(`close ${id}`, () => this.#close(id, closing));
    else if (isSettled) this.#run(`finish ${id}`, () => finishAndSummarize(this.#deps.db, this.#deps.log, id));
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

  /** The first letters leave while the rest of the audience is being listed. */
  async #freeze(id: number): Promise<void> {
    while (!this.#stopping.signal.aborted && (await freezePart(this.#deps.db, id)) === 'listed') await this.#look();
    await this.#look();
  }

  async #close(id: number, state: 'expired' | 'cancelled'): Promise<void> {
    const { db, log } = this.#deps;
    while (!this.#stopping.signal.aborted && (await closeWaiting(db, id, state)));
    await finishAndSummarize(db, log, id);
  }

  /** One that this program cannot fill in is told of once, and left to its end time: another version of the program may know better. */
  async #prepare(id: number): Promise<WriteLetter | undefined> {
    const { db, log } = this.#deps;
    const content = await readContent(db, id);
    const compiled = content && compileMessage(content);
    if (compiled?.ok) return prepareLetters(this.#from, compiled.message);
    log.error({ mailingId: id }, 'a mailing cannot be sent: its message cannot be filled in');
    return undefined;
  }

  /** One task for all letters that come back so at the same time. */
  #pauseRefused(id: number, reply: string): void {
    this.#run(`pause ${id}`, async () => {
      const { db, clock, log } = this.#deps;
      if (!(await pauseRefusedMailing(db, id, reply, clock.now()))) return;
      this.#dispatcher.halt(id);
      log.warn(
        { mailingId: id, reply },
        'the mail server refuses a message as a matter of policy; its mailing is paused',
      );
    });
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
