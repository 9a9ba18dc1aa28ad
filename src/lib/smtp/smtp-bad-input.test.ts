import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { expect, test, vi } from 'vitest';

import { openConnection } from '../../../test/support/smtp-connection.js';
import { startSmtpServer, testCertificate, testKey } from '../../../test/support/smtp-server.js';
import { SmtpConnection, type OpenedConnection } from './smtp-connection.js';
import type { SmtpOptions } from './smtp-options.js';

/** For servers that are silent; the others are to be told at once, and not by their time running out. */
const LIMIT_MS = 200;
const QUICK = { timeouts: { greeting: LIMIT_MS } };
/** Of time over the limit, on a machine that does much else. */
const GRACE_MS = 2000;
const MEGABYTE = 1_048_576;

function letter(number: number) {
  return {
    from: 'shop@sender.example',
    to: `r${number}@recipient.example`,
    data: `Subject: ${number}\r\n\r\nHello\r\n`,
  };
}

function repeat(count: number, value: object): object[] {
  return Array.from({ length: count }, () => ({ ...value }));
}

async function listen(server: Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listenRaw(converse: (socket: Socket) => void) {
  return listen(createServer((socket) => converse(socket)));
}

/** Answers what it knows; `answers` gives other replies to the commands that begin so. */
function listenSmtp(answers: Record<string, string>) {
  const usual: Record<string, string> = {
    EHLO: '250-x\r\n250 PIPELINING\r\n',
    MAIL: '250 2.1.0 ok\r\n',
    RCPT: '250 2.1.5 ok\r\n',
    DATA: '354 go on\r\n',
    '.': '250 2.0.0 ok\r\n',
    QUIT: '221 bye\r\n',
    ...answers,
  };
  return listenRaw((socket) => {
    socket.write(usual['greeting'] ?? '220 hi\r\n');
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('latin1').split('\r\n')) {
        const reply = usual[line === '.' ? line : line.slice(0, 4)];
        if (reply !== undefined) socket.write(Buffer.from(reply, 'latin1'));
      }
    });
  });
}

function open(port: number, options: Partial<SmtpOptions> = {}): Promise<OpenedConnection> {
  return SmtpConnection.open({
    host: '127.0.0.1',
    port,
    tls: 'opportunistic',
    verifyCertificate: true,
    credentials: null,
    ...options,
  });
}

async function openWell(port: number): Promise<SmtpConnection> {
  const opened = await open(port);
  if (opened.ok) return opened.connection;
  throw new Error(`no connection: ${JSON.stringify(opened.outcome)}`);
}

/** One outcome, in time, with little memory and little work, and nothing left open. */
async function expectOneOutcome(
  { port, sockets }: { port: number; sockets: Set<Socket> },
  outcome: object,
  options: Partial<SmtpOptions> = {},
): Promise<void> {
  const [beganAt, memory, processor] = [performance.now(), process.memoryUsage().rss, process.cpuUsage()];
  const opened = await open(port, options);
  expect(opened).toMatchObject({ ok: false, outcome: { finalDotMayHaveLeft: false, ...outcome } });
  expect(performance.now() - beganAt).toBeLessThan(LIMIT_MS + GRACE_MS);
  expect(process.memoryUsage().rss - memory).toBeLessThan(64 * MEGABYTE);
  expect(process.cpuUsage(processor).user / 1000).toBeLessThan(LIMIT_MS + GRACE_MS);
  const sentence = !opened.ok && opened.outcome.kind === 'lost' ? opened.outcome.error : '';
  expect(sentence).toMatch(/^[^\u0000-\u0008\u000a-\u001f]{10,400}$/);
  await vi.waitFor(() => expect(sockets.size).toBe(0), GRACE_MS);
}

const NOT_SMTP = {
  kind: 'lost',
  stage: 'greeting',
  cause: 'protocol',
  error: expect.stringContaining('does not speak SMTP'),
};
const SILENT = {
  kind: 'lost',
  stage: 'greeting',
  cause: 'timeout',
  error: expect.stringContaining('did not greet in time'),
};

test('an HTTP server, which waits for a request, is a loss at the greeting', async () => {
  const http = createHttpServer((_request, response) => response.end('hello'));
  await using server = await listen(http);
  await expectOneOutcome(server, SILENT, QUICK);
});

test.each([
  ['an HTTP server that speaks first', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
  ['an SSH server', 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n'],
  ['a POP3 server', '+OK ready\r\n'],
  ['an IMAP server', '* OK IMAP4rev1 ready\r\n'],
  ['a database', 'J\0\0\0\n8.0.36\0\x08\0\0\0\r\n'],
  ['a line of NUL bytes', `${'\0'.repeat(1000)}\r\n`],
  ['a reply of another kind', '100 wait\r\n'],
])('%s in the place of a mail server is a loss at the greeting', async (_title, banner) => {
  await using server = await listenRaw((socket) => socket.write(Buffer.from(banner, 'latin1')));
  await expectOneOutcome(server, NOT_SMTP);
});

test('a port that wants TLS from the first byte, spoken to in the clear, is a loss at the greeting that says so', async () => {
  const tls = createTlsServer({ cert: testCertificate, key: testKey });
  await using server = await listen(tls);
  const error = expect.stringContaining('wants TLS from the first byte');
  await expectOneOutcome(server, { ...SILENT, error }, QUICK);
});

test('a port in the clear, spoken to in TLS, is a loss at the start of TLS', async () => {
  await using server = await listenSmtp({});
  await expectOneOutcome(
    server,
    { kind: 'lost', stage: 'starttls', cause: 'tls', error: 'TLS could not be agreed: wrong version number' },
    { tls: 'implicit' },
  );
});

test('random bytes are one outcome each time, and never a connection', async () => {
  for (let time = 0; time < 20; time += 1) {
    const bytes = randomBytes(100_000);
    await using server = await listenRaw((socket) => socket.write(bytes));
    await expectOneOutcome(server, NOT_SMTP);
  }
});

/** Writes for as long as it is read. */
function pour(socket: Socket, text: string): void {
  const chunk = text.repeat(Math.ceil(65_536 / text.length));
  const more = (): void => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

test.each([
  ['lines', '220-welcome, and stay a while\r\n', 'its reply does not end'],
  ['lines of NUL bytes', '220-\0\0\0\0\0\0\0\0\r\n', 'its reply does not end'],
  ['one line', '220 x', 'a line of its reply does not end'],
  ['NUL bytes', '\0', 'a line of its reply does not end'],
])('a greeting of endless %s is given up, whatever its server goes on to say', async (_title, text, error) => {
  await using server = await listenRaw((socket) => pour(socket, text));
  await expectOneOutcome(server, { ...NOT_SMTP, error: expect.stringContaining(error) });
});

test('a greeting that drips for ever has the time of one greeting', async () => {
  await using server = await listenRaw((socket) => {
    const timer = setInterval(() => socket.write('220-patience\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  await expectOneOutcome(server, SILENT, QUICK);
});

test.each([
  ['EHLO', 'ehlo'],
  ['AUTH', 'auth'],
])('a line of 10 MB in reply to %s is given up', async (command, stage) => {
  const greeting = { EHLO: '250-x\r\n250 AUTH PLAIN\r\n', [command]: `250 ${'x'.repeat(10 * MEGABYTE)}\r\n` };
  await using server = await listenSmtp(greeting);
  const credentials = { kind: 'password', user: 'shop', password: 'secret' } as const;
  await expectOneOutcome(server, { ...NOT_SMTP, stage }, { credentials });
});

test.each(['MAIL', 'RCPT', 'DATA', '.'])('a line of 10 MB in reply to %s ends the connection', async (command) => {
  await using server = await listenSmtp({ [command]: `250 ${'x'.repeat(10 * MEGABYTE)}\r\n` });
  const connection = await openWell(server.port);
  const memory = process.memoryUsage().rss;
  const outcomes = await Promise.all([connection.send(letter(1)), connection.send(letter(2))]);
  const mayHaveLeft = command === '.';
  expect(outcomes[0]).toMatchObject({ kind: 'lost', cause: 'protocol', begun: true, finalDotMayHaveLeft: mayHaveLeft });
  expect(outcomes[1]).toMatchObject({ kind: 'lost', finalDotMayHaveLeft: false });
  expect(process.memoryUsage().rss - memory).toBeLessThan(64 * MEGABYTE);
  await connection.close();
  await vi.waitFor(() => expect(server.sockets.size).toBe(0), GRACE_MS);
});

test('NUL bytes inside of replies do no harm, and are not handed on', async () => {
  await using server = await listenSmtp({
    greeting: '220 hi\0there\r\n',
    EHLO: '250-x\0\r\n250 PIPELINING\r\n',
    RCPT: '550 5.1.1 no\0body\r\n',
    DATA: '554 5.5.1 no valid recipients\r\n',
  });
  const connection = await openWell(server.port);
  const outcome = await connection.send(letter(1));
  expect(outcome).toMatchObject({ kind: 'refused', stage: 'rcpt', reply: { text: '5.1.1 no\uFFFDbody' } });
  await connection.close();
});

test.each([
  ['354 to MAIL', { MAIL: '354 go on\r\n' }, 'mail'],
  ['354 to RCPT', { RCPT: '354 go on\r\n' }, 'rcpt'],
  ['250 to DATA', { DATA: '250 ok\r\n' }, 'data'],
  ['RCPT twice', { RCPT: '250 ok\r\n250 ok\r\n' }, 'data'],
  ['MAIL twice', { MAIL: '250 ok\r\n250 ok\r\n' }, 'data'],
  ['DATA twice', { DATA: '354 go on\r\n250 taken already\r\n' }, 'data'],
])('replies out of order (%s) end the connection, and no letter counts as accepted', async (_title, answers, stage) => {
  await using server = await listenSmtp(answers);
  const connection = await openWell(server.port);
  const outcomes = await Promise.all([1, 2, 3].map((number) => connection.send(letter(number))));
  expect(outcomes.filter(({ kind }) => kind === 'accepted')).toEqual([]);
  expect(outcomes[0]).toMatchObject({
    kind: 'lost',
    cause: 'protocol',
    begun: true,
    stage: expect.stringMatching(`^(${stage}|dot)$`),
  });
  expect(outcomes.slice(1)).toMatchObject(repeat(2, { kind: 'lost', finalDotMayHaveLeft: false }));
  expect(connection.usable).toBe(false);
  await connection.close();
});

test.each([true, false])(
  'a server that answers late, but in order, keeps its connection (CHUNKING: %s)',
  async (chunking) => {
    await using server = await startSmtpServer({ chunking, slowMs: 30 });
    await using connection = await openConnection(server);
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map((number) => connection.send(letter(number))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill('accepted'));
    expect(server.accepted).toHaveLength(5);
  },
);

test('a server that is no SMTP server is asked once: nothing of it is tried again by itself', async () => {
  let connections = 0;
  await using server = await listenRaw((socket) => {
    connections += 1;
    socket.end('SSH-2.0-x\r\n');
  });
  await expectOneOutcome(server, NOT_SMTP);
  expect(connections).toBe(1);
});
