import type { Database } from '../lib/database.js';
import type { ArrivingLetter } from './arriving-letter.js';
import { storeLetters } from './inbox-store.js';
import { KEPT_LETTERS } from './inbox.js';

interface Waiting {
  letter: ArrivingLetter;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** PostgreSQL takes no statement of a gigabyte; ten of the largest letters are enough for one. */
const MAX_FLUSH_BYTES = 256 * 1024 * 1024;

/**
 * Group commit: what arrives while a flush is running waits, and goes into the database together, in one statement, as soon
 * as that flush has ended. Each letter's promise settles when its flush has; if that fails, nothing of it is stored.
 */
export class LetterWriter {
  readonly #db: Database;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #trimmedTo = 0;
  #storedSinceThorough = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  write(letter: ArrivingLetter): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ letter, resolve, reject });
      this.#running ??= this.#flushAll();
    });
  }

  /** Waits until nothing is waiting. */
  async settle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #flushAll(): Promise<void> {
    // Letters that arrived in the same turn of the event loop come along.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#flush(this.#takeBatch());
    this.#running = null;
  }

  async #flush(batch: Waiting[]): Promise<void> {
    try {
      await this.#store(batch.map(({ letter }) => letter));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Looks through all ids now and then: a letter of another process may be stored late, under an id that was passed already. */
  async #store(letters: ArrivingLetter[]): Promise<void> {
    const isThorough = this.#storedSinceThorough >= KEPT_LETTERS;
    this.#trimmedTo = await storeLetters(this.#db, letters, isThorough ? 0 : this.#trimmedTo);
    this.#storedSinceThorough = isThorough ? 0 : this.#storedSinceThorough + letters.length;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ letter }) => (bytes += letter.source.length) > MAX_FLUSH_BYTES);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
  }
}
