/**
 * One mail server and the few connections to it. Letters wait here in one line, and each connection gets the next as soon as it has
 * room: none is stuck behind a slow one while another is idle. While all are busy another is opened, up to the number allowed; a server
 * that takes no more gets its letters over those that there are. Letters whose mailing is halted come back untried, as far as nothing of
 * them was written. After a fault the relay rests, longer each time, and what is given to it comes back untried; the first letter that is
 * accepted ends the row of faults.
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

interface WaitingLetter {
  letter: RelayLetter;
  recall: AbortSignal;
  resolve: (outcome: SendOutcome) => void;
  /** For what is a fault of this program. */
  reject: (error: unknown) => void;
}

/** For how long no further connection is asked for after the server refused one and kept others. */
const FULL_FOR_MS = 60_000;
/** Letters that a connection is given ahead: it needs three to keep its pipeline full. */
const AHEAD = 4;

export class Relay {
  readonly name: string;
  #options: RelayOptions;
  #line: WaitingLetter[] = [];
  #connections: SmtpConnection[] = [];
  #openings = new Set<Promise<void>>();
  #faults = 0;
  #isProven = false;
  // On the clock that is never set.
  #restUntil = 0;
  #fullUntil = 0;
  #closed = new AbortController();
  #heeded = new WeakSet<AbortSignal>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.name = `${options.host}:${options.port}`;
  }

  /** How many it may have at most. */
  get connections(): number {
    return this.#options.connections;
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
  send(letter: RelayLetter, recall: AbortSignal): Promise<SendOutcome> {
    if (recall.aborted) return Promise.resolve(this.#untried());
    this.#heed(recall);
    const { promise, resolve, reject } = Promise.withResolvers<SendOutcome>();
    this.#line.push({ letter, recall, resolve, reject });
    this.#advance();
    return promise;
  }

  /** Lets letters on the wire end within the limit; what does not is lost, as its outcome says. */
  async close(withinMs?: number): Promise<void> {
    this.#closed.abort();
    this.#advance();
    await Promise.all(this.#connections.map((connection) => connection.close(withinMs)));
    await Promise.all(this.#openings);
    this.#connections = [];
  }

  /** Hands letters out as long as there is room for them. */
  #advance(): void {
    while (this.#line.length > 0) {
      if (this.#closed.signal.aborted || this.isResting) return this.#giveBack(() => true);
      const idlest = this.#findIdlest();
      if (this.#mayOpen(idlest)) this.#open();
      if (idlest === undefined || idlest.pending >= AHEAD) return;
      const next = this.#line.shift();
      if (next) void this.#hand(next, idlest);
    }
  }

  #findIdlest(): SmtpConnection | undefined {
    if (!this.#connections.every(isUsable)) this.#connections = this.#connections.filter(isUsable);
    let [idlest] = this.#connections;
    for (const connection of this.#connections) {
      if (idlest && connection.pending < idlest.pending) idlest = connection;
    }
    return idlest;
  }

  async #hand({ letter, recall, resolve, reject }: WaitingLetter, connection: SmtpConnection): Promise<void> {
    try {
      const outcome = await connection.send(letter, recall);
      this.#learn(outcome);
      resolve(outcome);
    } catch (error) {
      reject(error);
    }
    this.#advance();
  }

  /** One listener for all letters of a signal: one for each letter would cost a tenth of its time. */
  #heed(recall: AbortSignal): void {
    if (this.#heeded.has(recall)) return;
    this.#heeded.add(recall);
    const takeBack = () => {
      for (const connection of this.#connections) connection.takeBack(recall);
      this.#giveBack((waiting) => waiting.recall === recall);
    };
    recall.addEventListener('abort', takeBack, { once: true });
  }

  #giveBack(isMeant: (waiting: WaitingLetter) => boolean): void {
    const meant = this.#line.filter(isMeant);
    this.#line = this.#line.filter((waiting) => !isMeant(waiting));
    for (const { resolve } of meant) resolve(this.#untried());
  }

  /** One at a time until a letter has been accepted: a relay that is down is asked once. Then as many as there are letters for. */
  #mayOpen(idlest: SmtpConnection | undefined): boolean {
    const openings = this.#openings.size;
    if (idlest === undefined && openings === 0) return true;
    if (idlest?.pending === 0 || this.isFaulty || performance.now() < this.#fullUntil) return false;
    if (this.#connections.length + openings >= this.#options.connections) return false;
    return openings === 0 || (this.#isProven && this.#line.length > openings);
  }

  #open(): void {
    const opening = this.#connect(() => this.#openings.delete(opening));
    this.#openings.add(opening);
  }

  /** A connection that cannot be made is the try of the letter that is first in the line, and of no other. */
  async #connect(onAnswer: () => void): Promise<void> {
    const opened = await SmtpConnection.open({ ...this.#options, signal: this.#closed.signal });
    onAnswer();
    if (opened.ok) await this.#welcome(opened.connection);
    else if (!this.#closed.signal.aborted) this.#miss(asTried(opened.outcome));
    this.#advance();
  }

  async #welcome(connection: SmtpConnection): Promise<void> {
    this.#connections.push(connection);
    if (this.#closed.signal.aborted) await connection.close(0);
  }

  #miss(outcome: SendOutcome): void {
    if (this.isResting) return;
    if (this.#findIdlest()) this.#fullUntil = performance.now() + FULL_FOR_MS;
    else {
      this.#learn(outcome);
      this.#line.shift()?.resolve(outcome);
    }
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

function isUsable(connection: SmtpConnection): boolean {
  return connection.usable;
}

/** A connection that could not be made is the try of the letter that asked for it. */
function asTried(outcome: RefusedOutcome | LostOutcome): SendOutcome {
  return outcome.kind === 'lost' ? { ...outcome, begun: true } : outcome;
}

/** What the server said, or what happened instead, in one text. */
export function describeFault(outcome: SendOutcome): string {
  return outcome.kind === 'lost' ? outcome.error : `${outcome.reply.code} ${outcome.reply.text}`;
}
