/**
 * Gives out the work of one process: which mailing has the next turn on which relay. A turn is one lease. Mailings take turns, the one that
 * has waited longest first, and none has more than its part of what is under way; one that is throttled, or has nothing due, is passed over
 * and costs the others nothing. Nothing here waits: whatever changes (a lease ends, a limit has room again, a tick brings mailings), `#advance`
 * gives out what it can.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import type { Activity } from '../nodes/activity.js';
import type { DomainLimits } from './domain-limits.js';
import { insist, LeaseBook } from './lease-book.js';
import { claimLease, releaseLease, type Entry, type LeasedDelivery } from './lease-store.js';
import type { WriteLetter } from './mailing-letters.js';
import type { Rates } from './rates.js';
import type { Route } from './route.js';
import type { Routes } from './routes.js';
import { sendLease } from './send-lease.js';
import { TurnLimits } from './turn-limits.js';
import { Turns, type Sendable } from './turns.js';

export interface DispatcherDeps {
  db: Database;
  log: Log;
  /** The name of this process in leases. */
  node: string;
  routes: Routes;
  domains: DomainLimits;
  rates: Rates;
  activity: Activity;
  /** The envelope's sender. */
  sender: string;
  /** Minutes from each try to the next. */
  retryMinutes: readonly number[];
  /** Works out once what the letters of a mailing have in common; undefined for one that this program cannot fill in. */
  prepare: (mailingId: number) => Promise<WriteLetter | undefined>;
  onPolicy: (mailingId: number, reply: string) => void;
  /** Nothing of the mailing is due or under way in this process any more. */
  onIdle: (mailingId: number) => void;
  /** Whether nobody may have forbidden it meanwhile; where not, nothing is begun. */
  mayBegin: () => boolean;
  stopping: AbortSignal;
}

/** A claim is one round trip and one commit: two at a time keep the largest pace. */
const CLAIMS_AT_ONCE = 2;
const TRY_AGAIN_MS = 500;
/** A claim whose answer took longer is given back: what it was asked under may hold no longer. */
const STALE_CLAIM_MS = 5_000;

export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #limits: TurnLimits;
  readonly #mailings = new Map<number, Turns>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #claiming = new Set<string>();
  #turn = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#limits = new TurnLimits(deps);
  }

  /** Those that are being sent. */
  get mailingIds(): number[] {
    return [...this.#mailings.values()].filter(({ underWay }) => underWay > 0).map(({ id }) => id);
  }

  get leaseIds(): string[] {
    return [...this.#mailings.values()].flatMap(({ leases }) => leases.keys().toArray());
  }

  /** Those, and what is being claimed: nobody else knows better what becomes of it. */
  get ownIds(): string[] {
    return [...this.leaseIds, ...this.#claiming];
  }

  /** What may be sent from now on; the rest keeps what is under way, and gets no further turn. */
  give(sendable: Sendable[]): void {
    const given = new Set(sendable.map(({ id }) => id));
    for (const [id, turns] of this.#mailings) {
      if (given.has(id)) continue;
      turns.isDue = false;
      if (turns.underWay === 0) this.#mailings.delete(id);
    }
    for (const mailing of sendable) {
      const known = this.#mailings.get(mailing.id);
      // A limit that was changed holds at once, though the one before it was used up for a day.
      if (known && !isDeepStrictEqual(known.limit, mailing.limit)) known.throttledUntil = 0;
      if (known) Object.assign(known, mailing);
      else this.#mailings.set(mailing.id, new Turns(mailing));
    }
    this.#advance();
  }

  /** Calls back what has not left. */
  halt(mailingId: number): void {
    const turns = this.#mailings.get(mailingId);
    if (!turns) return;
    turns.isDue = false;
    turns.haltedAt = performance.now();
    for (const recall of turns.leases.values()) recall.abort();
  }

  haltAll(): void {
    for (const id of this.#mailings.keys()) this.halt(id);
  }

  /** Calls back leases that this process had, and that are no longer there: another one has taken them for dead. */
  dropLeases(known: string[], alive: Set<string>): void {
    for (const { leases } of this.#mailings.values()) {
      for (const id of known) if (!alive.has(id)) leases.get(id)?.abort();
    }
  }

  /** Once nothing new is given out: resolves when all that is under way is recorded. */
  async close(): Promise<void> {
    clearTimeout(this.#wake);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #advance(): void {
    const { stopping, mayBegin } = this.#deps;
    if (stopping.aborted) return;
    for (let next = this.#findNext(); next && mayBegin(); next = this.#findNext()) this.#start(next.turns, next.route);
    this.#wakeLater();
  }

  #findNext(): { turns: Turns; route: Route } | undefined {
    const waiting = this.#listWaiting();
    if (waiting.length === 0) return undefined;
    for (const route of this.#deps.routes.rank()) {
      const turns = this.#choose(waiting, route);
      if (turns) return { turns, route };
    }
    return undefined;
  }

  #listWaiting(): Turns[] {
    const now = performance.now();
    return [...this.#mailings.values()].filter(
      ({ isDue, claims, throttledUntil }) => isDue && claims < CLAIMS_AT_ONCE && throttledUntil <= now,
    );
  }

  /** The one that has waited longest, of those that have not their part of this route yet. */
  #choose(waiting: Turns[], route: Route): Turns | undefined {
    const sharing = this.#mailings
      .values()
      .reduce((count, turns) => count + (turns.isDue || turns.underWayOn(route) > 0 ? 1 : 0), 0);
    const part = Math.max(route.room, route.pace.capacity / Math.max(1, sharing));
    return waiting
      .filter((turns) => turns.underWayOn(route) + route.room <= part)
      .reduce<Turns | undefined>((best, turns) => (best && best.lastTurn <= turns.lastTurn ? best : turns), undefined);
  }

  #start(turns: Turns, route: Route): void {
    const size = route.room;
    turns.lastTurn = this.#turn += 1;
    turns.claims += 1;
    turns.move(route, size);
    const isProbe = route.take(size);
    const task = this.#take(turns, route, { size, isProbe })
      .catch((error: unknown) => this.#fail(turns, error))
      .finally(() => {
        this.#tasks.delete(task);
        this.#advance();
        if (turns.underWay === 0 && !turns.isDue) this.#deps.onIdle(turns.id);
      });
    this.#tasks.add(task);
  }

  /** One turn, from its claim to its record. */
  async #take(turns: Turns, route: Route, { size, isProbe }: { size: number; isProbe: boolean }): Promise<void> {
    const id = randomUUID();
    let deliveries: LeasedDelivery[] = [];
    let write: WriteLetter | undefined;
    try {
      write = await this.#prepare(turns);
      if (write) deliveries = await this.#claim(turns, route, id, size);
    } finally {
      turns.claims -= 1;
      turns.move(route, deliveries.length - size);
      route.giveUp(size - deliveries.length, isProbe);
    }
    if (!write || deliveries.length === 0) return;
    this.#advance();
    try {
      await this.#send(turns, { id, route, write, deliveries });
    } finally {
      turns.move(route, -deliveries.length);
      route.leave(deliveries.length, isProbe);
    }
  }

  async #prepare(turns: Turns): Promise<WriteLetter | undefined> {
    try {
      const write = await (turns.letters ??= this.#deps.prepare(turns.id));
      if (!write) turns.isDue = false;
      return write;
    } catch (error) {
      turns.letters = undefined;
      throw error;
    }
  }

  /** What the limits allow of what is due. */
  async #claim(turns: Turns, route: Route, id: string, size: number): Promise<LeasedDelivery[]> {
    const { db, node, stopping } = this.#deps;
    const granted = await this.#limits.take(turns, route, size);
    if (granted === 0) return [];
    const claim = { id, mailingId: turns.id, node };
    const giveUp = () => insist(() => releaseLease(db, claim), stopping).catch(() => {});
    const askedAt = performance.now();
    // Until it is among the leases, or given back: in between this process would take it for that of another one that is gone.
    this.#claiming.add(id);
    try {
      const claimed = await claimLease(db, { ...claim, size: granted });
      // Its mailing may have been paused since, and its lease be near its end.
      if (performance.now() - askedAt > STALE_CLAIM_MS || turns.haltedAt > askedAt) {
        await giveUp();
        return [];
      }
      if (claimed.length === 0) turns.isDue = false;
      // Not waited for: nobody renews the lease before it is sent, or calls it back.
      void this.#limits.giveBack(turns, route, granted - claimed.length);
      return claimed;
    } catch (error) {
      // It may have been committed, and its answer lost. Nothing of it has been sent. Waited for, so that the process does not end before.
      await giveUp();
      throw error;
    } finally {
      this.#claiming.delete(id);
    }
  }

  async #send(
    turns: Turns,
    lease: { id: string; route: Route; write: WriteLetter; deliveries: LeasedDelivery[] },
  ): Promise<void> {
    const { db, stopping, routes, onPolicy, activity } = this.#deps;
    const { id, route, deliveries } = lease;
    const book = new LeaseBook({
      db,
      leaseId: id,
      size: deliveries.length,
      stopping,
      onWritten: (entries) => activity.record(countOutcomes(entries)),
    });
    const rules = {
      ...this.#deps,
      restMs: () => routes.restMs,
      onPolicy: (reply: string) => onPolicy(turns.id, reply),
    };
    const recall = new AbortController();
    turns.leases.set(id, recall);
    try {
      const untried = await sendLease(rules, { ...lease, book, recall: recall.signal });
      await this.#limits.giveBack(turns, route, untried);
    } finally {
      turns.leases.delete(id);
    }
  }

  #fail(turns: Turns, error: unknown): void {
    turns.throttledUntil = performance.now() + TRY_AGAIN_MS;
    this.#deps.log.error({ err: error, mailingId: turns.id }, 'a mailing could not go on; it is tried again');
  }

  /** When the next limit has room again. */
  #wakeLater(): void {
    clearTimeout(this.#wake);
    const now = performance.now();
    const times = [
      ...this.#mailings
        .values()
        .filter(({ isDue }) => isDue)
        .map(({ throttledUntil }) => throttledUntil),
      ...this.#deps.routes.all.map(({ fullUntil }) => fullUntil),
    ].filter((time) => time > now);
    if (times.length > 0) this.#wake = setTimeout(() => this.#advance(), Math.min(...times) - now + 1);
  }
}

function countOutcomes(entries: Entry[]): Parameters<Activity['record']>[0] {
  const count = { accepted: 0, deferred: 0, rejected: 0, inDoubt: 0 };
  for (const { attempt } of entries) {
    if (attempt) count[attempt.outcome === 'in_doubt' ? 'inDoubt' : attempt.outcome] += 1;
  }
  return count;
}
