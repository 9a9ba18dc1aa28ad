import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/**
 * `bdat`: that command, before its content, of which its reply then has to wait for the end; `content`: the first part of a letter that
 * comes in several; `dot`: before it is accepted; `dot-reply`: after.
 */
export type SmtpServerStage =
  | 'connect'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'bdat'
  | 'content'
  | 'dot'
  | 'dot-reply'
  | 'rset'
  | 'quit';

export interface SmtpServerEvent {
  stage: SmtpServerStage;
  sender: string;
  recipient: string;
  /** Counts the MAIL commands of all connections, from 1. */
  letterNumber: number;
  /** From 1. */
  connectionNumber: number;
}

/**
 * What to do in place of the reply. `reply` is a line without its CRLF, or several; one that begins with the same digit
 * as the ordinary reply counts as it. `garbage` is written as it is. `stall` answers this connection nothing any more.
 */
export type SmtpServerFault =
  | 'drop'
  | 'stall'
  | { reply: string; thenDrop?: boolean; thenReset?: boolean }
  | { garbage: string; thenDrop?: boolean };

export interface SmtpServerOptions {
  /** True unless told; without it a client that pipelines is written to `violations`. */
  pipelining?: boolean;
  /**
   * Offers CHUNKING (RFC 3030). As the strictest of servers, it does not end a transaction of which it refused the recipient or the
   * content: without RSET the next MAIL is refused, and the next RCPT joins it.
   */
  chunking?: boolean;
  /** Does not keep to the PIPELINING that it offers: forgets what came together with a command, or leaves because of it. */
  breaksPipelining?: 'swallow' | 'drop';
  /** The SIZE that is offered (RFC 1870). */
  size?: number;
  smtputf8?: boolean;
  /** Demands a login; with XOAUTH2, `pass` is the token. */
  auth?: { user: string; pass: string; mechanisms?: string[] };
  /** With the certificate that `testCertificate` is; for "localhost". */
  tls?: 'starttls' | 'implicit';
  /** Answers 354 to a DATA without a recipient, as RFC 2920 3.1 allows. */
  takesDataWithoutRecipient?: boolean;
  /** Milliseconds from a letter's final dot to its reply; what comes meanwhile waits. */
  slowMs?: number;
  /** False forgets what letters say, for tests with very many. */
  keepData?: boolean;
  faults?: (event: SmtpServerEvent) => SmtpServerFault | undefined;
}

export interface AcceptedLetter {
  to: string;
  from: string;
  data: string;
}

export const testCertificate = readFileSync(new URL('./localhost.cert.pem', import.meta.url), 'utf8');
export const testKey = readFileSync(new URL('./localhost.key.pem', import.meta.url), 'utf8');

/** Starts an SMTP server on the loopback interface that does as it is told, also wrong. */
export async function startSmtpServer(options: SmtpServerOptions = {}): Promise<SmtpTestServer> {
  const server = new SmtpTestServer(options);
  await server.listen();
  return server;
}

export class SmtpTestServer implements AsyncDisposable {
  /** One entry a letter and recipient, made before the reply is written: `drop` at `dot-reply` is accepted all the same. */
  readonly accepted: AcceptedLetter[] = [];
  /** When the final dot of each of them came, on the clock of `performance.now()`. */
  readonly arrivedAt: number[] = [];
  /** What no correct client does. */
  readonly violations: string[] = [];
  readonly counts = new Map<string, number>();
  connections = 0;
  letters = 0;

  readonly options: SmtpServerOptions;
  readonly #server: Server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
  readonly #sockets = new Set<Socket>();

  constructor(options: SmtpServerOptions) {
    this.options = options;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const { auth, tls } = this.options;
    const login = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.pass)}@` : '';
    return tls === 'implicit'
      ? `smtps://${login}127.0.0.1:${this.port}?verify=false`
      : `smtp://${login}127.0.0.1:${this.port}`;
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  countOf(address: string): number {
    return this.counts.get(address) ?? 0;
  }

  accept(letter: AcceptedLetter): void {
    this.accepted.push(letter);
    this.arrivedAt.push(performance.now());
    this.counts.set(letter.to, this.countOf(letter.to) + 1);
  }

  /** Port 0 takes a free one; a number lets a relay come back where it was. */
  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', ignore).on('close', () => this.#sockets.delete(socket));
    this.connections += 1;
    const conversation = new Conversation(this, this.connections);
    conversation.attach(this.options.tls === 'implicit' ? encrypt(socket) : socket);
    conversation.greet();
  }
}

class Conversation {
  #server: SmtpTestServer;
  #number: number;
  #socket: Socket | undefined;
  #state: 'command' | 'content' | 'chunk' | 'busy' | 'login' | 'challenged' | 'deaf' = 'command';
  /** Octets of the chunk that are still to come, and whether it is the last one of its letter. */
  #chunk = { left: 0, isLast: true, refusal: '' };
  #input = '';
  #output = '';
  #sender: string | null = null;
  #recipients: string[] = [];
  #attempted = '';
  #letterNumber = 0;
  #content: string[] = [];
  #login: string[] = [];
  #isLoggedIn = false;
  #isEncrypted = false;

  constructor(server: SmtpTestServer, number: number) {
    this.#server = server;
    this.#number = number;
  }

  attach(socket: Socket): void {
    this.#isEncrypted = socket instanceof TLSSocket;
    this.#socket = socket;
    socket.on('error', ignore).on('data', (chunk: Buffer) => this.#take(chunk));
  }

  greet(): void {
    this.#answer('connect', '220 test.example ESMTP');
    this.#flush();
  }

  #take(chunk: Buffer): void {
    if (this.#state === 'deaf') return;
    this.#input += chunk.toString('latin1');
    while (this.#takeOne()) {
      const isEarly = this.#input !== '' && this.#state === 'command' && this.#server.options.pipelining === false;
      if (isEarly) this.#server.violations.push(`pipelined without leave: ${this.#input.slice(0, 40)}`);
      if (this.#input !== '' && this.#state === 'command') this.#breakPipelining();
    }
    this.#flush();
  }

  #breakPipelining(): void {
    const { breaksPipelining } = this.#server.options;
    if (breaksPipelining === 'swallow') this.#input = '';
    if (breaksPipelining === 'drop') this.#leave();
  }

  #flush(): void {
    if (this.#output !== '') this.#socket?.write(this.#output);
    this.#output = '';
  }

  /** One command, or what there is of the content; false where more bytes are needed. */
  #takeOne(): boolean {
    if (this.#state === 'deaf' || this.#state === 'busy') return false;
    if (this.#state === 'content') return this.#takeContent();
    if (this.#state === 'chunk') return this.#takeChunk();
    const end = this.#input.indexOf('\r\n');
    if (end === -1) return false;
    const line = this.#input.slice(0, end);
    this.#input = this.#input.slice(end + 2);
    if (this.#state === 'login') this.#takeLogin(line);
    else if (this.#state === 'challenged') this.#takeEmptyAnswer(line);
    else this.#takeCommand(decode(line));
    return true;
  }

  #takeCommand(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'MAIL') this.#takeMail(line);
    else if (verb === 'RCPT') this.#takeRcpt(line);
    else if (verb === 'DATA') this.#takeData();
    else if (verb === 'BDAT') this.#takeBdat(line);
    else if (verb === 'EHLO') this.#answer('ehlo', this.#composeGreeting());
    else if (verb === 'HELO') this.#answer('helo', '250 test.example');
    else if (verb === 'STAR') this.#takeStartTls();
    else if (verb === 'AUTH') this.#takeAuth(line);
    else if (verb === 'RSET') this.#takeReset();
    else if (verb === 'QUIT') this.#takeQuit();
    else this.#refuseUnknown(line);
  }

  #composeGreeting(): string {
    const { pipelining = true, chunking, size, smtputf8, auth, tls } = this.#server.options;
    const offers = ['test.example', '8BITMIME', 'ENHANCEDSTATUSCODES'];
    if (pipelining) offers.push('PIPELINING');
    if (chunking) offers.push('CHUNKING');
    if (size !== undefined) offers.push(`SIZE ${size}`);
    if (smtputf8) offers.push('SMTPUTF8');
    if (auth) offers.push(`AUTH ${(auth.mechanisms ?? ['PLAIN', 'LOGIN']).join(' ')}`);
    if (tls === 'starttls' && !this.#isEncrypted) offers.push('STARTTLS');
    return offers.map((offer, index) => `250${index === offers.length - 1 ? ' ' : '-'}${offer}`).join('\r\n');
  }

  #takeMail(line: string): void {
    const match = /^MAIL FROM:<([^>]*)>(.*)$/i.exec(line);
    const { auth, size = Infinity } = this.#server.options;
    this.#attempted = '';
    if (this.#sender !== null) this.#server.violations.push('MAIL inside a transaction');
    if (!match || this.#sender !== null) return this.#say('503 5.5.1 bad MAIL');
    if (auth && !this.#isLoggedIn) return this.#say('530 5.7.0 log in first');
    this.#server.letters += 1;
    this.#letterNumber = this.#server.letters;
    const declared = Number(/ SIZE=(\d+)/i.exec(match[2] ?? '')?.[1] ?? 0);
    if (declared > size) return this.#say('552 5.3.4 too large');
    if (this.#answer('mail', '250 2.1.0 ok', match[1])) this.#sender = match[1] ?? '';
  }

  #takeRcpt(line: string): void {
    const address = /^RCPT TO:<([^>]+)>$/i.exec(line)?.[1];
    this.#attempted = address ?? '';
    if (this.#sender === null || address === undefined) return this.#say('503 5.5.1 bad RCPT');
    if (this.#answer('rcpt', '250 2.1.5 ok')) this.#recipients.push(address);
  }

  #takeData(): void {
    if (this.#recipients.length === 0 && !this.#server.options.takesDataWithoutRecipient)
      return this.#say('554 5.5.1 no valid recipients');
    if (!this.#answer('data', '354 go on')) return;
    if (this.#input !== '') this.#server.violations.push('content before 354');
    this.#state = 'content';
    // A dot may end the content at once: that line, too, begins after a CRLF.
    this.#input = `\r\n${this.#input}`;
    this.#content = [];
  }

  #takeBdat(line: string): void {
    const match = /^BDAT (\d+)( LAST)?$/i.exec(line);
    if (!this.#server.options.chunking || !match) return this.#refuseUnknown(line);
    this.#chunk = { left: Number(match[1]), isLast: match[2] !== undefined, refusal: '' };
    const fault = this.#findFault('bdat');
    // RFC 3030 2: the octets are taken and thrown away before the refusal is said.
    if (fault && (typeof fault === 'string' || fault.thenDrop)) return this.#perform(fault);
    if (fault && 'garbage' in fault) this.#perform(fault);
    else if (fault) this.#chunk.refusal = fault.reply;
    else if (this.#sender === null) this.#chunk.refusal = '503 5.5.1 no MAIL';
    else if (this.#recipients.length === 0) this.#chunk.refusal = '554 5.5.1 no valid recipients';
    this.#state = 'chunk';
  }

  #takeChunk(): boolean {
    const part = this.#input.slice(0, this.#chunk.left);
    if (part === '' && this.#chunk.left > 0) return false;
    this.#input = this.#input.slice(part.length);
    this.#chunk.left -= part.length;
    const isFirst = this.#content.length === 0;
    this.#content.push(this.#server.options.keepData === false ? '' : part);
    if (this.#chunk.left > 0) {
      if (isFirst) this.#interrupt();
      return false;
    }
    this.#state = 'command';
    this.#endChunk();
    return true;
  }

  #endChunk(): void {
    const { refusal, isLast } = this.#chunk;
    const data = decode(this.#content.join(''));
    if (refusal !== '' || isLast) this.#content = [];
    if (refusal !== '') this.#say(refusal);
    else if (isLast) this.#endLetter(data);
    else this.#say('250 2.0.0 chunk taken');
  }

  #takeContent(): boolean {
    const end = this.#input.indexOf('\r\n.\r\n');
    const isKept = this.#server.options.keepData !== false;
    if (end === -1) {
      if (this.#input.length <= 4) return false;
      const isFirst = this.#content.length === 0;
      this.#content.push(isKept ? this.#input.slice(0, -4) : '');
      this.#input = this.#input.slice(-4);
      if (isFirst) this.#interrupt();
      return false;
    }
    if (isKept) this.#content.push(this.#input.slice(0, end + 2));
    this.#input = this.#input.slice(end + 5);
    this.#state = 'command';
    this.#endContent();
    return true;
  }

  #interrupt(): void {
    const fault = this.#findFault('content');
    if (fault) this.#perform(fault);
  }

  #endContent(): void {
    // RFC 5321 4.5.2: the dot that was doubled loses its twin.
    this.#endLetter(decode(this.#content.join('').replaceAll('\r\n.', '\r\n').slice(2)));
    this.#forget();
  }

  #endLetter(data: string): void {
    const fault = this.#findFault('dot');
    const isAccepting = !fault || (typeof fault === 'object' && 'reply' in fault && fault.reply.startsWith('2'));
    const { slowMs } = this.#server.options;
    const isForNobody = this.#recipients.length === 0;
    if (isAccepting) this.#acceptLetter(data);
    if (fault) this.#perform(fault);
    else if (slowMs !== undefined) this.#answerLater(slowMs);
    else if (isForNobody) this.#say('554 5.5.1 no valid recipients');
    else this.#answer('dot-reply', `250 2.0.0 ok ${this.#letterNumber}`);
    if (isAccepting) this.#forget();
  }

  #answerLater(afterMs: number): void {
    this.#state = 'busy';
    const reply = `250 2.0.0 ok ${this.#letterNumber}`;
    setTimeout(() => {
      this.#state = 'command';
      this.#answer('dot-reply', reply);
      this.#take(Buffer.alloc(0));
    }, afterMs);
  }

  #acceptLetter(data: string): void {
    const from = this.#sender ?? '';
    if (this.#recipients.length === 0 && data !== '') this.#server.violations.push('content for nobody');
    for (const to of this.#recipients) this.#server.accept({ to, from, data });
  }

  #takeReset(): void {
    this.#forget();
    this.#answer('rset', '250 2.0.0 ok');
  }

  #takeQuit(): void {
    if (!this.#answer('quit', '221 2.0.0 bye')) return;
    this.#leave();
  }

  #takeStartTls(): void {
    if (!this.#answer('starttls', '220 2.0.0 go ahead')) return;
    if (this.#input !== '') this.#server.violations.push('plain text after STARTTLS');
    this.#flush();
    const plain = this.#socket;
    plain?.removeAllListeners('data');
    if (plain) this.attach(encrypt(plain));
  }

  #takeAuth(line: string): void {
    const [, mechanism = '', token] = line.split(' ');
    if (!this.#server.options.auth || (this.#server.options.tls === 'starttls' && !this.#isEncrypted))
      return this.#say('538 5.7.11 encrypt first');
    if (mechanism === 'PLAIN' && token !== undefined) {
      const [, user = '', pass = ''] = fromBase64(token).split('\0');
      return this.#checkLogin(user, pass);
    }
    if (mechanism === 'XOAUTH2') return this.#takeToken(token);
    if (mechanism !== 'LOGIN') return this.#say('504 5.5.4 unknown mechanism');
    this.#login = [];
    this.#state = 'login';
    this.#say('334 VXNlcm5hbWU6');
  }

  #takeLogin(line: string): void {
    this.#login.push(fromBase64(line));
    const [user = '', pass] = this.#login;
    if (pass === undefined) return this.#say('334 UGFzc3dvcmQ6');
    this.#state = 'command';
    this.#checkLogin(user, pass);
  }

  /** As Google and Microsoft do: what is wrong comes as a challenge, and the refusal after an empty answer to it. */
  #takeToken(response = ''): void {
    const { auth } = this.#server.options;
    if (fromBase64(response) === `user=${auth?.user}\u0001auth=Bearer ${auth?.pass}\u0001\u0001`) {
      this.#isLoggedIn = this.#answer('auth', '235 2.7.0 welcome');
      return;
    }
    this.#state = 'challenged';
    this.#say(`334 ${Buffer.from('{"status":"401","schemes":"bearer"}').toString('base64')}`);
  }

  #takeEmptyAnswer(line: string): void {
    if (line !== '') this.#server.violations.push('an answer to the error of XOAUTH2 that is not empty');
    this.#state = 'command';
    this.#say('535 5.7.8 the token is not valid');
  }

  #checkLogin(user: string, pass: string): void {
    const { auth } = this.#server.options;
    if (user !== auth?.user || pass !== auth.pass) return this.#say('535 5.7.8 wrong user or password');
    this.#isLoggedIn = this.#answer('auth', '235 2.7.0 welcome');
  }

  #refuseUnknown(line: string): void {
    this.#server.violations.push(`unknown command: ${line.slice(0, 60)}`);
    this.#say('500 5.5.2 unknown command');
  }

  #forget(): void {
    this.#sender = null;
    this.#recipients = [];
    this.#content = [];
  }

  /** Says the ordinary reply or does what the fault wants; true where that means the same. */
  #answer(stage: SmtpServerStage, reply: string, sender = this.#sender ?? ''): boolean {
    const fault = this.#findFault(stage, sender);
    if (!fault) {
      this.#say(reply);
      return true;
    }
    this.#perform(fault);
    return typeof fault === 'object' && 'reply' in fault && fault.reply[0] === reply[0];
  }

  #findFault(stage: SmtpServerStage, sender = this.#sender ?? ''): SmtpServerFault | undefined {
    const { faults } = this.#server.options;
    return faults?.({
      stage,
      sender,
      recipient: this.#attempted,
      letterNumber: this.#letterNumber,
      connectionNumber: this.#number,
    });
  }

  #perform(fault: SmtpServerFault): void {
    if (fault === 'drop') return this.#leave();
    if (fault === 'stall') {
      this.#flush();
      this.#state = 'deaf';
      return;
    }
    this.#output += 'reply' in fault ? `${fault.reply}\r\n` : fault.garbage;
    if ('thenReset' in fault && fault.thenReset) this.#reset();
    if (fault.thenDrop) this.#leave();
  }

  /** As the kernel does it for a server that leaves with commands unread. */
  #reset(): void {
    this.#flush();
    this.#state = 'deaf';
    this.#socket?.resetAndDestroy();
  }

  #say(reply: string): void {
    this.#output += `${reply}\r\n`;
  }

  #leave(): void {
    this.#flush();
    this.#state = 'deaf';
    this.#socket?.destroySoon();
  }
}

function encrypt(socket: Socket): TLSSocket {
  return new TLSSocket(socket, {
    isServer: true,
    secureContext: createSecureContext({ cert: testCertificate, key: testKey }),
  });
}

function decode(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function ignore(): void {}
