/**
 * One mail server and the few connections to it. Letters wait here in one line, and each connection gets the next as soon as it has
 * room: none is stuck behind a slow one while another is idle. While all are busy another is opened, up to the number allowed; a server
 * that takes no more gets its letters over those that there are. Letters whose mailing is halted come back untried, as far as nothing of
 * them was written. After a fault the relay rests, longer each time, and what is given to it comes back untried; the first letter that is
 * accepted ends the row of faults.
 */
import { SmtpConnection } from '../lib/smtp/smtp-connection.js';
import { OPEN_GATE, type SmtpGate, type SmtpOptions } from '../lib/smtp/smtp-options.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import { PipeliningTrust } from '../lib/smtp/smtp-pipelining-trust.js';
import { asTried, isUsedUp, toUntriedOutcome } from './relay-outcome.js';
import { asksForPatience, isRelayFault, relayRest } from './verdict.js';

export interface RelayLetter {
  from: string;
  to: string;
  data: string;
}

export interface RelayEvents {
  onFault: (fault: RelayFault) => void;
  /** At the first letter that is accepted after a fault, or at all: another process may have met a fault before. */
  onRecovery: () => void;
}

export interface RelayFault {
  /** What the server said, or what happened instead. */
  said: string;
  restMs: number;
  /** Fewer letters would be welcome, as far as can be told from what it said. */
  asksForPatience: boolean;
}

interface RelayOptions extends SmtpOptions, RelayEvents {
  /** How many at most. */
  connections: number;
}

/** One connection, and whether the server has answered a letter on it. */
interface Member {
  /** Counts the connections in the order in which they were opened. */
  number: number;
  connection: SmtpConnection;
  hasAnswered: boolean;
}

interface WaitingLetter {
  /** Counts the letters in the order in which they came. */
  number: number;
  letter: RelayLetter;
  recall: AbortSignal;
  resolve: (outcome: SendOutcome) => void;
  /** For what is a fault of this program. */
  reject: (error: unknown) => void;
  /** The youngest connection there was when it met one that was used up: these may be so, too, and a later one is its second try. */
  triedUpTo: number;
}

/** For how long no further connection is asked for after the server refused one and kept others. */
const FULL_FOR_MS = 60_000;

export class Relay {
  readonly name: string;
  #options: RelayOptions;
  readonly #gate: SmtpGate;
  #line: WaitingLetter[] = [];
  #letterCount = 0;
  #connectionCount = 0;
  #members: Member[] = [];
  /** They get no more letters, and wait for the answers to their last ones. */
  #leaving = new Set<SmtpConnection>();
  #openings = new Set<Promise<void>>();
  #faults = 0;
  #isProven = false;
  // On the clock that is never set.
  #restUntil = 0;
  #fullUntil = 0;
  #closed = new AbortController();
  #heeded = new WeakSet<AbortSignal>();
  #trust = new PipeliningTrust();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#gate = options.gate ?? OPEN_GATE;
    this.name = `${options.host}:${options.port}`;
  }

  /** How many it may have at most. Of those that are open, the rest gets no more letters; with 0 what waits comes back untried. */
  set connections(count: number) {
    this.#options.connections = count;
    for (const member of this.#members.slice(count)) this.#retire(member);
    this.#advance();
  }

  get openConnections(): number {
    return this.#members.filter(isUsable).length;
  }

  /** Letters given to connections and not answered yet. */
  get onTheWire(): number {
    return this.#listConnections().reduce((sum, { pending }) => sum + pending, 0);
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
    if (recall.aborted) return Promise.resolve(toUntriedOutcome(this.name));
    this.#heed(recall);
    const { promise, resolve, reject } = Promise.withResolvers<SendOutcome>();
    this.#letterCount += 1;
    this.#line.push({ number: this.#letterCount, letter, recall, resolve, reject, triedUpTo: Infinity });
    this.#advance();
    return promise;
  }

  /** Lets letters on the wire end within the limit; what does not is lost, as its outcome says. */
  async close(withinMs?: number): Promise<void> {
    this.#closed.abort();
    this.#advance();
    for (const member of this.#members) this.#retire(member);
    await Promise.all([...this.#openings, ...Array.from(this.#leaving, (connection) => connection.close(withinMs))]);
  }

  /** Hands letters out as long as there is room for them. */
  #advance(): void {
    while (this.#line.length > 0) {
      if (!this.#takesLetters()) return this.#giveBack(() => true);
      const idlest = this.#findIdlest();
      if (this.#mayOpen(idlest)) this.#open();
      if (idlest === undefined || idlest.connection.pending >= idlest.connection.depth) return;
      const next = this.#line.shift();
      if (next) void this.#hand(next, idlest);
    }
  }

  #takesLetters(): boolean {
    return !this.#closed.signal.aborted && this.#options.connections > 0 && !this.isResting && this.#gate.mayBegin();
  }

  #listConnections(): SmtpConnection[] {
    return [...this.#members.map(({ connection }) => connection), ...this.#leaving];
  }

  #findIdlest(): Member | undefined {
    for (const member of this.#members) if (!isUsable(member) || member.connection.isStale) this.#retire(member);
    let [idlest] = this.#members;
    for (const member of this.#members) {
      if (idlest && member.connection.pending < idlest.connection.pending) idlest = member;
    }
    return idlest;
  }

  async #hand(waiting: WaitingLetter, member: Member): Promise<void> {
    try {
      const outcome = await member.connection.send(waiting.letter, waiting.recall);
      if (this.#goesOn(waiting, member, outcome)) this.#putBack(waiting);
      else {
        this.#learn(outcome);
        waiting.resolve(outcome);
      }
    } catch (error) {
      waiting.reject(error);
    }
    this.#advance();
  }

  /**
   * Whether the letter is to take another connection: nothing of it was begun on this one, which is at its end, or the server takes no
   * more letters over this one (Exim says so with 421 after a thousand, OpenSMTPD with 452 4.5.3 after a hundred).
   */
  #goesOn(waiting: WaitingLetter, member: Member, outcome: SendOutcome): boolean {
    if (this.#closed.signal.aborted || waiting.recall.aborted || !this.#gate.mayBegin()) return false;
    if (outcome.kind === 'lost' && !outcome.begun && (outcome.cause === 'closed' || outcome.cause === 'closing'))
      return true;
    if (isUsedUp(outcome) && member.hasAnswered && member.number <= waiting.triedUpTo) {
      this.#retire(member);
      waiting.triedUpTo = Math.min(waiting.triedUpTo, this.#connectionCount);
      return true;
    }
    member.hasAnswered ||= outcome.kind !== 'lost';
    return false;
  }

  /** To where it was: what is on its second try is among the first on the next connection then, and falls for no other letter again. */
  #putBack(waiting: WaitingLetter): void {
    const behind = this.#line.findIndex(({ number }) => number > waiting.number);
    this.#line.splice(behind === -1 ? this.#line.length : behind, 0, waiting);
  }

  #retire(member: Member): void {
    if (!this.#members.includes(member)) return;
    this.#members = this.#members.filter((other) => other !== member);
    const { connection } = member;
    this.#leaving.add(connection);
    void connection.retire().then(() => this.#leaving.delete(connection));
  }

  /** One listener for all letters of a signal: one for each letter would cost a tenth of its time. */
  #heed(recall: AbortSignal): void {
    if (this.#heeded.has(recall)) return;
    this.#heeded.add(recall);
    const takeBack = () => {
      for (const connection of this.#listConnections()) connection.takeBack(recall);
      this.#giveBack((waiting) => waiting.recall === recall);
    };
    recall.addEventListener('abort', takeBack, { once: true });
  }

  #giveBack(isMeant: (waiting: WaitingLetter) => boolean): void {
    const meant = this.#line.filter(isMeant);
    this.#line = this.#line.filter((waiting) => !isMeant(waiting));
    for (const { resolve } of meant) resolve(toUntriedOutcome(this.name));
  }

  /** One at a time until a letter has been accepted: a relay that is down is asked once. Then as many as there are letters for. */
  #mayOpen(idlest: Member | undefined): boolean {
    const openings = this.#openings.size;
    if (idlest === undefined && openings === 0) return true;
    if (idlest?.connection.pending === 0 || this.isFaulty || performance.now() < this.#fullUntil) return false;
    if (this.#members.length + openings >= this.#options.connections) return false;
    return openings === 0 || (this.#isProven && this.#line.length > openings);
  }

  #open(): void {
    const opening = this.#connect(() => this.#openings.delete(opening));
    this.#openings.add(opening);
  }

  /** A connection that cannot be made is the try of the letter that is first in the line, and of no other. */
  async #connect(onAnswer: () => void): Promise<void> {
    const opened = await SmtpConnection.open({
      ...this.#options,
      pipelining: this.#trust.pipelining,
      signal: this.#closed.signal,
    });
    onAnswer();
    if (opened.ok) await this.#welcome(opened.connection);
    else if (!this.#closed.signal.aborted) this.#miss(asTried(opened.outcome));
    this.#advance();
  }

  async #welcome(connection: SmtpConnection): Promise<void> {
    this.#connectionCount += 1;
    const member = { number: this.#connectionCount, connection, hasAnswered: false };
    this.#members.push(member);
    if (this.#closed.signal.aborted) await connection.close(0);
    // Meanwhile fewer may have become allowed.
    else if (this.#members.length > this.#options.connections) this.#retire(member);
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
    this.#trust.learn(outcome);
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
    this.#options.onFault({ said: describeFault(outcome), restMs: rest, asksForPatience: asksForPatience(outcome) });
  }
}

function isUsable({ connection }: Member): boolean {
  return connection.usable;
}

/** What the server said, or what happened instead, in one text. */
export function describeFault(outcome: SendOutcome): string {
  return outcome.kind === 'lost' ? outcome.error : `${outcome.reply.code} ${outcome.reply.text}`;
}
