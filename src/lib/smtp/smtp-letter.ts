import type { SmtpEnvelope } from './smtp-envelope.js';
import type { SendOutcome, SmtpFault, SmtpReply } from './smtp-outcome.js';

/** What all letters of a connection say of it in their outcomes. */
export interface LetterOrigin {
  relay: string;
  tls: string | null;
  onSettled: (kind: SendOutcome['kind']) => void;
}

/** Codes of servers that lost count of the commands (RFC 5321 4.2.4): unknown, not implemented, bad sequence. */
const OUT_OF_STEP = [500, 502, 503];

/** A letter that was given to a connection, until its outcome: which is told once, the first one that there is. */
export class QueuedLetter {
  readonly mailCommand: string;
  readonly rcptCommand: string;
  /** Empty once it is on its way. */
  content: string | Buffer;
  readonly size: number;
  readonly recall: AbortSignal | undefined;
  /** That of the earliest reply which is still to come. */
  stage: 'mail' | 'rcpt' | 'data' | 'dot' = 'mail';
  isSettled = false;
  /** What its first command that was refused was answered with, where its outcome waits for more. */
  refusal: SmtpReply | null = null;
  /** Whether its last octet was handed to the socket. */
  hasLeft = false;
  /** Whether it began behind another letter that was not answered yet. */
  isAhead = false;
  /** Until when its content may begin, once its envelope is out and it is called back. */
  contentBy = Infinity;

  readonly #origin: LetterOrigin;
  readonly #resolve: (outcome: SendOutcome) => void;
  #begunAt: number | null = null;
  #isUnproven = false;

  constructor(
    envelope: SmtpEnvelope,
    origin: LetterOrigin,
    recall: AbortSignal | undefined,
    resolve: (outcome: SendOutcome) => void,
  ) {
    this.mailCommand = envelope.mailCommand;
    this.rcptCommand = envelope.rcptCommand;
    this.content = envelope.content;
    this.size = envelope.size;
    this.recall = recall;
    this.#origin = origin;
    this.#resolve = resolve;
  }

  /**
   * The first byte of its envelope is about to be handed to the socket. `isAhead`: behind another letter that is not answered;
   * `isUnproven`: in a way in which no letter of this connection was answered yet.
   */
  begin({ isAhead, isUnproven }: { isAhead: boolean; isUnproven: boolean }): void {
    this.#begunAt = performance.now();
    this.isAhead = isAhead;
    this.#isUnproven = isUnproven;
  }

  /** Whether the reply shows that the server lost count of commands which came together. */
  isOutOfStep(reply: SmtpReply): boolean {
    return this.#isUnproven && OUT_OF_STEP.includes(reply.code);
  }

  accept(reply: SmtpReply): void {
    const pipelining = this.isAhead ? 'worked' : undefined;
    this.#settle({ kind: 'accepted', stage: 'dot', reply, finalDotMayHaveLeft: false, pipelining, ...this.#facts() });
  }

  refuse(reply: SmtpReply): void {
    const pipelining = this.isOutOfStep(reply) ? 'suspect' : undefined;
    const { stage } = this;
    this.#settle({
      kind: 'refused',
      stage,
      reply,
      local: false,
      finalDotMayHaveLeft: false,
      pipelining,
      ...this.#facts(),
    });
  }

  lose({ cause, error }: SmtpFault): void {
    const finalDotMayHaveLeft = this.hasLeft && cause !== 'closing';
    const isSuspect = this.#isUnproven && cause !== 'closed' && cause !== 'closing';
    this.#settle({
      kind: 'lost',
      stage: finalDotMayHaveLeft ? 'dot' : this.stage,
      reply: null,
      cause,
      error,
      begun: this.#begunAt !== null,
      finalDotMayHaveLeft,
      pipelining: isSuspect ? 'suspect' : undefined,
      ...this.#facts(),
    });
  }

  #settle(outcome: SendOutcome): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#origin.onSettled(outcome.kind);
    this.#resolve(outcome);
  }

  #facts() {
    const { relay, tls } = this.#origin;
    return { durationMs: this.#begunAt === null ? 0 : performance.now() - this.#begunAt, relay, tls };
  }
}
