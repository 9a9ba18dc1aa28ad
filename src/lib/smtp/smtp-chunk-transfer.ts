import { BLOCK_SIZE } from './smtp-data-transfer.js';
import type { QueuedLetter } from './smtp-letter.js';
import { CLOSING, isIntermediate, isPositive, isRefusal, type SmtpFault, type SmtpReply } from './smtp-outcome.js';
import { giveUpOutOfStep, misunderstand, type Transfer, type TransferBase } from './smtp-transfer.js';

/** In which way letters have been answered on this connection: alone, or behind another. */
const ALONE = 1;
const AHEAD = 2;

/** RFC 3463 3.2: what is said of an address answers MAIL or RCPT, and not content. */
const ABOUT_ADDRESS = /^2\.1\./;

/**
 * Letters by BDAT (RFC 3030), several at a time: no reply needs to be awaited in the middle of one, so MAIL, RCPT, `BDAT <size> LAST`
 * and the content of the next letters follow at once, up to a number of letters and of octets. It begins with one and grows by one with
 * each letter that is answered, so that a server which cannot do it has one letter in doubt and not all of them. Each letter behind
 * another begins with RSET: not every server ends a transaction whose recipient it refused, and a second MAIL in it would be refused
 * while its RCPT and BDAT bring this letter under the other's envelope.
 *
 * The nearer the refusals come to what servers bear on one connection (`Forbearance`), the fewer letters are out.
 *
 * Replies come in the order of the commands. A letter's outcome is its first refusal; whatever its BDAT is answered then counts for
 * nothing. What is on the wire cannot be taken back, and all of it is in doubt when the connection dies.
 */
export class ChunkTransfer implements Transfer {
  readonly #base: TransferBase;
  readonly #most: number;
  /** In the order in which they began; refused ones, too, until their last reply. */
  #onWire: QueuedLetter[] = [];
  #octets = 0;
  #window = 1;
  #proven = 0;

  constructor(base: TransferBase, most: number) {
    this.#base = base;
    this.#most = most;
  }

  hasRoomFor(letter: QueuedLetter): boolean {
    const count = this.#onWire.length;
    const most = Math.min(this.#window, this.#base.forbearance.left);
    return count === 0 || (count < most && this.#octets + letter.size <= BLOCK_SIZE);
  }

  begin(letter: QueuedLetter): void {
    const { wire, needsReset } = this.#base;
    const isAhead = this.#onWire.length > 0;
    letter.begin({ isAhead, isUnproven: this.#proven < (isAhead ? AHEAD : ALONE) });
    this.#base.needsReset = false;
    this.#onWire.push(letter);
    this.#octets += letter.size;
    wire.lingers = true;
    this.#write(letter, isAhead || needsReset);
  }

  takeBack(): void {}

  loseAll(fault: SmtpFault): void {
    const letters = this.#onWire;
    this.#onWire = [];
    for (const letter of letters) {
      if (letter.refusal) letter.refuse(letter.refusal);
      else letter.lose(fault);
    }
  }

  #write(letter: QueuedLetter, isReset: boolean): void {
    const { wire, timeouts } = this.#base;
    const { mailCommand, rcptCommand, content, size } = letter;
    letter.content = '';
    letter.hasLeft = true;
    wire.writeLetter(`${isReset ? 'RSET\r\n' : ''}${mailCommand}${rcptCommand}BDAT ${size} LAST\r\n`, content);
    // RFC 5321 4.5.3.2.6 for all of them: a server may work through what it has before it answers any of it.
    if (isReset) wire.expect(timeouts.finalDot, (reply) => this.#takeReset(reply));
    wire.expect(timeouts.finalDot, (reply) => this.#takeMail(letter, reply));
    wire.expect(timeouts.finalDot, (reply) => this.#takeRcpt(letter, reply));
    wire.expect(timeouts.finalDot, (reply) => this.#takeEnd(letter, reply));
  }

  #takeReset(reply: SmtpReply): void {
    if (!isPositive(reply) && reply.code !== CLOSING) misunderstand(this.#base.wire, 'RSET', reply);
  }

  /** A refusal becomes the outcome with that of RCPT: where a recipient is taken without a sender, the two sides do not mean the same. */
  #takeMail(letter: QueuedLetter, reply: SmtpReply): void {
    if (isIntermediate(reply)) return misunderstand(this.#base.wire, 'MAIL', reply);
    if (isPositive(reply)) letter.stage = 'rcpt';
    else letter.refusal = reply;
  }

  #takeRcpt(letter: QueuedLetter, reply: SmtpReply): void {
    const { refusal } = letter;
    if (isIntermediate(reply) || (refusal && isPositive(reply))) {
      letter.refusal = null;
      return misunderstand(this.#base.wire, 'RCPT', reply);
    }
    if (isPositive(reply)) letter.stage = 'dot';
    else this.#refuse(letter, refusal ?? reply);
  }

  #takeEnd(letter: QueuedLetter, reply: SmtpReply): void {
    if (isIntermediate(reply)) return misunderstand(this.#base.wire, 'BDAT', reply);
    if (!letter.isSettled && isPositive(reply) && ABOUT_ADDRESS.test(reply.enhancedCode ?? ''))
      return misunderstand(this.#base.wire, 'BDAT', reply);
    if (!letter.isSettled && isRefusal(reply)) this.#refuse(letter, reply);
    else if (!letter.isSettled) letter.accept(reply);
    if (this.#onWire[0] === letter) this.#retire(letter, isRefusal(reply));
  }

  #refuse(letter: QueuedLetter, reply: SmtpReply): void {
    letter.refuse(reply);
    if (letter.isOutOfStep(reply)) giveUpOutOfStep(this.#base.wire, reply);
  }

  #retire(letter: QueuedLetter, isRefused: boolean): void {
    this.#onWire.shift();
    this.#octets -= letter.size;
    this.#proven = Math.max(this.#proven, letter.isAhead ? AHEAD : ALONE);
    this.#window = Math.min(this.#window + 1, this.#most);
    if (this.#onWire.length === 0) {
      this.#base.wire.lingers = false;
      this.#base.needsReset = isRefused;
    }
    this.#base.onRoom();
  }
}
