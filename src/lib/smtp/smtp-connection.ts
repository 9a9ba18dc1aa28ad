import type { SmtpCapabilities } from './smtp-capabilities.js';
import { composeEnvelope, type SmtpLetter } from './smtp-envelope.js';
import { shakeHands, type SmtpSession } from './smtp-handshake.js';
import { DEFAULT_TIMEOUTS, type SmtpOptions, type SmtpTimeouts } from './smtp-options.js';
import {
  CLOSED,
  RECALLED,
  isIntermediate,
  isPositive,
  isRefusal,
  type LostOutcome,
  type RefusedOutcome,
  type SendOutcome,
  type SmtpFault,
  type SmtpReply,
  type SmtpStage,
} from './smtp-outcome.js';
import type { SmtpWire } from './smtp-wire.js';

export type OpenedConnection =
  | { ok: true; connection: SmtpConnection }
  | { ok: false; outcome: RefusedOutcome | LostOutcome };

/** A letter on its way: its stage is that of the earliest reply which is still to come. */
interface QueuedLetter {
  mailCommand: string;
  rcptCommand: string;
  content: string | Buffer;
  stage: 'mail' | 'rcpt' | 'data' | 'dot';
  /** Null until the first byte of its envelope is handed to the socket. */
  begunAt: number | null;
  isSettled: boolean;
  recall: AbortSignal | undefined;
  /** Until when its content may begin, once its envelope is out and it is called back. */
  contentBy: number;
  resolve: (outcome: SendOutcome) => void;
}

const BLOCK_SIZE = 262_144;
/** What a letter that is called back with its envelope out still has to go on its way; then the connection is given up for it. */
const LAST_CALL_MS = 800;

/**
 * One connection to a relay, and the letters that go over it one after another.
 *
 * A letter waits; then its envelope is on the wire (MAIL, RCPT and DATA in one packet where the server offers
 * PIPELINING, RFC 2920); then its content. While one letter's final dot waits for its reply, the next letter's envelope
 * is already out: one round trip per letter. At most one envelope without content, and one content without reply, are
 * out at a time, so at most one letter is in doubt when the connection dies. Replies come in the order of the commands,
 * and each has its taker in the wire's queue: a refused letter shifts nobody's replies. Whatever ends the wire settles
 * every letter as lost; those whose final dot had not been handed to the socket are safe to send again.
 *
 * A letter can be called back (`takeBack`). One that waits comes back at once. One whose envelope is out goes on, because nothing
 * ends its transaction but its content or the end of the connection; where the server lets it wait too long, it is the connection.
 *
 * To keep the pipeline full, have three letters queued (`pending`).
 */
export class SmtpConnection implements AsyncDisposable {
  readonly capabilities: SmtpCapabilities;
  readonly tlsVersion: string | null;

  readonly #wire: SmtpWire;
  readonly #relay: string;
  readonly #timeouts: SmtpTimeouts;
  readonly #ended = Promise.withResolvers<void>();
  #waiting: QueuedLetter[] = [];
  /** Its envelope is out, its content is not. */
  #enveloped: QueuedLetter | null = null;
  /** Its content is out, in part or whole, and not answered. */
  #contented: QueuedLetter | null = null;
  #pending = 0;
  #needsReset = false;
  #isClosing = false;
  #hasQuit = false;

  /** Never rejects: a server that cannot be used is a value, with the stage that it failed at. */
  static async open(options: SmtpOptions): Promise<OpenedConnection> {
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const handshake = await shakeHands(options, timeouts);
    if (!handshake.ok) return handshake;
    return { ok: true, connection: new SmtpConnection(handshake.session, `${options.host}:${options.port}`, timeouts) };
  }

  private constructor({ wire, capabilities }: SmtpSession, relay: string, timeouts: SmtpTimeouts) {
    this.#wire = wire;
    this.#relay = relay;
    this.#timeouts = timeouts;
    this.capabilities = capabilities;
    this.tlsVersion = wire.tlsVersion;
    wire.onFault = (fault) => this.#loseAll(fault);
    if (wire.fault) this.#loseAll(wire.fault);
  }

  /** Whether a letter given to `send` now would be tried. */
  get usable(): boolean {
    return !this.#isClosing && this.#wire.isUsable;
  }

  /** Letters given to `send` and not settled. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Queues a letter. Never rejects, and always settles: by a reply, a timeout, the end of the connection, or a `takeBack` of what
   * `recall` stands for.
   */
  send(letter: SmtpLetter, recall?: AbortSignal): Promise<SendOutcome> {
    const fault = this.#isClosing ? CLOSED : this.#wire.fault;
    if (recall?.aborted) return Promise.resolve(this.#lost('mail', RECALLED, null, false));
    if (fault) return Promise.resolve(this.#lost('mail', fault, null, false));
    const envelope = composeEnvelope(letter, this.capabilities);
    if (!envelope.ok) return Promise.resolve(this.#refused(envelope.stage, envelope.reply, null, true));
    return new Promise((resolve) => {
      const { mailCommand, rcptCommand, content } = envelope;
      this.#waiting.push({
        mailCommand,
        rcptCommand,
        content,
        stage: 'mail',
        begunAt: null,
        isSettled: false,
        recall,
        contentBy: Infinity,
        resolve,
      });
      this.#pending += 1;
      this.#advance();
    });
  }

  /** Gives the letters that were sent with `recall` back as lost and not begun, but for those on the wire. */
  takeBack(recall: AbortSignal): void {
    for (const letter of this.#waiting.filter((waiting) => waiting.recall === recall)) this.#lose(letter, RECALLED);
    this.#waiting = this.#waiting.filter((letter) => !letter.isSettled);
    for (const letter of [this.#enveloped, this.#contented]) {
      if (letter?.recall === recall) letter.contentBy = performance.now() + LAST_CALL_MS;
    }
  }

  /** Lets letters on the wire finish, gives the waiting ones back as lost and not begun, says QUIT. Bounded in time. */
  async close(withinMs = this.#timeouts.close): Promise<void> {
    this.#isClosing = true;
    for (const letter of this.#waiting.splice(0)) this.#lose(letter, CLOSED);
    const timer = setTimeout(() => this.#wire.abandon(CLOSED), withinMs);
    if (this.#wire.fault) this.#ended.resolve();
    else this.#advance();
    await this.#ended.promise;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Begins the next letter if the wire is free for its envelope, or the farewell. */
  #advance(): void {
    if (!this.#wire.isUsable || this.#enveloped || this.#contented?.stage === 'data') return;
    if (this.#wire.isAwaitingReply && !this.capabilities.pipelining) return;
    const letter = this.#waiting.shift();
    if (letter) this.#begin(letter);
    else if (this.#isClosing && !this.#wire.isAwaitingReply) this.#quit();
  }

  #begin(letter: QueuedLetter): void {
    this.#enveloped = letter;
    letter.begunAt = performance.now();
    if (this.capabilities.pipelining) this.#writeEnvelope(letter);
    else if (this.#needsReset) this.#command('RSET\r\n', (reply) => this.#takeReset(reply, letter));
    else this.#command(letter.mailCommand, (reply) => this.#takeMail(letter, reply));
  }

  #writeEnvelope(letter: QueuedLetter): void {
    const { command } = this.#timeouts;
    const reset = this.#needsReset ? 'RSET\r\n' : '';
    this.#wire.write(`${reset}${letter.mailCommand}${letter.rcptCommand}DATA\r\n`);
    if (this.#needsReset) this.#wire.expect(command, (reply) => this.#takeReset(reply, letter));
    this.#wire.expect(command, (reply) => this.#takeMail(letter, reply));
    this.#wire.expect(command, (reply) => this.#takeRcpt(letter, reply));
    this.#wire.expect(command, (reply) => this.#takeData(letter, reply));
  }

  #takeReset(reply: SmtpReply, letter: QueuedLetter): void {
    this.#needsReset = false;
    if (!isPositive(reply)) this.#misunderstand('RSET', reply);
    else if (!this.capabilities.pipelining) this.#command(letter.mailCommand, (next) => this.#takeMail(letter, next));
  }

  #takeMail(letter: QueuedLetter, reply: SmtpReply): void {
    if (isPositive(reply)) {
      letter.stage = 'rcpt';
      if (!this.capabilities.pipelining) this.#command(letter.rcptCommand, (next) => this.#takeRcpt(letter, next));
    } else if (isRefusal(reply)) this.#refuseEnvelope(letter, reply);
    else this.#misunderstand('MAIL', reply);
  }

  #takeRcpt(letter: QueuedLetter, reply: SmtpReply): void {
    if (letter.isSettled) return;
    if (isPositive(reply)) {
      letter.stage = 'data';
      if (!this.capabilities.pipelining) this.#command('DATA\r\n', (next) => this.#takeData(letter, next));
    } else if (isRefusal(reply)) this.#refuseEnvelope(letter, reply);
    else this.#misunderstand('RCPT', reply);
  }

  /** With PIPELINING the replies to the rest of the envelope are still to come: DATA's decides when the next may begin. */
  #refuseEnvelope(letter: QueuedLetter, reply: SmtpReply): void {
    this.#settle(letter, this.#refused(letter.stage, reply, letter.begunAt, false));
    // A transaction may be open, and a second MAIL inside it is an error (RFC 5321 4.1.4).
    this.#needsReset = true;
    if (!this.capabilities.pipelining) this.#endEnvelope();
  }

  #takeData(letter: QueuedLetter, reply: SmtpReply): void {
    if (isPositive(reply)) return this.#misunderstand('DATA', reply);
    if (isIntermediate(reply)) {
      if (letter.isSettled) return this.#sendNothing();
      if (isTooLate(letter)) return this.#wire.abandon(RECALLED);
      this.#enveloped = null;
      this.#contented = letter;
      this.#wire.expect(this.#timeouts.dataBlock, (next) => this.#takeEnd(letter, next));
      return this.#writeContent(letter);
    }
    if (!letter.isSettled) this.#refuseEnvelope(letter, reply);
    if (this.capabilities.pipelining) this.#endEnvelope();
  }

  /** RFC 2920 3.1: a server that takes DATA without a recipient waits for content, and gets a lone dot. */
  #sendNothing(): void {
    this.#wire.writeContent('.\r\n');
    this.#wire.expect(this.#timeouts.finalDot, () => this.#advance());
    this.#endEnvelope();
  }

  #endEnvelope(): void {
    this.#enveloped = null;
    this.#advance();
  }

  #writeContent(letter: QueuedLetter): void {
    const { content } = letter;
    letter.content = '';
    if (content.length <= BLOCK_SIZE) this.#finishContent(letter, content);
    else this.#writeBlocks(letter, typeof content === 'string' ? Buffer.from(content) : content);
  }

  /** A large letter goes in blocks, so that one which breaks off before its end is known not to be in doubt. */
  #writeBlocks(letter: QueuedLetter, content: Buffer): void {
    if (isTooLate(letter)) return this.#wire.abandon(RECALLED);
    if (content.length <= BLOCK_SIZE) return this.#finishContent(letter, content);
    this.#wire.restartClock(this.#timeouts.dataBlock);
    this.#wire.writeThen(content.subarray(0, BLOCK_SIZE), () =>
      this.#writeBlocks(letter, content.subarray(BLOCK_SIZE)),
    );
  }

  #finishContent(letter: QueuedLetter, rest: string | Buffer): void {
    letter.stage = 'dot';
    if (typeof rest === 'string') this.#wire.writeContent(`${rest}.\r\n`);
    else {
      this.#wire.writeContent(rest);
      this.#wire.writeContent('.\r\n');
    }
    this.#wire.restartClock(this.#timeouts.finalDot);
    if (this.capabilities.pipelining) this.#advance();
  }

  #takeEnd(letter: QueuedLetter, reply: SmtpReply): void {
    if (letter.stage === 'data') return this.#takePrematureEnd(letter, reply);
    if (isIntermediate(reply)) return this.#misunderstand('the final dot', reply);
    this.#contented = null;
    if (isPositive(reply)) this.#settle(letter, this.#accepted(reply, letter.begunAt));
    else this.#settle(letter, this.#refused('dot', reply, letter.begunAt, false));
    this.#advance();
  }

  /** Some servers refuse in the middle of the content; where the next command would begin is then anybody's guess. */
  #takePrematureEnd(letter: QueuedLetter, reply: SmtpReply): void {
    if (isRefusal(reply)) this.#settle(letter, this.#refused('data', reply, letter.begunAt, false));
    this.#misunderstand('a part of the content', reply);
  }

  #command(line: string, onReply: (reply: SmtpReply) => void): void {
    this.#wire.write(line);
    this.#wire.expect(this.#timeouts.command, onReply);
  }

  #misunderstand(what: string, reply: SmtpReply): void {
    this.#wire.abandon({ cause: 'protocol', error: `the server answered ${what} with ${reply.code}` });
  }

  #quit(): void {
    if (this.#hasQuit) return;
    this.#hasQuit = true;
    this.#command('QUIT\r\n', () => this.#wire.abandon(CLOSED));
  }

  #loseAll(fault: SmtpFault): void {
    const letters = [this.#contented, this.#enveloped, ...this.#waiting];
    this.#contented = null;
    this.#enveloped = null;
    this.#waiting = [];
    for (const letter of letters) {
      if (letter) this.#lose(letter, fault);
    }
    this.#ended.resolve();
  }

  #lose(letter: QueuedLetter, fault: SmtpFault): void {
    this.#settle(letter, this.#lost(letter.stage, fault, letter.begunAt, letter.stage === 'dot'));
  }

  #settle(letter: QueuedLetter, outcome: SendOutcome): void {
    if (letter.isSettled) return;
    letter.isSettled = true;
    this.#pending -= 1;
    letter.resolve(outcome);
  }

  #accepted(reply: SmtpReply, begunAt: number | null): SendOutcome {
    return { kind: 'accepted', stage: 'dot', reply, finalDotMayHaveLeft: false, ...this.#facts(begunAt) };
  }

  #refused(stage: SmtpStage, reply: SmtpReply, begunAt: number | null, local: boolean): SendOutcome {
    return { kind: 'refused', stage, reply, local, finalDotMayHaveLeft: false, ...this.#facts(begunAt) };
  }

  #lost(
    stage: SmtpStage,
    { cause, error }: SmtpFault,
    begunAt: number | null,
    finalDotMayHaveLeft: boolean,
  ): SendOutcome {
    return {
      kind: 'lost',
      stage,
      reply: null,
      cause,
      error,
      begun: begunAt !== null,
      finalDotMayHaveLeft,
      ...this.#facts(begunAt),
    };
  }

  #facts(begunAt: number | null) {
    return { durationMs: begunAt === null ? 0 : performance.now() - begunAt, relay: this.#relay, tls: this.tlsVersion };
  }
}

/** Nothing is in doubt then: its final dot has not left, and what was before it is answered. */
function isTooLate({ contentBy }: QueuedLetter): boolean {
  return contentBy !== Infinity && performance.now() > contentBy;
}
