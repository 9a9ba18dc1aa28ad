import type { Socket } from 'node:net';

import { Deadline } from './smtp-deadline.js';
import { CLOSED, CLOSING, describeReply, type SmtpFault, type SmtpReply } from './smtp-outcome.js';
import { SmtpReplyParser } from './smtp-reply.js';
import {
  describeError,
  encryptSocket,
  ignore,
  keepReading,
  openSocket,
  sayQuit,
  type Encryption,
} from './smtp-socket.js';
import { formatReply, traceLines, type Trace } from './smtp-trace.js';

interface Expectation {
  timeoutMs: number;
  onReply: (reply: SmtpReply) => void;
  onFault: (fault: SmtpFault) => void;
}

export type Answer = { ok: true; reply: SmtpReply } | { ok: false; fault: SmtpFault };

/** What a server has between a 421, or a write that it does not take any more, and the end of the connection. */
const CLOSES_WITHIN_MS = 3000;

/**
 * A socket that speaks in replies. Whoever writes a command also says, in the same order, what is to be done with its
 * reply: `expect`. One clock runs, for the reply that is due next. The first fault (a broken socket, silence, a reply
 * that nobody asked for or that is none, 421) ends the wire for good: it tells every open expectation and then
 * `onFault`, once, and nothing after that. With `lingers`, a 421 lets what follows it still be read until the server has closed.
 */
export class SmtpWire {
  onFault: (fault: SmtpFault) => void = ignore;
  /** Whether whole letters are out: what comes behind a 421, or that nothing does, then tells what became of them. */
  lingers = false;

  #socket: Socket;
  #parser = new SmtpReplyParser();
  #expected: Expectation[] = [];
  #fault: SmtpFault | null = null;
  /** The 421 with which the server said that it closes. */
  #farewell: SmtpReply | null = null;
  /** The write that failed. What the server said before it left is still read. */
  #cut: SmtpFault | null = null;
  #tlsVersion: string | null = null;
  readonly #deadline = new Deadline(() => this.#miss());
  /** What the replies of one packet lead to, until they are all dispatched; null at other times. */
  #held: string | null = null;
  /** How many of the expected replies may come in the packet that is being dispatched. */
  #answerable = 0;
  readonly #trace: Trace | undefined;

  static async connect(
    host: string,
    port: number,
    timeoutMs: number,
    signal?: AbortSignal,
    trace?: Trace,
  ): Promise<SmtpWire | SmtpFault> {
    const opened = await openSocket(host, port, timeoutMs, signal);
    return opened.ok ? new SmtpWire(opened.socket, trace) : opened.fault;
  }

  private constructor(socket: Socket, trace: Trace | undefined) {
    this.#socket = socket;
    this.#trace = trace;
    this.#listen();
    const { remoteAddress = '', remotePort = 0 } = socket;
    trace?.onLine({ from: 'wire', event: 'connected', address: `${remoteAddress}:${remotePort}` });
  }

  get fault(): SmtpFault | null {
    return this.#fault;
  }

  get isUsable(): boolean {
    return this.#fault === null && this.#farewell === null && this.#cut === null && this.#socket.writable;
  }

  get isAwaitingReply(): boolean {
    return this.#expected.length > 0;
  }

  get tlsVersion(): string | null {
    return this.#tlsVersion;
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? '127.0.0.1';
  }

  get isLoopback(): boolean {
    return /^(::1$|(::ffff:)?127\.)/.test(this.#socket.remoteAddress ?? '');
  }

  /** Says what is to be done with the next reply that has no taker yet. Its time starts when all before it have come. */
  expect(timeoutMs: number, onReply: Expectation['onReply'], onFault: Expectation['onFault'] = ignore): void {
    if (this.#fault) return onFault(this.#fault);
    this.#expected.push({ timeoutMs, onReply, onFault });
    if (this.#expected.length === 1) this.restartClock(timeoutMs);
  }

  /** Whole commands with their line ends; `shown` is what the trace says in their place. */
  write(commands: string, shown = commands): void {
    if (this.#fault) return;
    if (this.#trace) traceLines(this.#trace, 'client', shown.trimEnd().split('\r\n'));
    this.#put(commands);
  }

  writeContent(bytes: string | Buffer): void {
    if (this.#fault) return;
    this.#trace?.onLine({ from: 'client', content: bytes.toString() });
    if (typeof bytes === 'string') return this.#put(bytes);
    this.#flush();
    this.#socket.write(bytes);
  }

  /** Commands and the content that follows them, in one packet where it fits. */
  writeLetter(commands: string, content: string | Buffer): void {
    if (this.#fault) return;
    if (!this.#trace && typeof content === 'string') return this.#put(commands + content);
    this.#socket.cork();
    this.write(commands);
    this.writeContent(content);
    this.#socket.uncork();
  }

  /** As `writeContent`; calls back when the kernel has taken the bytes, never if the wire ends before. */
  writeThen(bytes: Buffer, onTaken: () => void): void {
    if (this.#fault) return;
    this.#trace?.onLine({ from: 'client', content: bytes.toString() });
    this.#flush();
    this.#socket.write(bytes, () => {
      if (!this.#fault) onTaken();
    });
  }

  /** One command and its reply; with no line, only the reply. */
  ask(line: string | null, timeoutMs: number, shown = line): Promise<Answer> {
    return new Promise((resolve) => {
      if (line !== null) this.write(`${line}\r\n`, shown ?? line);
      this.expect(
        timeoutMs,
        (reply) => resolve({ ok: true, reply }),
        (fault) => resolve({ ok: false, fault }),
      );
    });
  }

  /** Gives the reply that is due next this long from now. */
  restartClock(timeoutMs: number): void {
    this.#deadline.restart(timeoutMs);
  }

  /** Turns the connection into a TLS one. Null, or the fault that ended the wire. */
  async encrypt(encryption: Encryption): Promise<SmtpFault | null> {
    // RFC 3207 5 and CVE-2011-0411: what was received in the clear must not be read as if it had come encrypted.
    if (!this.#parser.isBetweenReplies)
      this.abandon({ cause: 'protocol', error: 'the server sent plain text after agreeing to STARTTLS' });
    if (this.#fault) return this.#fault;
    this.#unlisten();
    const { socket, fault } = await encryptSocket(this.#socket, encryption);
    this.#socket = socket;
    if (fault) this.abandon(fault);
    else this.#listen();
    this.#tlsVersion = socket.getProtocol();
    const { name: cipher = '' } = fault ? {} : socket.getCipher();
    if (!fault) this.#trace?.onLine({ from: 'wire', event: 'encrypted', protocol: this.#tlsVersion ?? '', cipher });
    return fault;
  }

  /** Ends the wire at once. */
  abandon(fault: SmtpFault): void {
    this.#finish(fault, (socket) => socket.destroy());
  }

  /** Ends the wire with a QUIT whose reply nobody waits for (RFC 5321 3.1: also after a greeting that refuses). */
  dismiss(): void {
    if (!this.#fault && this.#trace) traceLines(this.#trace, 'client', ['QUIT']);
    this.#finish(CLOSED, sayQuit);
  }

  #finish(fault: SmtpFault, leave: (socket: Socket) => void): void {
    if (this.#fault) return;
    this.#fault = fault;
    this.#deadline.stop();
    this.#unlisten();
    leave(this.#socket);
    const expected = this.#expected;
    this.#expected = [];
    for (const expectation of expected) expectation.onFault(fault);
    this.onFault(fault);
  }

  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onError = (error: Error): void => this.#break(`the connection broke: ${describeError(error)}`);
  readonly #onEnd = (): void => this.#break('the server closed the connection');

  #listen(): void {
    keepReading(this.#socket, (error) => this.#cutOff(error));
    this.#socket.on('data', this.#onData).on('error', this.#onError).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  /** An error that comes after the end is nobody's business, yet without a listener it would end the process. */
  #unlisten(): void {
    this.#socket
      .off('data', this.#onData)
      .off('error', this.#onError)
      .off('end', this.#onEnd)
      .off('close', this.#onEnd);
    this.#socket.on('error', ignore);
  }

  #take(chunk: Buffer): void {
    const { replies, fault } = this.#parser.push(chunk);
    this.#answerable = this.#expected.length;
    // All that these replies lead to leaves in one packet.
    this.#socket.cork();
    this.#held = '';
    for (const reply of replies) {
      if (!this.#fault) this.#dispatch(reply);
    }
    this.#flush();
    this.#held = null;
    this.#socket.uncork();
    if (fault) this.abandon({ cause: 'protocol', error: `the server does not speak SMTP: ${fault.error}` });
  }

  #put(text: string): void {
    if (this.#held === null) this.#writeText(text);
    else this.#held += text;
  }

  #flush(): void {
    if (!this.#held) return;
    const text = this.#held;
    this.#held = '';
    if (!this.#fault) this.#writeText(text);
  }

  /** One string of ASCII goes to the kernel without a buffer of its own: a third of the time that a list of UTF-8 strings takes. */
  #writeText(text: string): void {
    this.#socket.write(text, Buffer.byteLength(text) === text.length ? 'latin1' : 'utf8');
  }

  #dispatch(reply: SmtpReply): void {
    if (reply.code === CLOSING) this.#farewell ??= reply;
    if (this.#trace) traceLines(this.#trace, 'server', formatReply(reply));
    // What this packet's first replies led to has not left yet: its last ones cannot be the answer to it.
    const expectation = this.#answerable > 0 ? this.#expected.shift() : undefined;
    this.#answerable -= 1;
    this.#startNextClock();
    expectation?.onReply(reply);
    if (this.#farewell) this.#part(this.#farewell);
    else if (!expectation)
      this.abandon({
        cause: 'protocol',
        error: `the server sent a reply that nobody asked for: ${describeReply(reply)}`,
      });
  }

  /** Ends the wire after a 421; while whole letters are out, only when the server has closed it or answered them all. */
  #part(farewell: SmtpReply): void {
    if (!this.lingers || this.#expected.length === 0) this.abandon(closing(farewell));
    else this.#deadline.restart(CLOSES_WITHIN_MS);
  }

  /** A reply of which a part has come belongs to a command behind the 421: the server went on. */
  #break(error: string): void {
    const farewell = this.#parser.isBetweenReplies ? this.#farewell : null;
    this.abandon(farewell ? closing(farewell) : (this.#cut ?? { cause: 'connection', error }));
  }

  #cutOff(error: Error): void {
    this.#cut ??= { cause: 'connection', error: `the connection broke: ${describeError(error)}` };
    if (!this.#fault) this.#deadline.restart(CLOSES_WITHIN_MS);
  }

  #miss(): void {
    this.abandon(this.#cut ?? { cause: 'timeout', error: 'the server did not answer in time' });
  }

  #startNextClock(): void {
    const next = this.#expected[0];
    if (this.#cut) this.#deadline.restart(CLOSES_WITHIN_MS);
    else if (next) this.#deadline.restart(next.timeoutMs);
    else this.#deadline.lift();
  }
}

function closing(farewell: SmtpReply): SmtpFault {
  return { cause: 'closing', error: `the server closed the connection: ${describeReply(farewell)}` };
}
