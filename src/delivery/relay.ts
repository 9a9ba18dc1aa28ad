/**
 * One mail server and the few connections to it. `send` gives a letter to the connection with the fewest letters on it, and opens
 * another while there are fewer than allowed. After a fault the relay rests, longer each time, and what is given to it comes back untried;
 * the first letter that is accepted ends the row of faults.
 */
import { SmtpConnection } from '../lib/smtp/smtp-connection.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import type { SmtpOptions } from '../lib/smtp/smtp-options.js';
import { judge, relayRest } from './verdict.js';

export interface RelayLetter {
  from: string;
  to: string;
  data: string;
}

interface RelayOptions extends SmtpOptions {
  /** How many at most. */
  connections: number;
  onFault: (fault: string, restMs: number) => void;
  onRecovery: () => void;
}

export class Relay {
  readonly name: string;
  #options: RelayOptions;
  #connections: SmtpConnection[] = [];
  #opening: Promise<SendOutcome | null> | null = null;
  #faults = 0;
  #restUntil = 0;
  #closed = new AbortController();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.name = `${options.host}:${options.port}`;
  }

  /** While faults last, one letter at a time tries whether the relay is back. */
  get isFaulty(): boolean {
    return this.#faults > 0;
  }

  get isResting(): boolean {
    return Date.now() < this.#restUntil;
  }

  get restUntil(): Date {
    return new Date(Math.max(this.#restUntil, Date.now()));
  }

  async send(letter: RelayLetter): Promise<SendOutcome> {
    const chosen = await this.#chooseConnection();
    const outcome = chosen instanceof SmtpConnection ? await chosen.send(letter) : chosen;
    this.#learn(outcome);
    return outcome;
  }

  /** Lets letters on the wire end within the limit; what does not is lost, as its outcome says. */
  async close(withinMs?: number): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#connections.map((connection) => connection.close(withinMs)));
    this.#connections = [];
  }

  async #chooseConnection(): Promise<SmtpConnection | SendOutcome> {
    for (;;) {
      if (this.#closed.signal.aborted || this.isResting) return this.#untried();
      this.#connections = this.#connections.filter((connection) => connection.usable);
      const [idlest] = this.#connections.toSorted((a, b) => a.pending - b.pending);
      const mayOpen = this.#connections.length < (this.isFaulty ? 1 : this.#options.connections);
      if (idlest && (idlest.pending === 0 || !mayOpen)) return idlest;
      if (idlest && this.#opening) return idlest;
      const failed = await this.#open();
      if (failed) return failed;
    }
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
    const opened = await SmtpConnection.open(this.#options);
    if (!opened.ok) return opened.outcome.kind === 'lost' ? { ...opened.outcome, begun: true } : opened.outcome;
    this.#connections.push(opened.connection);
    return null;
  }

  #learn(outcome: SendOutcome): void {
    const verdict = judge(outcome);
    if (verdict.kind === 'settled' && outcome.kind === 'accepted' && this.#faults > 0) {
      this.#faults = 0;
      this.#options.onRecovery();
    }
    // A second letter that falls with the same connection is the same fault.
    if (verdict.kind !== 'relay_fault' || this.isResting) return;
    this.#faults += 1;
    const rest = relayRest(this.#faults);
    this.#restUntil = Date.now() + rest;
    this.#options.onFault(describeFault(outcome), rest);
  }

  #untried(): SendOutcome {
    return {
      kind: 'lost',
      stage: 'connect',
      cause: 'closed',
      error: 'The relay is resting.',
      reply: null,
      begun: false,
      finalDotMayHaveLeft: false,
      durationMs: 0,
      relay: this.name,
      tls: null,
    };
  }
}

/** What the server said, or what happened instead, in one text. */
export function describeFault(outcome: SendOutcome): string {
  return outcome.kind === 'lost' ? outcome.error : `${outcome.reply.code} ${outcome.reply.text}`;
}
