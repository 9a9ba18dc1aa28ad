/**
 * Whether this process may send. It may for a second after the beginning of its last successful look at what is forbidden: a process that
 * cannot look must not send, as a pause would not reach it. What is under way when that second is over is called back. All of it, the look,
 * its second and the last call of `DataTransfer`, makes the two seconds that are promised.
 *
 * It also tells for how long the looks have come one after another. After a gap (a start, an outage, a machine that slept) others may not
 * have renewed their leases yet.
 */
import { since, takeMoment, type Moment } from '../lib/moment.js';
import { LAST_CALL_MS, type SmtpGate } from '../lib/smtp/smtp-options.js';

/** How long a look holds. */
const HOLDS_MS = 1_000;
/** Looks that are further apart than this are no sequence. */
const GAP_MS = 5_000;

export class HaltWatch implements SmtpGate {
  readonly #onOverdue: () => void;
  #lookedAt: Moment | null = null;
  #steadySince: Moment | null = null;
  #overdue: NodeJS.Timeout | undefined;

  /** `onOverdue`: nothing may be begun any more, until the next look. */
  constructor(onOverdue: () => void) {
    this.#onOverdue = onOverdue;
  }

  /** What was true when it began holds from then on; of two at once the later one. */
  async look<T>(ask: () => Promise<T>): Promise<T> {
    const beganAt = takeMoment();
    const answer = await ask();
    const gap = this.#lookedAt ? since(this.#lookedAt) - since(beganAt) : Infinity;
    if (gap > GAP_MS) this.#steadySince = null;
    this.#steadySince ??= beganAt;
    if (gap < 0) return answer;
    this.#lookedAt = beganAt;
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => this.#onOverdue(), Math.max(0, HOLDS_MS - since(beganAt)));
    return answer;
  }

  readonly mayBegin = (): boolean => this.#holdsFor(HOLDS_MS);

  readonly mayGoOn = (): boolean => this.#holdsFor(HOLDS_MS + LAST_CALL_MS);

  /** Milliseconds for which looks have come without a gap; 0 where the last one is too old. */
  get steadyMs(): number {
    return this.#steadySince && this.mayBegin() ? since(this.#steadySince) : 0;
  }

  /** The database was away for others, too. */
  interrupt(): void {
    this.#steadySince = null;
  }

  close(): void {
    clearTimeout(this.#overdue);
  }

  #holdsFor(ms: number): boolean {
    return this.#lookedAt !== null && since(this.#lookedAt) <= ms;
  }
}
