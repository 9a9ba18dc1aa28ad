import { createServer, type AddressInfo, type Socket } from 'node:net';

import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';

import { openConnection } from '../../../test/support/smtp-connection.js';
import {
  startSmtpServer,
  type SmtpServerEvent,
  type SmtpServerFault,
  type SmtpServerStage,
} from '../../../test/support/smtp-server.js';
import { SmtpConnection } from './smtp-connection.js';
import type { SmtpTimeouts } from './smtp-options.js';

const SHORT: Partial<SmtpTimeouts> = { command: 150, finalDot: 150, dataBlock: 150, close: 300 };
const GARBAGE = '\u0000\u0001 what is SMTP?\r\n';

function letter(number: number, data = `Subject: ${number}\r\n\r\nHello\r\n`) {
  return { from: 'shop@sender.example', to: `r${number}@recipient.example`, data };
}

/** The fault for the letter to r1 alone. */
function faultAt(stage: SmtpServerStage, fault: SmtpServerFault) {
  return (event: { stage: SmtpServerStage; recipient: string; letterNumber: number }) =>
    event.stage === stage && event.letterNumber === 1 ? fault : undefined;
}

const BOTH = [true, false];
const REFUSING_STAGES = ['mail', 'rcpt', 'data', 'dot'] as const;
const REFUSALS = ['451 4.7.1 later', '554-5.7.1 never\r\n554 5.7.1 ever'];
const refusals = BOTH.flatMap((pipelining) =>
  REFUSING_STAGES.flatMap((stage) => REFUSALS.map((reply) => ({ pipelining, stage, reply }))),
);

test.each(refusals)(
  'a letter refused at $stage with "$reply" leaves the next ones alone (pipelining: $pipelining)',
  async ({ pipelining, stage, reply }) => {
    await using server = await startSmtpServer({ pipelining, faults: faultAt(stage, { reply }) });
    await using connection = await openConnection(server);
    const outcomes = await Promise.all([1, 2, 3].map((number) => connection.send(letter(number))));
    expect(outcomes[0]).toMatchObject({
      kind: 'refused',
      stage,
      local: false,
      finalDotMayHaveLeft: false,
      relay: `127.0.0.1:${server.port}`,
      tls: null,
      reply: {
        code: Number(reply.slice(0, 3)),
        enhancedCode: reply.slice(4, 9),
        text: reply.replaceAll(/^55?\d.|^451./gm, '').replaceAll('\r', ''),
      },
    });
    expect(outcomes.slice(1).map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
    expect(server.accepted.map(({ to }) => to)).toEqual(['r2@recipient.example', 'r3@recipient.example']);
    expect(server.violations).toEqual([]);
    expect(connection).toMatchObject({ usable: true, pending: 0 });
  },
);

const FATAL: [string, SmtpServerFault, string][] = [
  ['drop', 'drop', 'connection'],
  ['stall', 'stall', 'timeout'],
  ['garbage', { garbage: GARBAGE }, 'protocol'],
  ['half a reply, then nothing', { garbage: '250-hal', thenDrop: true }, 'connection'],
  ['an endless line', { garbage: '2'.repeat(100_000) }, 'protocol'],
  ['a reply that means nothing here', { reply: '399 hm' }, 'protocol'],
];
const ALL_STAGES = ['mail', 'rcpt', 'data', 'dot', 'dot-reply'] as const;
const losses = BOTH.flatMap((pipelining) =>
  ALL_STAGES.flatMap((stage) => FATAL.map(([title, fault, cause]) => ({ pipelining, stage, title, fault, cause }))),
);

// At DATA a 3xx is the server's yes.
test.each(losses.filter(({ stage, title }) => stage !== 'data' || !title.startsWith('a reply')))(
  'a connection that meets $title at $stage loses its letters and says what is in doubt (pipelining: $pipelining)',
  async ({ pipelining, stage, fault, cause }) => {
    await using server = await startSmtpServer({ pipelining, faults: faultAt(stage, fault) });
    await using connection = await openConnection(server, { timeouts: SHORT });
    const [first, second, third] = await Promise.all([1, 2, 3].map((number) => connection.send(letter(number))));
    const isAfterDot = stage === 'dot' || stage === 'dot-reply';
    expect(first).toMatchObject({
      kind: 'lost',
      stage: isAfterDot ? 'dot' : stage,
      reply: null,
      cause,
      begun: true,
      finalDotMayHaveLeft: isAfterDot,
    });
    expect(second).toMatchObject({ kind: 'lost', finalDotMayHaveLeft: false, begun: pipelining && isAfterDot });
    expect(third).toMatchObject({
      kind: 'lost',
      stage: 'mail',
      finalDotMayHaveLeft: false,
      begun: false,
      durationMs: 0,
    });
    expect(server.accepted).toHaveLength(stage === 'dot-reply' ? 1 : 0);
    expect(connection).toMatchObject({ usable: false, pending: 0 });
    expect(await connection.send(letter(4))).toMatchObject({
      kind: 'lost',
      cause,
      begun: false,
      finalDotMayHaveLeft: false,
    });
  },
);

test.each(ALL_STAGES.flatMap((stage) => BOTH.map((pipelining) => ({ stage, pipelining }))))(
  "421 at $stage is that letter's reply, and ends the connection for the others (pipelining: $pipelining)",
  async ({ stage, pipelining }) => {
    await using server = await startSmtpServer({
      pipelining,
      faults: faultAt(stage, { reply: '421 4.3.2 going down', thenDrop: true }),
    });
    await using connection = await openConnection(server);
    const [first, second, third] = await Promise.all([1, 2, 3].map((number) => connection.send(letter(number))));
    expect(first).toMatchObject({
      kind: 'refused',
      stage: stage === 'dot-reply' ? 'dot' : stage,
      reply: { code: 421, enhancedCode: '4.3.2' },
    });
    expect(second).toMatchObject({
      kind: 'lost',
      cause: 'closing',
      finalDotMayHaveLeft: false,
      error: expect.stringContaining('421 4.3.2 going down'),
    });
    expect(third).toMatchObject({ kind: 'lost', begun: false, finalDotMayHaveLeft: false });
    expect(connection.usable).toBe(false);
  },
);

test.each(['421 4.4.2 idle for too long', '250 who asked?', 'nonsense'])(
  'a connection told "%s" while idle is no longer usable',
  async (line) => {
    await using server = await startRawServer((socket) => socket.write('250 hi\r\n'));
    const connection = await openRaw(server.port);
    for (const socket of server.sockets) socket.write(`${line}\r\n`);
    await vi.waitFor(() => expect(connection.usable).toBe(false));
    expect(await connection.send(letter(1))).toMatchObject({ kind: 'lost', begun: false, finalDotMayHaveLeft: false });
    await connection.close();
  },
);

test('the end of a letter and the envelope of the next leave together, before the final dot is answered', async () => {
  const replies = ['250-hi\r\n250 PIPELINING\r\n', '250 ok\r\n250 ok\r\n354 go on\r\n'];
  const chunks: string[] = [];
  await using server = await startRawServer((socket, chunk) => {
    chunks.push(chunk);
    socket.write(replies.shift() ?? '');
  });
  const opened = await openRaw(server.port);
  const outcomes = Promise.all([1, 2, 3].map((number) => opened.send(letter(number))));
  await vi.waitFor(() => expect(chunks).toHaveLength(3));
  expect(chunks[2]).toBe(
    'Subject: 1\r\n\r\nHello\r\n.\r\nMAIL FROM:<shop@sender.example>\r\nRCPT TO:<r2@recipient.example>\r\nDATA\r\n',
  );
  expect(opened.pending).toBe(3);
  await opened.close(50);
  expect((await outcomes).map(({ finalDotMayHaveLeft }) => finalDotMayHaveLeft)).toEqual([true, false, false]);
});

test.each([true, false])(
  'a server that takes DATA without a recipient gets a lone dot, and nobody a letter (pipelining: %s)',
  async (pipelining) => {
    await using server = await startSmtpServer({
      pipelining,
      takesDataWithoutRecipient: true,
      faults: faultAt('rcpt', { reply: '550 5.1.1 unknown' }),
    });
    await using connection = await openConnection(server);
    const outcomes = await Promise.all([1, 2].map((number) => connection.send(letter(number))));
    expect(outcomes).toMatchObject([{ kind: 'refused', stage: 'rcpt' }, { kind: 'accepted' }]);
    expect(server.accepted).toHaveLength(1);
    expect(server.violations).toEqual([]);
  },
);

test('a large letter that breaks off in the middle is not in doubt', async () => {
  await using server = await startSmtpServer({ faults: faultAt('content', 'drop') });
  await using connection = await openConnection(server);
  const outcome = await connection.send(letter(1, 'x\r\n'.repeat(5_000_000)));
  expect(outcome).toMatchObject({
    kind: 'lost',
    stage: 'data',
    cause: 'connection',
    finalDotMayHaveLeft: false,
    begun: true,
  });
});

test('a large letter refused in the middle is refused, and the connection given up', async () => {
  await using server = await startSmtpServer({ faults: faultAt('content', { reply: '552 5.3.4 too much' }) });
  await using connection = await openConnection(server);
  const [first, second] = await Promise.all([
    connection.send(letter(1, 'x\r\n'.repeat(5_000_000))),
    connection.send(letter(2)),
  ]);
  expect(first).toMatchObject({ kind: 'refused', stage: 'data', reply: { code: 552 } });
  expect(second).toMatchObject({ kind: 'lost', begun: false, finalDotMayHaveLeft: false });
});

test('a server that stops reading in the middle of a large letter is left after the time for a block', async () => {
  const replies = ['250 hi\r\n', '250 ok\r\n', '250 ok\r\n', '354 go on\r\n'];
  await using server = await startRawServer((socket) => {
    socket.write(replies.shift() ?? '');
    if (replies.length === 0) socket.pause();
  });
  const connection = await openRaw(server.port);
  expect(await connection.send(letter(1, 'x\r\n'.repeat(8_000_000)))).toMatchObject({
    kind: 'lost',
    stage: 'data',
    cause: 'timeout',
    finalDotMayHaveLeft: false,
  });
});

test('letters queued while a large one is on its way do not get into it', async () => {
  const large = `${'я'.repeat(10)}\r\n`.repeat(700_000);
  const begun = Promise.withResolvers<void>();
  const faults = ({ stage }: SmtpServerEvent): undefined => {
    if (stage === 'content') begun.resolve();
  };
  await using server = await startSmtpServer({ faults });
  await using connection = await openConnection(server);
  const first = connection.send(letter(1, large));
  // The server has the first bytes of eighteen million: the last ones have not left yet.
  await begun.promise;
  const outcomes = await Promise.all([
    first,
    connection.send(letter(2)),
    connection.send({ ...letter(3), data: Buffer.from(large) }),
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(server.accepted.map(({ data }) => data === large)).toEqual([true, false, true]);
});

test('what the server stores is what was sent, dots and UTF-8 and all', async () => {
  await using server = await startSmtpServer({ smtputf8: true });
  await using connection = await openConnection(server);
  const line = fc.string({ unit: fc.constantFrom('.', 'a', 'я', ' ', '€', '😀', 'MAIL') });
  const letters = fc.array(
    fc.record({
      data: fc.array(line).map((lines) => lines.map((text) => `${text}\r\n`).join('')),
      isBuffer: fc.boolean(),
    }),
    { maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(letters, async (scripts) => {
      server.accepted.length = 0;
      await Promise.all(
        scripts.map(({ data, isBuffer }) =>
          connection.send({ from: '', to: 'почта@пример.рф', data: isBuffer ? Buffer.from(data) : data }),
        ),
      );
      expect(server.accepted).toEqual(
        scripts.map(({ data }) => ({ from: '', to: 'почта@xn--e1afmkfd.xn--p1ai', data })),
      );
    }),
  );
});

test('a refusal of its own touches no wire', async () => {
  await using server = await startSmtpServer({ size: 50 });
  await using connection = await openConnection(server);
  const outcomes = await Promise.all([
    connection.send({ ...letter(1), to: 'почта@пример.рф' }),
    connection.send({ ...letter(1), to: 'a@b.example>\r\nRSET' }),
    connection.send(letter(1, 'x'.repeat(60))),
    connection.send(letter(2)),
  ]);
  expect(outcomes).toMatchObject([
    {
      kind: 'refused',
      local: true,
      stage: 'rcpt',
      reply: { code: 553, enhancedCode: '5.6.7' },
      finalDotMayHaveLeft: false,
    },
    { kind: 'refused', local: true, stage: 'rcpt', reply: { code: 553, enhancedCode: '5.1.3' } },
    { kind: 'refused', local: true, stage: 'mail', reply: { code: 552, enhancedCode: '5.3.4' } },
    { kind: 'accepted', stage: 'dot', reply: { code: 250, enhancedCode: '2.0.0' } },
  ]);
  expect(server.letters).toBe(1);
});

test.each(BOTH)(
  'a name that is not ASCII goes with SMTPUTF8 where it is offered, and is the only one refused where not (offered: %s)',
  async (smtputf8) => {
    await using server = await startSmtpServer({ smtputf8 });
    const said: string[] = [];
    await using connection = await openConnection(server, {
      onLine: (line) => 'text' in line && line.from === 'client' && said.push(line.text),
    });
    const recipients = ['почта@example.com', 'anna@пример.рф', 'anna@example.com'];
    const outcomes = await Promise.all(recipients.map((to) => connection.send({ ...letter(1), to })));
    const first = smtputf8
      ? { kind: 'accepted' }
      : { kind: 'refused', local: true, stage: 'rcpt', reply: { code: 553, enhancedCode: '5.6.7' } };
    expect(outcomes).toMatchObject([first, { kind: 'accepted' }, { kind: 'accepted' }]);
    // RFC 6531 3.4: the parameter goes with letters that need it; a domain has a form in ASCII (RFC 5891).
    expect(said.filter((line) => line.endsWith(' SMTPUTF8'))).toHaveLength(smtputf8 ? 1 : 0);
    expect(server.accepted.map(({ to }) => to).slice(-2)).toEqual(['anna@xn--e1afmkfd.xn--p1ai', 'anna@example.com']);
  },
);

test('the size of a letter is declared, and a server may refuse it before its content', async () => {
  await using server = await startSmtpServer({ size: 0 });
  await using connection = await openConnection(server);
  expect(connection.capabilities.size).toEqual({ maxBytes: null });
  server.options.size = 60;
  const large = connection.send(letter(1, '.'.repeat(61)));
  const outcomes = await Promise.all([large, connection.send(letter(2, '.'.repeat(58)))]);
  expect(outcomes).toMatchObject([
    { kind: 'refused', local: false, stage: 'mail', reply: { code: 552, enhancedCode: '5.3.4' } },
    { kind: 'accepted' },
  ]);
});

test('closing finishes what is on the wire and gives the rest back', async () => {
  await using server = await startSmtpServer();
  const connection = await openConnection(server);
  const letters = Promise.all([1, 2, 3].map((number) => connection.send(letter(number))));
  await connection.close();
  const outcomes = await letters;
  expect(outcomes[0]?.kind).toBe('accepted');
  expect(outcomes.slice(1)).toMatchObject([
    { kind: 'lost', cause: 'closed', begun: false, finalDotMayHaveLeft: false },
    { kind: 'lost', cause: 'closed', begun: false, finalDotMayHaveLeft: false },
  ]);
  expect(connection.usable).toBe(false);
  expect(server.accepted).toHaveLength(1);
  await vi.waitFor(() => expect(server.openConnections).toBe(0));
  await connection.close();
});

test.each(BOTH)(
  'what is called back comes back at once and untouched, but for what is on the wire (pipelining: %s)',
  async (pipelining) => {
    await using server = await startSmtpServer({ pipelining, slowMs: 100 });
    await using connection = await openConnection(server);
    const [called, kept] = [new AbortController().signal, new AbortController().signal];
    const first = connection.send(letter(1), called);
    const second = connection.send(letter(2), called);
    const [third, fourth] = [connection.send(letter(3), called), connection.send(letter(4), kept)];
    await vi.waitFor(() => expect(server.accepted).toHaveLength(1));
    connection.takeBack(called);
    expect(await third).toMatchObject({ kind: 'lost', cause: 'closed', begun: false, finalDotMayHaveLeft: false });
    expect(server.accepted).toHaveLength(1);
    expect(await first).toMatchObject({ kind: 'accepted' });
    // Its envelope is out where the server takes envelopes ahead of the reply.
    expect(await second).toMatchObject(pipelining ? { kind: 'accepted' } : { kind: 'lost', begun: false });
    expect(await fourth).toMatchObject({ kind: 'accepted' });
    expect(server.countOf('r3@recipient.example')).toBe(0);
    expect(server.violations).toEqual([]);
  },
);

test('a letter that is called back with its envelope out does not leave a second later, and is not in doubt', async () => {
  await using server = await startSmtpServer({ slowMs: 1000 });
  await using connection = await openConnection(server);
  const [called, kept] = [new AbortController().signal, new AbortController().signal];
  const letters = [letter(1), letter(2)].map((each) => connection.send(each, called));
  const other = connection.send(letter(3), kept);
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1));
  connection.takeBack(called);
  expect(await Promise.all([...letters, other])).toMatchObject([
    { kind: 'accepted' },
    { kind: 'lost', stage: 'data', cause: 'closed', begun: true, finalDotMayHaveLeft: false },
    { kind: 'lost', cause: 'closed', begun: false },
  ]);
  expect(server.accepted).toHaveLength(1);
  expect(connection.usable).toBe(false);
});

test('a letter whose call-back came first is not begun', async () => {
  await using server = await startSmtpServer();
  await using connection = await openConnection(server);
  expect(await connection.send(letter(1), AbortSignal.abort())).toMatchObject({ kind: 'lost', begun: false });
  expect(server.letters).toBe(0);
});

test.each<SmtpServerStage>(['dot', 'quit'])('closing is bounded when the server stalls at %s', async (stage) => {
  await using server = await startSmtpServer({ faults: (event) => (event.stage === stage ? 'stall' : undefined) });
  const connection = await openConnection(server);
  const sent = connection.send(letter(1));
  await connection.close(50);
  expect(await sent).toMatchObject(
    stage === 'dot' ? { kind: 'lost', cause: 'closed', finalDotMayHaveLeft: true } : { kind: 'accepted' },
  );
  await vi.waitFor(() => expect(server.openConnections).toBe(0));
});

test('ten thousand letters over one connection each arrive once', async () => {
  await using server = await startSmtpServer({ keepData: false });
  await using connection = await openConnection(server);
  const outcomes = await Promise.all(Array.from({ length: 10_000 }, (_, number) => connection.send(letter(number))));
  expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
  expect(server.accepted).toHaveLength(10_000);
  expect(server.counts.size).toBe(10_000);
  expect(server.connections).toBe(1);
});

/** For what the scriptable server cannot do: says hello, and hands every chunk to the test. */
async function startRawServer(take: (socket: Socket, chunk: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.write('220 hi\r\n');
    socket.on('error', () => undefined).on('data', (chunk) => take(socket, chunk.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { sockets, port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

async function openRaw(port: number): Promise<SmtpConnection> {
  const opened = await SmtpConnection.open({
    host: '127.0.0.1',
    port,
    tls: 'none',
    verifyCertificate: true,
    credentials: null,
    timeouts: SHORT,
  });
  if (opened.ok) return opened.connection;
  throw new Error(opened.outcome.kind);
}
