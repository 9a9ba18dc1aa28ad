import type { SendOutcome } from './smtp-outcome.js';

const FIRST_MS = 60_000;
const LONGEST_MS = 24 * 3_600_000;
const GROWTH = 4;

/**
 * Whether a server's PIPELINING is to be used, from what became of its letters. Some servers offer it and forget, or break off, what came
 * together. A connection that fails as it would on such a one (`pipelining: 'suspect'`) may have failed otherwise, so the next ones go
 * without for a minute, and four times as long each time that it happens again; a letter behind another that was accepted
 * (`'worked'`) clears the server. Going without costs speed and nothing else. Keep one for each server, not for each connection.
 */
export class PipeliningTrust {
  readonly #now: () => number;
  #suspicions = 0;
  #withoutUntil = -Infinity;

  /** `now` gives milliseconds on a clock that is never set. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** For `SmtpOptions.pipelining` of a connection that is opened now. */
  get pipelining(): boolean {
    return this.#now() >= this.#withoutUntil;
  }

  learn({ pipelining }: SendOutcome): void {
    if (pipelining === 'worked') {
      this.#suspicions = 0;
      this.#withoutUntil = -Infinity;
    }
    // Further letters of the same connection, or of others opened with it, are the same suspicion.
    if (pipelining !== 'suspect' || !this.pipelining) return;
    this.#suspicions += 1;
    this.#withoutUntil = this.#now() + Math.min(FIRST_MS * GROWTH ** (this.#suspicions - 1), LONGEST_MS);
  }
}
