import { createServer, type AddressInfo } from 'node:net';

import { expect, test, vi } from 'vitest';

import { openConnection, optionsFor } from '../../../test/support/smtp-connection.js';
import {
  startSmtpServer,
  testCertificate,
  type SmtpServerFault,
  type SmtpServerOptions,
  type SmtpServerStage,
} from '../../../test/support/smtp-server.js';
import { SmtpConnection } from './smtp-connection.js';
import type { SmtpOptions } from './smtp-options.js';

const TIMEOUTS = { connect: 2000, greeting: 150, command: 150 };
const LETTER = { from: 'shop@sender.example', to: 'r1@recipient.example', data: 'Subject: x\r\n\r\nHello\r\n' };
const LOGIN = { kind: 'password' as const, user: 'shop', password: 'sécret phrase' };
const auth = { user: LOGIN.user, pass: LOGIN.password };
const trusted: Partial<SmtpOptions> = { host: 'localhost', certificateAuthority: testCertificate };

const STAGES: [SmtpServerStage, string][] = [
  ['connect', 'greeting'],
  ['ehlo', 'ehlo'],
  ['starttls', 'starttls'],
  ['auth', 'auth'],
];
const FAULTS: [string, SmtpServerFault, object][] = [
  ['4xx', { reply: '454 4.7.0 later' }, { kind: 'refused', local: false, reply: { code: 454, enhancedCode: '4.7.0' } }],
  ['5xx', { reply: '554 5.7.1 never' }, { kind: 'refused', local: false, reply: { code: 554, enhancedCode: '5.7.1' } }],
  ['421', { reply: '421 4.3.2 down', thenDrop: true }, { kind: 'refused', reply: { code: 421 } }],
  ['drop', 'drop', { kind: 'lost', cause: 'connection', begun: false }],
  ['stall', 'stall', { kind: 'lost', cause: 'timeout', begun: false }],
  ['garbage', { garbage: 'HTTP/1.1 400 Bad Request\r\n' }, { kind: 'lost', cause: 'protocol', begun: false }],
  ['an endless line', { garbage: '2'.repeat(100_000) }, { kind: 'lost', cause: 'protocol' }],
];
const matrix = STAGES.flatMap(([stage, seen]) =>
  FAULTS.map(([title, fault, outcome]) => ({ stage, seen, title, fault, outcome })),
);

test.each(matrix)(
  'a server that answers $stage with $title is a value with its stage',
  async ({ stage, seen, fault, outcome }) => {
    const server = await startSmtpServer({
      auth,
      tls: 'starttls',
      faults: (event) => (event.stage === stage || (stage === 'ehlo' && event.stage === 'helo') ? fault : undefined),
    });
    const opened = await SmtpConnection.open(
      optionsFor(server, { ...trusted, tls: 'required', credentials: LOGIN, timeouts: TIMEOUTS }),
    );
    expect(opened).toMatchObject({
      ok: false,
      outcome: { ...outcome, stage: seen, finalDotMayHaveLeft: false, relay: `localhost:${server.port}` },
    });
    expect(JSON.stringify(opened)).not.toContain(LOGIN.password);
    await vi.waitFor(() => expect(server.openConnections).toBe(0), 3000);
    await server.close();
  },
);

test.each<[SmtpServerStage, string]>([
  ['connect', '220 hi'],
  ['ehlo', '250 hi'],
  ['auth', '235 welcome'],
])('a server that answers %s twice is not believed', async (stage, reply) => {
  await using server = await startSmtpServer({
    auth,
    faults: (event) => (event.stage === stage ? { reply: `${reply}\r\n250 and more` } : undefined),
  });
  const opened = await SmtpConnection.open(optionsFor(server, stage === 'auth' ? { credentials: LOGIN } : {}));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'lost', cause: 'protocol', error: expect.stringContaining('nobody asked for') },
  });
});

test('a port where nobody listens is a loss at connect', async () => {
  const server = await startSmtpServer();
  const options = optionsFor(server);
  await server.close();
  expect(await SmtpConnection.open(options)).toMatchObject({
    ok: false,
    outcome: {
      kind: 'lost',
      stage: 'connect',
      cause: 'connection',
      error: expect.stringMatching(/^no connection: .*ECONNREFUSED/),
    },
  });
});

test('a host without an address is a loss at connect', async () => {
  const opened = await SmtpConnection.open({
    host: 'no-such-host.invalid',
    port: 25,
    tls: 'none',
    verifyCertificate: true,
    credentials: null,
    timeouts: { connect: 5000 },
  });
  expect(opened).toMatchObject({ ok: false, outcome: { kind: 'lost', stage: 'connect' } });
});

test('a greeting that never ends is a loss at greeting', async () => {
  const sockets = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220-welcome\r\n'.repeat(2000));
  });
  await new Promise<void>((resolve) => sockets.listen(0, '127.0.0.1', resolve));
  const { port } = sockets.address() as AddressInfo;
  const opened = await SmtpConnection.open({
    host: '127.0.0.1',
    port,
    tls: 'none',
    verifyCertificate: true,
    credentials: null,
  });
  expect(opened).toMatchObject({ ok: false, outcome: { kind: 'lost', stage: 'greeting', cause: 'protocol' } });
  sockets.close();
});

test('a server that does not know EHLO is told HELO, and takes letters step by step', async () => {
  await using server = await startSmtpServer({
    pipelining: false,
    faults: ({ stage }) => (stage === 'ehlo' ? { reply: '502 what?' } : undefined),
  });
  await using connection = await openConnection(server);
  expect(connection.capabilities.pipelining).toBe(false);
  const outcomes = await Promise.all([connection.send(LETTER), connection.send(LETTER)]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  expect(server.violations).toEqual([]);
});

test.each(['PLAIN', 'LOGIN', 'CRAM-MD5 LOGIN PLAIN'])('logs in where %s is offered', async (offer) => {
  await using server = await startSmtpServer({ auth: { ...auth, mechanisms: offer.split(' ') } });
  await using connection = await openConnection(server, { credentials: LOGIN });
  expect(await connection.send(LETTER)).toMatchObject({ kind: 'accepted', tls: null });
});

test.each(['PLAIN', 'LOGIN'])('a wrong password is refused at auth with %s', async (mechanism) => {
  await using server = await startSmtpServer({ auth: { ...auth, mechanisms: [mechanism] } });
  const opened = await SmtpConnection.open(optionsFor(server, { credentials: { ...LOGIN, password: 'wrong' } }));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'refused', stage: 'auth', local: false, reply: { code: 535, enhancedCode: '5.7.8' } },
  });
});

const TOKEN = { kind: 'xoauth2' as const, user: 'shop@example.org', token: 'ya29.a0Af_token-of-the-shop' };
const tokenAuth = { user: TOKEN.user, pass: TOKEN.token, mechanisms: ['PLAIN', 'XOAUTH2'] };
const TOKEN_FORMS = [
  TOKEN.token,
  Buffer.from(TOKEN.token).toString('base64'),
  Buffer.from(`user=${TOKEN.user}\u0001auth=Bearer ${TOKEN.token}\u0001\u0001`).toString('base64'),
];

test('logs in with a token by XOAUTH2, and shows none of it', async () => {
  await using server = await startSmtpServer({ auth: tokenAuth });
  const shown: object[] = [];
  await using connection = await openConnection(server, { credentials: TOKEN, onLine: (line) => shown.push(line) });
  expect(await connection.send(LETTER)).toMatchObject({ kind: 'accepted' });
  expect(shown).toContainEqual({ from: 'client', text: 'AUTH XOAUTH2 ***' });
  for (const form of TOKEN_FORMS) expect(JSON.stringify(shown)).not.toContain(form);
});

test('a token that is not valid is refused after an empty answer to what is wrong with it', async () => {
  await using server = await startSmtpServer({ auth: tokenAuth });
  const shown: object[] = [];
  const credentials = { ...TOKEN, token: 'ya29.expired-token' };
  const opened = await SmtpConnection.open(optionsFor(server, { credentials, onLine: (line) => shown.push(line) }));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'refused', stage: 'auth', local: false, reply: { code: 535, enhancedCode: '5.7.8' } },
  });
  expect(shown.slice(-4)).toEqual([
    { from: 'server', text: expect.stringMatching(/^334 [\w=]+$/) },
    { from: 'client', text: '' },
    { from: 'server', text: '535 5.7.8 the token is not valid' },
    { from: 'client', text: 'QUIT' },
  ]);
  expect(server.violations).toEqual([]);
  expect(JSON.stringify([opened, shown])).not.toContain(credentials.token);
});

test('a server that repeats the token does not bring it into the outcome or before a listener', async () => {
  await using server = await startSmtpServer({
    auth: tokenAuth,
    faults: ({ stage }) => (stage === 'auth' ? { reply: `535 5.7.8 no: ${TOKEN_FORMS.join(' ')}` } : undefined),
  });
  const shown: object[] = [];
  const opened = await SmtpConnection.open(
    optionsFor(server, { credentials: TOKEN, onLine: (line) => shown.push(line) }),
  );
  expect(opened).toMatchObject({ ok: false, outcome: { reply: { text: '5.7.8 no: *** *** ***' } } });
  for (const form of TOKEN_FORMS) expect(JSON.stringify([opened, shown])).not.toContain(form);
});

test('a server that asks for the token once more gets it, and one that never ends asking is left', async () => {
  await using server = await startSmtpServer({
    auth: tokenAuth,
    faults: ({ stage }) => (stage === 'auth' ? { reply: '334 ' } : undefined),
  });
  const opened = await SmtpConnection.open(optionsFor(server, { credentials: TOKEN, timeouts: TIMEOUTS }));
  expect(opened).toMatchObject({ ok: false, outcome: { stage: 'auth' } });
});

test('a token is not sent where XOAUTH2 is not offered', async () => {
  await using server = await startSmtpServer({ auth: { ...tokenAuth, mechanisms: ['PLAIN', 'LOGIN'] } });
  const opened = await SmtpConnection.open(optionsFor(server, { credentials: TOKEN }));
  expect(opened).toMatchObject({
    ok: false,
    outcome: {
      kind: 'refused',
      stage: 'auth',
      local: true,
      reply: { code: 504, text: expect.stringContaining('XOAUTH2') },
    },
  });
});

test('a server that offers no known way to log in is refused locally', async () => {
  await using server = await startSmtpServer({ auth: { ...auth, mechanisms: ['XOAUTH2'] } });
  const opened = await SmtpConnection.open(optionsFor(server, { credentials: LOGIN }));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'refused', stage: 'auth', local: true, reply: { code: 504 } },
  });
});

test('a server that repeats the password does not bring it into the outcome', async () => {
  const token = Buffer.from(`\0${LOGIN.user}\0${LOGIN.password}`).toString('base64');
  await using server = await startSmtpServer({
    auth,
    faults: ({ stage }) => (stage === 'auth' ? { reply: `535 5.7.8 wrong: ${token} ${LOGIN.password}` } : undefined),
  });
  const opened = await SmtpConnection.open(optionsFor(server, { credentials: LOGIN }));
  expect(opened).toMatchObject({ ok: false, outcome: { reply: { text: '5.7.8 wrong: *** ***' } } });
});

const ENCRYPTED: { title: string; server: SmtpServerOptions; options: Partial<SmtpOptions> }[] = [
  { title: 'opportunistic, whoever signed', server: { tls: 'starttls' }, options: {} },
  { title: 'required, and trusted', server: { tls: 'starttls' }, options: { ...trusted, tls: 'required' } },
  {
    title: 'required, not verified',
    server: { tls: 'starttls' },
    options: { tls: 'required', verifyCertificate: false },
  },
  { title: 'implicit, and trusted', server: { tls: 'implicit' }, options: { ...trusted, tls: 'implicit' } },
  {
    title: 'implicit, not verified',
    server: { tls: 'implicit' },
    options: { tls: 'implicit', verifyCertificate: false },
  },
];

test.each(ENCRYPTED)('sends encrypted: $title', async ({ server: serverOptions, options }) => {
  await using server = await startSmtpServer({ ...serverOptions, auth });
  await using connection = await openConnection(server, { ...options, credentials: LOGIN });
  const large = 'x\r\n'.repeat(400_000);
  const outcomes = await Promise.all(
    [LETTER, { ...LETTER, data: large }, LETTER].map((letter) => connection.send(letter)),
  );
  expect(outcomes.map(({ kind, tls }) => `${kind} ${tls}`)).toEqual(Array(3).fill('accepted TLSv1.3'));
  expect(server.accepted.map(({ data }) => data.length)).toEqual([
    LETTER.data.length,
    large.length,
    LETTER.data.length,
  ]);
});

const UNTRUSTED: { title: string; server: SmtpServerOptions; options: Partial<SmtpOptions>; error: RegExp }[] = [
  {
    title: 'by an unknown authority, over STARTTLS',
    server: { tls: 'starttls' },
    options: { host: 'localhost', tls: 'required' },
    error: /self-signed certificate/,
  },
  {
    title: 'by an unknown authority, over implicit TLS',
    server: { tls: 'implicit' },
    options: { host: 'localhost', tls: 'implicit' },
    error: /self-signed certificate/,
  },
  {
    title: 'for another name',
    server: { tls: 'starttls' },
    options: { ...trusted, host: '127.0.0.1', tls: 'required' },
    error: /127\.0\.0\.1/,
  },
];

test.each(UNTRUSTED)('refuses a certificate $title', async ({ server: serverOptions, options, error }) => {
  await using server = await startSmtpServer(serverOptions);
  const opened = await SmtpConnection.open(optionsFor(server, options));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'lost', stage: 'starttls', cause: 'tls', error: expect.stringMatching(error) },
  });
});

test('never encrypts where told not to, whatever is offered', async () => {
  await using server = await startSmtpServer({ tls: 'starttls' });
  await using connection = await openConnection(server, { tls: 'none' });
  expect(connection.capabilities.startTls).toBe(true);
  expect(await connection.send(LETTER)).toMatchObject({ kind: 'accepted', tls: null });
});

test('what was offered before STARTTLS is forgotten: what counts is offered behind it', async () => {
  await using server = await startSmtpServer({ tls: 'starttls', smtputf8: true, size: 500 });
  let greetings = 0;
  server.options.faults = ({ stage }) => {
    if (stage !== 'ehlo') return undefined;
    greetings += 1;
    return greetings === 1 ? { reply: '250-x\r\n250-STARTTLS\r\n250 SIZE 5' } : undefined;
  };
  await using connection = await openConnection(server);
  expect(connection.capabilities).toMatchObject({ smtpUtf8: true, size: { maxBytes: 500 }, startTls: false });
  expect(await connection.send(LETTER)).toMatchObject({ kind: 'accepted', tls: 'TLSv1.3' });
});

test('does not go on in the clear where encryption is required', async () => {
  await using server = await startSmtpServer();
  const opened = await SmtpConnection.open(optionsFor(server, { tls: 'required' }));
  expect(opened).toMatchObject({
    ok: false,
    outcome: { kind: 'refused', stage: 'starttls', local: true, reply: { code: 530, enhancedCode: '5.7.10' } },
  });
});

test('goes on in the clear where the server takes its STARTTLS back and nobody requires it', async () => {
  await using server = await startSmtpServer({
    tls: 'starttls',
    faults: ({ stage }) => (stage === 'starttls' ? { reply: '454 4.7.0 no TLS today' } : undefined),
  });
  await using connection = await openConnection(server);
  expect(await connection.send(LETTER)).toMatchObject({ kind: 'accepted', tls: null });
});

test.each(['220 go ahead\r\n250 hi\r\n', '220 go ahead\r\n250-hi\r\n', '220 go ahead\r\n250'])(
  'believes nothing that was slipped in behind the reply to STARTTLS: %j',
  async (garbage) => {
    await using server = await startSmtpServer({
      tls: 'starttls',
      faults: ({ stage }) => (stage === 'starttls' ? { garbage } : undefined),
    });
    const opened = await SmtpConnection.open(optionsFor(server, { timeouts: TIMEOUTS }));
    expect(opened).toMatchObject({ ok: false, outcome: { kind: 'lost', stage: 'starttls', cause: 'protocol' } });
  },
);
