// pure

/** What a window is to take: long enough that its two commits weigh little, short enough that few letters are in doubt after a crash. */
const WINDOW_MS = 500;
const SMALLEST = 16;
const FIRST = 32;
const LARGEST = 64;
/** Two leases have two windows each on the wire, and one of these may be waiting for its commit. */
const PER_CONNECTION = 2;
/** Few, so that a slow process leaves something for the others. */
const WINDOWS_IN_A_LEASE = 4;

/**
 * How many letters the next window of a mailing has: as many as go in a moment. Behind a fast mail server that makes few and large
 * statements; behind a slow one few letters are begun at a time.
 */
export class Pace {
  readonly #smallest: number;
  readonly #largest: number;
  #window: number;

  constructor(connections: number) {
    this.#smallest = Math.max(SMALLEST, connections * PER_CONNECTION);
    this.#largest = Math.max(LARGEST, this.#smallest);
    this.#window = Math.max(FIRST, this.#smallest);
  }

  get window(): number {
    return this.#window;
  }

  get lease(): number {
    return this.#window * WINDOWS_IN_A_LEASE;
  }

  /** Of a window that was sent: one that went quickly lets the next be up to four times its size. */
  learn(letters: number, ms: number): void {
    const fitting = (letters * WINDOW_MS) / Math.max(ms, 1);
    this.#window = Math.round(Math.max(this.#smallest, Math.min(fitting, letters * 4, this.#largest)));
  }
}
