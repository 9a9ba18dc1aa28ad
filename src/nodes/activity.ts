import { OUTCOMES, type Outcomes, type Sending } from './node.js';

/** Asked when somebody wants to know; each answers at once. */
export interface Gauges {
  /** Letters handed to a connection and not answered yet. */
  onTheWire: () => number;
  /** The ids of the mailings that are being sent. */
  mailings: () => number[];
  /** Connections to mail servers that are open. */
  connections: () => number;
}

const WINDOW_SECONDS = 10;
const IDLE: Gauges = { onTheWire: () => 0, mailings: () => [], connections: () => 0 };

/** What one process sends: told by the engine, read by the heartbeat and the metrics. Costs a few additions a flush. */
export class Activity {
  readonly #now: () => number;
  readonly #begunAt: number;
  readonly #outcomes: Outcomes = { accepted: 0, deferred: 0, rejected: 0, inDoubt: 0 };
  /** Letters by the second in which they were told of; the present second is not over and counts in the next. */
  readonly #seconds = new Map<number, number>();
  #gauges = IDLE;

  /** `now` gives milliseconds on a clock that is never set. */
  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#begunAt = this.#second();
  }

  /** Once for each flush, after it is committed: how many attempts ended so. */
  record(outcomes: Partial<Outcomes>): void {
    let letters = 0;
    for (const name of OUTCOMES) {
      const count = outcomes[name] ?? 0;
      this.#outcomes[name] += count;
      letters += count;
    }
    const second = this.#second();
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + letters);
    this.#forgetBefore(second - WINDOW_SECONDS);
  }

  /** The engine calls this when it starts. */
  watch(gauges: Gauges): void {
    this.#gauges = gauges;
  }

  read(): Sending {
    const { onTheWire, mailings, connections } = this.#gauges;
    return {
      lettersPerSecond: this.#rate(),
      outcomes: { ...this.#outcomes },
      onTheWire: onTheWire(),
      connections: connections(),
      mailings: mailings(),
    };
  }

  /** Over the last whole seconds: ten, or as many as there were. */
  #rate(): number {
    const second = this.#second();
    this.#forgetBefore(second - WINDOW_SECONDS);
    let letters = 0;
    for (const [at, count] of this.#seconds) if (at < second) letters += count;
    return letters / Math.max(1, Math.min(WINDOW_SECONDS, second - this.#begunAt));
  }

  #forgetBefore(oldest: number): void {
    for (const second of this.#seconds.keys()) if (second < oldest) this.#seconds.delete(second);
  }

  #second(): number {
    return Math.floor(this.#now() / 1000);
  }
}
