import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { CLOSED, describeReply, type LossCause, type SmtpFault, type SmtpReply } from './smtp-outcome.js';
import { SmtpReplyParser } from './smtp-reply.js';
import { formatReply, hideSecrets, type SmtpLine } from './smtp-trace.js';

interface Expectation {
  timeoutMs: number;
  onReply: (reply: SmtpReply) => void;
  onFault: (fault: SmtpFault) => void;
}

export type Answer = { ok: true; reply: SmtpReply } | { ok: false; fault: SmtpFault };

/** Who hears what is said, and what is hidden from them. */
export interface Trace {
  onLine: (line: SmtpLine) => void;
  secrets: string[];
}

export interface Encryption {
  host: string;
  verifyCertificate: boolean;
  /** PEM; the system's own where undefined. */
  certificateAuthority: string | undefined;
  timeoutMs: number;
}

/**
 * A socket that speaks in replies. Whoever writes a command also says, in the same order, what is to be done with its
 * reply: `expect`. One clock runs, for the reply that is due next. The first fault (a broken socket, silence, a reply
 * that nobody asked for or that is none, 421) ends the wire for good: it tells every open expectation and then
 * `onFault`, once, and nothing after that.
 */
export class SmtpWire {
  onFault: (fault: SmtpFault) => void = ignore;

  #socket: Socket;
  #parser = new SmtpReplyParser();
  #expected: Expectation[] = [];
  #fault: SmtpFault | null = null;
  #isClosing = false;
  #tlsVersion: string | null = null;
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Infinity;
  /** What the replies of one packet lead to, until they are all dispatched; null at other times. */
  #held: string | null = null;
  readonly #trace: Trace | undefined;

  static async connect(
    host: string,
    port: number,
    timeoutMs: number,
    signal?: AbortSignal,
    trace?: Trace,
  ): Promise<SmtpWire | SmtpFault> {
    if (signal?.aborted) return CLOSED;
    const socket = connectPlain({ host, port, noDelay: true, keepAlive: true });
    const cut = () => socket.destroy();
    signal?.addEventListener('abort', cut);
    const fault = await awaitSocket(socket, 'connect', timeoutMs, 'connection');
    signal?.removeEventListener('abort', cut);
    if (fault && signal?.aborted) return CLOSED;
    return fault ?? new SmtpWire(socket, trace);
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
    return this.#fault === null && !this.#isClosing && this.#socket.writable;
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
    if (this.#trace) this.#traceLines('client', shown.trimEnd().split('\r\n'));
    this.#put(commands);
  }

  writeContent(bytes: string | Buffer): void {
    if (this.#fault) return;
    this.#trace?.onLine({ from: 'client', content: bytes.toString() });
    if (typeof bytes === 'string') return this.#put(bytes);
    this.#flush();
    this.#socket.write(bytes);
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
    this.#deadline = performance.now() + timeoutMs;
    this.#setTimer();
  }

  /** Turns the connection into a TLS one. Null, or the fault that ended the wire. */
  async encrypt(encryption: Encryption): Promise<SmtpFault | null> {
    // RFC 3207 5 and CVE-2011-0411: what was received in the clear must not be read as if it had come encrypted.
    if (!this.#parser.isBetweenReplies)
      this.abandon({ cause: 'protocol', error: 'the server sent plain text after agreeing to STARTTLS' });
    if (this.#fault) return this.#fault;
    const { host } = encryption;
    this.#unlisten();
    const socket = connectTls({
      socket: this.#socket,
      host,
      servername: isIP(host) === 0 ? host : '',
      rejectUnauthorized: encryption.verifyCertificate,
      ...(encryption.certificateAuthority === undefined ? {} : { ca: encryption.certificateAuthority }),
    });
    this.#socket = socket;
    const fault = await awaitSocket(socket, 'secureConnect', encryption.timeoutMs, 'tls');
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
    if (!this.#fault && this.#trace) this.#traceLines('client', ['QUIT']);
    this.#finish(CLOSED, sayQuit);
  }

  #finish(fault: SmtpFault, leave: (socket: Socket) => void): void {
    if (this.#fault) return;
    this.#fault = fault;
    clearTimeout(this.#timer);
    this.#unlisten();
    leave(this.#socket);
    const expected = this.#expected;
    this.#expected = [];
    for (const expectation of expected) expectation.onFault(fault);
    this.onFault(fault);
  }

  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onError = (error: Error): void =>
    this.abandon({ cause: 'connection', error: `the connection broke: ${describeError(error)}` });
  readonly #onEnd = (): void => this.abandon({ cause: 'connection', error: 'the server closed the connection' });

  #listen(): void {
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
    // RFC 5321 3.8 and 4.2.3: 421 may answer anything, and says that the server closes the connection.
    this.#isClosing ||= reply.code === 421;
    if (this.#trace) this.#traceLines('server', formatReply(reply));
    const expectation = this.#expected.shift();
    this.#startNextClock();
    expectation?.onReply(reply);
    if (this.#isClosing)
      this.abandon({ cause: 'closing', error: `the server closed the connection: ${describeReply(reply)}` });
    else if (!expectation)
      this.abandon({
        cause: 'protocol',
        error: `the server sent a reply that nobody asked for: ${describeReply(reply)}`,
      });
  }

  #traceLines(from: 'client' | 'server', lines: string[]): void {
    for (const line of lines) this.#trace?.onLine({ from, text: hideSecrets(line, this.#trace.secrets) });
  }

  #startNextClock(): void {
    const next = this.#expected[0];
    if (next) this.restartClock(next.timeoutMs);
    else this.#deadline = Infinity;
  }

  /** Deadlines move several times a letter and hardly ever pass: the timer is only set anew when it would be late. */
  #setTimer(): void {
    if (this.#fault || this.#timerDue <= this.#deadline) return;
    clearTimeout(this.#timer);
    this.#timerDue = this.#deadline;
    this.#timer = setTimeout(() => this.#checkDeadline(), Math.max(1, this.#deadline - performance.now()));
  }

  #checkDeadline(): void {
    this.#timerDue = Infinity;
    if (performance.now() >= this.#deadline)
      this.abandon({ cause: 'timeout', error: 'the server did not answer in time' });
    else this.#setTimer();
  }
}

function awaitSocket(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  timeoutMs: number,
  cause: LossCause,
): Promise<SmtpFault | null> {
  const what = cause === 'tls' ? 'TLS could not be agreed' : 'no connection';
  return new Promise((resolve) => {
    const finish = (fault: SmtpFault | null): void => {
      clearTimeout(timer);
      socket.off(readyEvent, onReady).off('close', onClose).off('error', onError).on('error', ignore);
      if (fault) socket.destroy();
      resolve(fault);
    };
    const onReady = (): void => finish(null);
    const onClose = (): void => finish({ cause, error: `${what}: closed by the server` });
    const onError = (error: Error): void => finish({ cause, error: `${what}: ${describeError(error)}` });
    const timer = setTimeout(
      () => finish({ cause: 'timeout', error: `${what}: the server did not answer in time` }),
      timeoutMs,
    );
    socket.once(readyEvent, onReady).once('close', onClose).once('error', onError);
  });
}

/** Happy Eyeballs (RFC 8305) wraps one error for each address into one that says nothing. */
function describeError(error: Error): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof Error ? inner.message : error.message;
}

function sayQuit(socket: Socket): void {
  socket.setTimeout(1000, () => socket.destroy());
  socket.resume();
  socket.end('QUIT\r\n');
}

function ignore(): void {}
