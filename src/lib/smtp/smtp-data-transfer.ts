import { stuffDots } from './smtp-content.js';
import type { QueuedLetter } from './smtp-letter.js';
import { LAST_CALL_MS } from './smtp-options.js';
import {
  CLOSING,
  RECALLED,
  isIntermediate,
  isPositive,
  isRefusal,
  type SmtpFault,
  type SmtpReply,
} from './smtp-outcome.js';
import { giveUpOutOfStep, misunderstand, type Transfer, type TransferBase } from './smtp-transfer.js';

export const BLOCK_SIZE = 262_144;

/** In which way letters have been answered on this connection: with their own commands together, or behind another letter. */
const TOGETHER = 1;
const AHEAD = 2;

/**
 * Letters by DATA: any server takes them. MAIL, RCPT and DATA go in one packet where the server offers PIPELINING (RFC 2920), and
 * behind the content of the letter before: one round trip a letter. At most one envelope without content, and one content without
 * reply, are out at a time, so at most one letter is in doubt when the connection dies.
 *
 * A letter whose envelope is out and that is called back goes on, because nothing ends its transaction but its content or the end of
 * the connection; where the server lets it wait too long, it is the connection.
 */
export class DataTransfer implements Transfer {
  readonly #base: TransferBase;
  /** Its envelope is out, its content is not. */
  #enveloped: QueuedLetter | null = null;
  /** Its content is out, in part or whole, and not answered. */
  #contented: QueuedLetter | null = null;
  #proven = 0;

  constructor(base: TransferBase) {
    this.#base = base;
  }

  /** Whether the server answered all commands of a letter that left together. */
  get isProven(): boolean {
    return this.#proven > 0;
  }

  hasRoomFor(): boolean {
    if (this.#enveloped || this.#contented?.stage === 'data') return false;
    return this.#base.pipelining || !this.#base.wire.isAwaitingReply;
  }

  begin(letter: QueuedLetter): void {
    const { pipelining, needsReset } = this.#base;
    const isAhead = this.#contented !== null;
    letter.begin({ isAhead, isUnproven: pipelining && this.#proven < (isAhead ? AHEAD : TOGETHER) });
    this.#enveloped = letter;
    if (pipelining) this.#writeEnvelope(letter);
    else if (needsReset) this.#command('RSET\r\n', (reply) => this.#takeReset(reply, letter));
    else this.#command(letter.mailCommand, (reply) => this.#takeMail(letter, reply));
  }

  takeBack(recall: AbortSignal): void {
    for (const letter of [this.#enveloped, this.#contented]) {
      if (letter?.recall === recall) letter.contentBy = performance.now() + LAST_CALL_MS;
    }
  }

  loseAll(fault: SmtpFault): void {
    const letters = [this.#contented, this.#enveloped];
    this.#contented = null;
    this.#enveloped = null;
    for (const letter of letters) letter?.lose(fault);
  }

  #writeEnvelope(letter: QueuedLetter): void {
    const { wire, timeouts, needsReset } = this.#base;
    const reset = needsReset ? 'RSET\r\n' : '';
    wire.write(`${reset}${letter.mailCommand}${letter.rcptCommand}DATA\r\n`);
    if (needsReset) wire.expect(timeouts.command, (reply) => this.#takeReset(reply, letter));
    wire.expect(timeouts.command, (reply) => this.#takeMail(letter, reply));
    wire.expect(timeouts.command, (reply) => this.#takeRcpt(letter, reply));
    wire.expect(timeouts.command, (reply) => this.#takeData(letter, reply));
  }

  #takeReset(reply: SmtpReply, letter: QueuedLetter): void {
    this.#base.needsReset = false;
    if (reply.code === CLOSING) return;
    if (!isPositive(reply)) misunderstand(this.#base.wire, 'RSET', reply);
    else if (!this.#base.pipelining) this.#command(letter.mailCommand, (next) => this.#takeMail(letter, next));
  }

  #takeMail(letter: QueuedLetter, reply: SmtpReply): void {
    if (isPositive(reply)) {
      letter.stage = 'rcpt';
      if (!this.#base.pipelining) this.#command(letter.rcptCommand, (next) => this.#takeRcpt(letter, next));
    } else if (isRefusal(reply)) this.#refuseEnvelope(letter, reply);
    else misunderstand(this.#base.wire, 'MAIL', reply);
  }

  #takeRcpt(letter: QueuedLetter, reply: SmtpReply): void {
    if (letter.isSettled) return;
    if (isPositive(reply)) {
      letter.stage = 'data';
      if (!this.#base.pipelining) this.#command('DATA\r\n', (next) => this.#takeData(letter, next));
    } else if (isRefusal(reply)) this.#refuseEnvelope(letter, reply);
    else misunderstand(this.#base.wire, 'RCPT', reply);
  }

  /** With PIPELINING the replies to the rest of the envelope are still to come: DATA's decides when the next may begin. */
  #refuseEnvelope(letter: QueuedLetter, reply: SmtpReply): void {
    letter.refuse(reply);
    this.#base.needsReset = true;
    if (letter.isOutOfStep(reply)) giveUpOutOfStep(this.#base.wire, reply);
    else if (!this.#base.pipelining) this.#endEnvelope();
  }

  #takeData(letter: QueuedLetter, reply: SmtpReply): void {
    if (isPositive(reply)) return misunderstand(this.#base.wire, 'DATA', reply);
    if (!letter.isOutOfStep(reply)) this.#proven = Math.max(this.#proven, letter.isAhead ? AHEAD : TOGETHER);
    if (isIntermediate(reply)) {
      if (letter.isSettled) return this.#sendNothing();
      if (this.#isTooLate(letter)) return this.#base.wire.abandon(RECALLED);
      this.#enveloped = null;
      this.#contented = letter;
      this.#base.wire.expect(this.#base.timeouts.dataBlock, (next) => this.#takeEnd(letter, next));
      return this.#writeContent(letter);
    }
    if (!letter.isSettled) this.#refuseEnvelope(letter, reply);
    if (this.#base.pipelining) this.#endEnvelope();
  }

  /** RFC 2920 3.1: a server that takes DATA without a recipient waits for content, and gets a lone dot. */
  #sendNothing(): void {
    this.#base.wire.writeContent('.\r\n');
    this.#base.wire.expect(this.#base.timeouts.finalDot, () => this.#base.onRoom());
    this.#endEnvelope();
  }

  #endEnvelope(): void {
    this.#enveloped = null;
    this.#base.onRoom();
  }

  #writeContent(letter: QueuedLetter): void {
    const content = stuffDots(letter.content);
    letter.content = '';
    if (content.length <= BLOCK_SIZE) this.#finishContent(letter, content);
    else this.#writeBlocks(letter, typeof content === 'string' ? Buffer.from(content) : content);
  }

  /** A large letter goes in blocks, so that one which breaks off before its end is known not to be in doubt. */
  #writeBlocks(letter: QueuedLetter, content: Buffer): void {
    const { wire, timeouts } = this.#base;
    if (this.#isTooLate(letter)) return wire.abandon(RECALLED);
    if (content.length <= BLOCK_SIZE) return this.#finishContent(letter, content);
    wire.restartClock(timeouts.dataBlock);
    wire.writeThen(content.subarray(0, BLOCK_SIZE), () => this.#writeBlocks(letter, content.subarray(BLOCK_SIZE)));
  }

  #finishContent(letter: QueuedLetter, rest: string | Buffer): void {
    const { wire, timeouts, pipelining, onRoom } = this.#base;
    letter.stage = 'dot';
    letter.hasLeft = true;
    if (typeof rest === 'string') wire.writeContent(`${rest}.\r\n`);
    else {
      wire.writeContent(rest);
      wire.writeContent('.\r\n');
    }
    wire.restartClock(timeouts.finalDot);
    if (pipelining) onRoom();
  }

  #takeEnd(letter: QueuedLetter, reply: SmtpReply): void {
    if (letter.stage === 'data') return this.#takePrematureEnd(letter, reply);
    if (isIntermediate(reply)) return misunderstand(this.#base.wire, 'the final dot', reply);
    this.#contented = null;
    if (isPositive(reply)) letter.accept(reply);
    else letter.refuse(reply);
    this.#base.onRoom();
  }

  /** Some servers refuse in the middle of the content; where the next command would begin is then anybody's guess. */
  #takePrematureEnd(letter: QueuedLetter, reply: SmtpReply): void {
    if (isRefusal(reply)) letter.refuse(reply);
    misunderstand(this.#base.wire, 'a part of the content', reply);
  }

  /** Nothing is in doubt then: its final dot has not left, and what was before it is answered. */
  #isTooLate({ contentBy }: QueuedLetter): boolean {
    return (contentBy !== Infinity && performance.now() > contentBy) || !this.#base.gate.mayGoOn();
  }

  #command(line: string, onReply: (reply: SmtpReply) => void): void {
    this.#base.wire.write(line);
    this.#base.wire.expect(this.#base.timeouts.command, onReply);
  }
}
