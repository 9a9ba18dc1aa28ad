/**
 * One mail server and the few connections to it. `send` gives a letter to the connection with the fewest letters on it, and opens
 * another while there are fewer than allowed; a server that takes no more gets its letters over those that there are. Letters whose
 * mailing is halted come back untried, as far as nothing of them was written. After a fault the relay rests, longer each time, and what is given to it comes back untried; the first letter that is accepted ends the row of
 * faults.
 */
import { SmtpConnection } from '../lib/smtp/smtp-connection.js';
import type { SmtpOptions } from '../lib/smtp/smtp-options.js';
import type { LostOutcome, RefusedOutcome, SendOutcome } from '../lib/smtp/smtp-outcome.js';
import { isRelayFault, relayRest } from './verdict.js';

export interface RelayLetter {
  from: string;
  to: string;
  data: string;
}

interface RelayOptions extends SmtpOptions {
  /** How many at most. */
  connections: number;
  onFault: (fault: string, restMs: number) => void;
  /** At the first letter that is accepted after a fault, or at all: another process may have met a fault before. */
  onRecovery: () => void;
}

/** For how long no further connection is asked for after the server refused one and kept others. */
const FULL_FOR_MS = 60_000;

export class Relay {
  readonly name: string;
  #options: RelayOptions;
  #connections: SmtpConnection[] = [];
  #opening: Promise<SendOutcome | null> | null = null;
  #faults = 0;
  #isProven = false;
  // On the clock that is never set.
  #restUntil = 0;
  #fullUntil = 0;
  #closed = new AbortController();
  #recalls = new WeakMap<AbortSignal, Promise<null>>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.name = `${options.host}:${options.port}`;
  }

  /** While faults last, one letter at a time tries whether the relay is back. */
  get isFaulty(): boolean {
    return this.#faults > 0;
  }

  get isResting(): boolean {
    return this.restMs > 0;
  }

  /** Milliseconds, 0 when it does not rest. */
  get restMs(): number {
    return Math.max(0, this.#restUntil - performance.now());
  }

  /** Once `recall` is aborted nothing more is begun of what was sent with it. */
  async send(letter: RelayLetter, recall: AbortSignal): Promise<SendOutcome> {
    const chosen = await this.#chooseConnection(recall);
    const outcome = chosen instanceof SmtpConnection ? await chosen.send(letter, recall) : chosen;
    this.#learn(outcome);
    return outcome;
  }

  /** Lets letters on the wire end within the limit; what does not is lost, as its outcome says. */
  async close(withinMs?: number): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#connections.map((connection) => connection.close(withinMs)));
    this.#connections = [];
  }

  async #chooseConnection(recall: AbortSignal): Promise<SmtpConnection | SendOutcome> {
    const recalled = this.#heed(recall);
    for (;;) {
      if (this.#closed.signal.aborted || this.isResting || recall.aborted) return this.#untried();
      this.#connections = this.#connections.filter((connection) => connection.usable);
      const [idlest] = this.#connections.toSorted((a, b) => a.pending - b.pending);
      if (idlest && (idlest.pending === 0 || this.#opening || !this.#mayOpenAnother())) return idlest;
      const failed = await Promise.race([this.#open(), recalled]);
      if (failed && !this.#connections.some((connection) => connection.usable)) return failed;
      if (failed) this.#fullUntil = performance.now() + FULL_FOR_MS;
    }
  }

  /** One listener for all letters of a signal: one for each letter would cost a tenth of its time. */
  #heed(recall: AbortSignal): Promise<null> {
    const heeded = this.#recalls.get(recall);
    if (heeded) return heeded;
    const { promise, resolve } = Promise.withResolvers<null>();
    const takeBack = () => {
      for (const connection of this.#connections) connection.takeBack(recall);
      resolve(null);
    };
    recall.addEventListener('abort', takeBack, { once: true });
    this.#recalls.set(recall, promise);
    return promise;
  }

  #mayOpenAnother(): boolean {
    return (
      !this.isFaulty && performance.now() >= this.#fullUntil && this.#connections.length < this.#options.connections
    );
  }

  /** One at a time: a relay that is down is asked once, and those who wait for the answer have not tried it. */
  async #open(): Promise<SendOutcome | null> {
    if (this.#opening) {
      const failed = await this.#opening;
      return failed && this.#untried();
    }
    this.#opening = this.#openConnection();
    try {
      return await this.#opening;
    } finally {
      this.#opening = null;
    }
  }

  async #openConnection(): Promise<SendOutcome | null> {
    const opened = await SmtpConnection.open({ ...this.#options, signal: this.#closed.signal });
    if (!opened.ok) return this.#closed.signal.aborted ? this.#untried() : asTried(opened.outcome);
    this.#connections.push(opened.connection);
    if (this.#closed.signal.aborted) await opened.connection.close(0);
    return null;
  }

  #learn(outcome: SendOutcome): void {
    if (outcome.kind === 'accepted' && (this.isFaulty || !this.#isProven)) {
      this.#faults = 0;
      this.#isProven = true;
      this.#options.onRecovery();
    }
    // A second letter that falls with the same connection is the same fault.
    if (!isRelayFault(outcome) || this.isResting) return;
    this.#faults += 1;
    const rest = relayRest(this.#faults);
    this.#restUntil = performance.now() + rest;
    this.#options.onFault(describeFault(outcome), rest);
  }

  #untried(): SendOutcome {
    return {
      kind: 'lost',
      stage: 'connect',
      cause: 'closed',
      error: 'The letter was not tried.',
      reply: null,
      begun: false,
      finalDotMayHaveLeft: false,
      durationMs: 0,
      relay: this.name,
      tls: null,
    };
  }
}

/** A connection that could not be made is the try of the letter that asked for it. */
function asTried(outcome: RefusedOutcome | LostOutcome): SendOutcome {
  return outcome.kind === 'lost' ? { ...outcome, begun: true } : outcome;
}

/** What the server said, or what happened instead, in one text. */
export function describeFault(outcome: SendOutcome): string {
  return outcome.kind === 'lost' ? outcome.error : `${outcome.reply.code} ${outcome.reply.text}`;
}
