import { setTimeout as delay } from 'node:timers/promises';

import { isRefusedData, type Database } from '../lib/database.js';
import { recordEntries, type Entry } from './lease-store.js';

interface LeaseBookOptions {
  db: Database;
  leaseId: string;
  /** How many deliveries the lease holds: so many entries end it. */
  size: number;
  stopping: AbortSignal;
  /** Told of what has been committed. */
  onWritten: (entries: Entry[]) => void;
}

/** Outcomes that come within this time are written together, and all that are left at once. */
const FLUSH_AFTER_MS = 25;
const TRY_AGAIN_MS = 500;
const STOP_TRYING_AFTER_MS = 4_000;

/**
 * The outcomes of one lease on their way into the ledger: what came in while the last write ran is written together. While the database is
 * away it is tried again. What the database will never take, or not before the process ends, is left to the end of the lease: in doubt.
 */
export class LeaseBook {
  readonly #options: LeaseBookOptions;
  #entries: Entry[] = [];
  #missing: number;
  #writing: Promise<void> | null = null;
  readonly #isFull = Promise.withResolvers<void>();
  #failure: Error | null = null;

  constructor(options: LeaseBookOptions) {
    this.#options = options;
    this.#missing = options.size;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#missing -= 1;
    if (this.#missing === 0) this.#isFull.resolve();
    this.#writing ??= this.#write();
  }

  /** Once every delivery has its entry. Resolves when all are written; rejects when some cannot be. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  async #write(): Promise<void> {
    const flush = Promise.withResolvers<void>();
    void this.#isFull.promise.then(flush.resolve);
    const timer = setTimeout(() => flush.resolve(), FLUSH_AFTER_MS);
    await flush.promise;
    clearTimeout(timer);
    const entries = this.#entries.splice(0);
    // With an entry that could not be written the lease must stay: its end is what puts that delivery in doubt.
    await this.#record(entries, this.#missing === 0 && this.#failure === null);
    this.#writing = this.#entries.length > 0 ? this.#write() : null;
  }

  async #record(entries: Entry[], isLast: boolean): Promise<void> {
    const { db, leaseId, stopping, onWritten } = this.#options;
    try {
      await insist(() => recordEntries(db, leaseId, entries, isLast), stopping);
      onWritten(entries);
    } catch (error) {
      this.#failure ??= new Error('outcomes could not be written; their letters will be in doubt', { cause: error });
    }
  }
}

/**
 * Tries again while the database is away, for some seconds only once the process is told to stop. Only for statements that change
 * nothing when an earlier try was committed and its answer lost.
 */
export async function insist<T>(statement: () => Promise<T>, stopping: AbortSignal): Promise<T> {
  let giveUpAt = Infinity;
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (stopping.aborted) giveUpAt = Math.min(giveUpAt, performance.now() + STOP_TRYING_AFTER_MS);
      if (isRefusedData(error) || performance.now() > giveUpAt) throw error;
      await delay(TRY_AGAIN_MS);
    }
  }
}
