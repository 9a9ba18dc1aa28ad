import type { Forbearance } from './smtp-forbearance.js';
import type { QueuedLetter } from './smtp-letter.js';
import type { SmtpGate, SmtpTimeouts } from './smtp-options.js';
import type { SmtpFault, SmtpReply } from './smtp-outcome.js';
import type { SmtpWire } from './smtp-wire.js';

/** A way of bringing letters over a wire. Letters that it was given are settled by it. */
export interface Transfer {
  hasRoomFor(letter: QueuedLetter): boolean;
  begin(letter: QueuedLetter): void;
  /** Letters that are all on the wire go on: nothing ends them but a reply, or the end of the connection. */
  takeBack(recall: AbortSignal): void;
  loseAll(fault: SmtpFault): void;
}

/** What the ways of transfer share of one connection. */
export interface TransferBase {
  readonly wire: SmtpWire;
  readonly timeouts: SmtpTimeouts;
  readonly pipelining: boolean;
  readonly forbearance: Forbearance;
  readonly gate: SmtpGate;
  /** A transaction may be open, and a second MAIL inside it is an error (RFC 5321 4.1.4). */
  needsReset: boolean;
  /** Told when there may be room for another letter. */
  onRoom: () => void;
}

export function misunderstand(wire: SmtpWire, what: string, reply: SmtpReply): void {
  wire.abandon({ cause: 'protocol', error: `the server answered ${what} with ${reply.code}` });
}

/** It offers PIPELINING, and took commands that came together for others than they were: its further replies mean nothing. */
export function giveUpOutOfStep(wire: SmtpWire, reply: SmtpReply): void {
  const error = `the server offers PIPELINING and lost count of the commands: it answered ${reply.code}`;
  wire.abandon({ cause: 'protocol', error });
}
