import { since, takeMoment } from '../moment.js';
import type { SmtpCapabilities } from './smtp-capabilities.js';
import { ChunkTransfer } from './smtp-chunk-transfer.js';
import { BLOCK_SIZE, DataTransfer } from './smtp-data-transfer.js';
import { composeEnvelope, type LocalRefusal, type SmtpLetter } from './smtp-envelope.js';
import { Forbearance } from './smtp-forbearance.js';
import { shakeHands, type SmtpSession } from './smtp-handshake.js';
import { QueuedLetter, type LetterOrigin } from './smtp-letter.js';
import {
  DEFAULT_LETTERS_ON_WIRE,
  DEFAULT_TIMEOUTS,
  OPEN_GATE,
  type SmtpGate,
  type SmtpOptions,
  type SmtpTimeouts,
} from './smtp-options.js';
import {
  CLOSED,
  RECALLED,
  type LostOutcome,
  type RefusedOutcome,
  type SendOutcome,
  type SmtpFault,
} from './smtp-outcome.js';
import type { Transfer, TransferBase } from './smtp-transfer.js';
import type { SmtpWire } from './smtp-wire.js';

export type OpenedConnection =
  | { ok: true; connection: SmtpConnection }
  | { ok: false; outcome: RefusedOutcome | LostOutcome };

/** To have the next letter's envelope out behind a letter's content, and a further one at hand. */
const DEPTH_BY_DATA = 3;

/**
 * One connection to a relay, and the letters that go over it in their order.
 *
 * A letter waits until its way of transfer has room for it: by DATA (`DataTransfer`), or several at a time by BDAT where the server
 * offers PIPELINING and CHUNKING (`ChunkTransfer`); there the first letter goes by DATA and alone, and shows with nothing in doubt whether
 * the server keeps to PIPELINING. One way makes place for the other when no reply is due. Replies come in the order of the commands, and
 * each has its taker in the wire's queue: a refused letter shifts nobody's replies. Whatever ends the wire settles every letter as lost;
 * those whose last octet had not been handed to the socket are safe to send again.
 *
 * A letter can be called back (`takeBack`): one that waits comes back at once, as it does when the gate is closed at its turn. Where the server has refused as many letters as it may bear
 * on one connection (`Forbearance`), this one retires by itself: `usable` is false then, and what waits comes back as not begun.
 */
export class SmtpConnection implements AsyncDisposable {
  readonly capabilities: SmtpCapabilities;
  readonly tlsVersion: string | null;
  /** How many letters are to be queued (`pending`) to keep the pipeline full. */
  readonly depth: number;

  readonly #wire: SmtpWire;
  readonly #timeouts: SmtpTimeouts;
  readonly #origin: LetterOrigin;
  readonly #byData: DataTransfer;
  readonly #byChunks: ChunkTransfer | null;
  readonly #forbearance = new Forbearance();
  readonly #gate: SmtpGate;
  readonly #ended = Promise.withResolvers<void>();
  #transfer: Transfer;
  #waiting: QueuedLetter[] = [];
  #pending = 0;
  /** When it was opened, or its last letter was settled. */
  #idleSince = takeMoment();
  #isClosing = false;
  #hasQuit = false;

  /** Never rejects: a server that cannot be used is a value, with the stage that it failed at. */
  static async open(options: SmtpOptions): Promise<OpenedConnection> {
    const handshake = await shakeHands(options, { ...DEFAULT_TIMEOUTS, ...options.timeouts });
    if (!handshake.ok) return handshake;
    return { ok: true, connection: new SmtpConnection(handshake.session, options) };
  }

  private constructor({ wire, capabilities }: SmtpSession, options: SmtpOptions) {
    const { host, port, pipelining: mayPipeline = true, lettersOnWire = DEFAULT_LETTERS_ON_WIRE } = options;
    const { gate = OPEN_GATE } = options;
    this.#wire = wire;
    this.#gate = gate;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.capabilities = capabilities;
    this.tlsVersion = wire.tlsVersion;
    this.#origin = { relay: `${host}:${port}`, tls: wire.tlsVersion, onSettled: (kind) => this.#settle(kind) };
    const pipelining = mayPipeline && capabilities.pipelining;
    const onRoom = () => this.#advance();
    const shared = { wire, timeouts: this.#timeouts, pipelining, forbearance: this.#forbearance, gate };
    const base: TransferBase = { ...shared, needsReset: false, onRoom };
    const isChunked = pipelining && capabilities.chunking && lettersOnWire > 1;
    this.depth = isChunked ? lettersOnWire + 1 : DEPTH_BY_DATA;
    this.#byData = new DataTransfer(base);
    this.#byChunks = isChunked ? new ChunkTransfer(base, lettersOnWire) : null;
    this.#transfer = this.#byData;
    wire.onFault = (fault) => this.#loseAll(fault);
    if (wire.fault) this.#loseAll(wire.fault);
  }

  /** Whether a letter given to `send` now would be tried. */
  get usable(): boolean {
    return !this.#isClosing && this.#wire.isUsable;
  }

  /** Whether it has been idle for so long that it may lead nowhere: several letters would be in doubt before that shows. */
  get isStale(): boolean {
    return this.#pending === 0 && since(this.#idleSince) > this.#timeouts.idle;
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
    if (recall?.aborted) return Promise.resolve(this.#untried(RECALLED));
    if (fault) return Promise.resolve(this.#untried(fault));
    const envelope = composeEnvelope(letter, this.capabilities);
    if (!envelope.ok) return Promise.resolve(this.#refuse(envelope));
    return new Promise((resolve) => {
      this.#waiting.push(new QueuedLetter(envelope, this.#origin, recall, resolve));
      this.#pending += 1;
      this.#advance();
    });
  }

  /** Gives the letters that were sent with `recall` back as lost and not begun, but for those on the wire. */
  takeBack(recall: AbortSignal): void {
    for (const letter of this.#waiting) {
      if (letter.recall === recall) letter.lose(RECALLED);
    }
    this.#waiting = this.#waiting.filter((letter) => !letter.isSettled);
    this.#transfer.takeBack(recall);
  }

  /** Gives the waiting letters back as lost and not begun, lets those on the wire have the time that they have anyway, says QUIT. */
  retire(): Promise<void> {
    this.#stopTaking();
    if (this.#wire.fault) this.#ended.resolve();
    else this.#advance();
    return this.#ended.promise;
  }

  /** As `retire`, and bounded in time: what is on the wire then is lost. */
  async close(withinMs = this.#timeouts.close): Promise<void> {
    const timer = setTimeout(() => this.#wire.abandon(CLOSED), withinMs);
    await this.retire();
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #settle(kind: SendOutcome['kind']): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#idleSince = takeMoment();
    this.#forbearance.note(kind);
  }

  #stopTaking(): void {
    this.#isClosing = true;
    for (const letter of this.#waiting.splice(0)) letter.lose(CLOSED);
  }

  #giveBack(): void {
    for (const letter of this.#waiting.splice(0)) letter.lose(RECALLED);
  }

  /** Begins the letters that there is room for, or the farewell. */
  #advance(): void {
    if (this.#forbearance.isSpent) this.#stopTaking();
    while (this.#wire.isUsable) {
      const letter = this.#waiting[0];
      if (!letter) return this.#isClosing ? this.#quit() : undefined;
      if (!this.#prepareTransfer(letter)) return;
      if (!this.#gate.mayBegin()) return this.#giveBack();
      this.#waiting.shift();
      this.#transfer.begin(letter);
    }
  }

  /** Whether the letter can begin now. */
  #prepareTransfer(letter: QueuedLetter): boolean {
    const chunks = letter.size <= BLOCK_SIZE && this.#byData.isProven ? this.#byChunks : null;
    const transfer = chunks ?? this.#byData;
    // Beside chunks, a letter by DATA is large, or the first.
    const isAlone = transfer !== this.#transfer || (this.#byChunks !== null && chunks === null);
    if (isAlone && this.#wire.isAwaitingReply) return false;
    this.#transfer = transfer;
    return transfer.hasRoomFor(letter);
  }

  #quit(): void {
    if (this.#hasQuit || this.#wire.isAwaitingReply) return;
    this.#hasQuit = true;
    this.#wire.write('QUIT\r\n');
    this.#wire.expect(this.#timeouts.command, () => this.#wire.abandon(CLOSED));
  }

  #loseAll(fault: SmtpFault): void {
    this.#transfer.loseAll(fault);
    for (const letter of this.#waiting.splice(0)) letter.lose(fault);
    this.#ended.resolve();
  }

  #untried({ cause, error }: SmtpFault): SendOutcome {
    const { relay, tls } = this.#origin;
    const facts = { durationMs: 0, relay, tls, finalDotMayHaveLeft: false };
    return { kind: 'lost', stage: 'mail', reply: null, cause, error, begun: false, ...facts };
  }

  #refuse({ stage, reply }: LocalRefusal): SendOutcome {
    const { relay, tls } = this.#origin;
    return { kind: 'refused', stage, reply, local: true, durationMs: 0, relay, tls, finalDotMayHaveLeft: false };
  }
}
