import type { SendOutcome } from './smtp-outcome.js';

/**
 * Letters refused on one connection, whatever came between. Each makes the RSET behind it one that Exim counts: at the eleventh
 * (`smtp_accept_max_nonmail`) it leaves, with all letters on the wire in doubt.
 */
const MOST = 10;

/**
 * Letters refused in a row. From ten errors on without an accepted letter (`smtpd_soft_error_limit`) Postfix waits a second before each reply,
 * and at twenty it leaves; a letter whose commands go together makes two, at RCPT and at DATA or BDAT.
 */
const MOST_IN_ROW = 5;

/** What a server may bear of refused letters on one connection; the next connection begins anew. */
export class Forbearance {
  #refused = 0;
  #inRow = 0;

  note(kind: SendOutcome['kind']): void {
    if (kind === 'accepted') this.#inRow = 0;
    if (kind !== 'refused') return;
    this.#refused += 1;
    this.#inRow += 1;
  }

  /**
   * How many letters more may be out. Only behind a refused one is the row a limit: where letters are being accepted, as many as may be out
   * at a time are too few for the server to leave, though it would be slow with the last ones if it refused them all.
   */
  get left(): number {
    const left = MOST - this.#refused;
    return this.#inRow === 0 ? left : Math.min(left, MOST_IN_ROW - this.#inRow);
  }

  /** Whether it is time for another connection: this one is down to one letter at a time. */
  get isSpent(): boolean {
    return this.left <= 1;
  }
}
