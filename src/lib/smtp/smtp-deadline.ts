/**
 * One clock for the reply that is due next. It moves several times a letter and hardly ever passes: the timer is only set anew when it
 * would be late.
 */
export class Deadline {
  readonly #onPassed: () => void;
  #at = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Infinity;

  constructor(onPassed: () => void) {
    this.#onPassed = onPassed;
  }

  /** This long from now. */
  restart(timeoutMs: number): void {
    const now = performance.now();
    this.#at = now + timeoutMs;
    if (this.#timerDue > this.#at) this.#setTimer(now);
  }

  /** Nothing is due. */
  lift(): void {
    this.#at = Infinity;
  }

  /** For good: a timer would keep the process alive. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer);
    this.#timerDue = this.#at;
    this.#timer = setTimeout(() => this.#check(), Math.max(1, this.#at - now));
  }

  #check(): void {
    this.#timerDue = Infinity;
    const now = performance.now();
    // Where this process was busy meanwhile, the reply may have come and only wait to be read, which happens before an immediate.
    if (now >= this.#at) setImmediate(() => this.#judge());
    else if (this.#at !== Infinity) this.#setTimer(now);
  }

  #judge(): void {
    const now = performance.now();
    if (now >= this.#at) this.#onPassed();
    else if (this.#at < this.#timerDue) this.#setTimer(now);
  }
}
