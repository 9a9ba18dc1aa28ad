// pure

/** How long what is under way at a time may take: the longer, the less the commits weigh; the shorter, the less is in doubt after a crash. */
const AHEAD_MS = 2_000;
const LEASES = 4;
const SMALLEST_LEASE = 16;
const LARGEST_LEASE = 64;
/** For each connection: what it is given ahead, and as much that is being claimed or recorded. */
const PER_CONNECTION = 8;

/**
 * How many letters may be under way to one relay: claimed, and not recorded yet. Behind a fast mail server as many as keep it busy while
 * others are claimed and recorded; behind a slow one few.
 */
export class Pace {
  #connections: number;
  /** Letters a second, of late. */
  #rate = 0;

  constructor(connections: number) {
    this.#connections = connections;
  }

  set connections(count: number) {
    this.#connections = count;
  }

  /** Letters a second. */
  get rate(): number {
    return this.#rate;
  }

  get capacity(): number {
    const least = Math.max(LEASES * SMALLEST_LEASE, this.#connections * PER_CONNECTION);
    const most = Math.max(LEASES * LARGEST_LEASE, least);
    return Math.min(most, Math.max(least, Math.floor((this.#rate * AHEAD_MS) / 1000)));
  }

  /** How many to claim at once. */
  get lease(): number {
    return Math.min(LARGEST_LEASE, Math.ceil(this.capacity / LEASES));
  }

  /** A lease took so long while so many letters were under way (Little's law). */
  learn(underWay: number, ms: number): void {
    const rate = (underWay * 1000) / Math.max(ms, 1);
    this.#rate = this.#rate === 0 ? rate : this.#rate * 0.8 + rate * 0.2;
  }
}
