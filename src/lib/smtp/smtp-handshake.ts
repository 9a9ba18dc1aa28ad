import { isIPv6 } from 'node:net';

import { NO_CAPABILITIES, parseCapabilities, type SmtpCapabilities } from './smtp-capabilities.js';
import type { SmtpOptions, SmtpTimeouts } from './smtp-options.js';
import {
  CLOSED,
  isIntermediate,
  isPositive,
  isRefusal,
  type LostOutcome,
  type RefusedOutcome,
  type SmtpFault,
  type SmtpReply,
  type SmtpStage,
} from './smtp-outcome.js';
import { encodeBase64, encodeInitialResponse, hideSecrets, listSecrets, maskLogin, type Trace } from './smtp-trace.js';
import type { SmtpCredentials } from './smtp-url.js';
import { SmtpWire, type Answer } from './smtp-wire.js';

export interface SmtpSession {
  wire: SmtpWire;
  capabilities: SmtpCapabilities;
}

export type Handshake = { ok: true; session: SmtpSession } | { ok: false; outcome: RefusedOutcome | LostOutcome };

/** What stopped a handshake: the server's reply, this side's own refusal in the form of one, or a fault. */
type Failure = { stage: SmtpStage; reply: SmtpReply; local: boolean } | { stage: SmtpStage; fault: SmtpFault };
type Step<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** From nothing to a session that takes letters: connect, greeting, EHLO, STARTTLS and EHLO again, AUTH. */
export async function shakeHands(options: SmtpOptions, timeouts: SmtpTimeouts): Promise<Handshake> {
  const startedAt = performance.now();
  const { signal } = options;
  const wire = await SmtpWire.connect(options.host, options.port, timeouts.connect, signal, openTrace(options));
  if (!(wire instanceof SmtpWire)) return fail(options, startedAt, null, { stage: 'connect', fault: wire });
  const cut = () => wire.abandon(CLOSED);
  signal?.addEventListener('abort', cut);
  if (signal?.aborted) cut();
  const begun = await beginSession(wire, options, timeouts);
  signal?.removeEventListener('abort', cut);
  const session = begun.ok && wire.fault ? failed(options.credentials ? 'auth' : 'ehlo', wire.fault) : begun;
  if (session.ok) return { ok: true, session: { wire, capabilities: session.value } };
  wire.dismiss();
  return fail(options, startedAt, wire.tlsVersion, session.failure);
}

async function beginSession(
  wire: SmtpWire,
  options: SmtpOptions,
  timeouts: SmtpTimeouts,
): Promise<Step<SmtpCapabilities>> {
  if (options.tls === 'implicit') {
    const fault = await wire.encrypt(encryptionOf(options, timeouts));
    if (fault) return failed('starttls', fault);
  }
  const greeting = demand('greeting', await awaitGreeting(wire, options, timeouts));
  if (!greeting.ok) return greeting;
  const offered = await sayHello(wire, options, timeouts);
  if (!offered.ok) return offered;
  const secured = await secure(wire, options, timeouts, offered.value);
  if (!secured.ok || options.credentials === null) return secured;
  const loggedIn = await logIn(wire, options, options.credentials, timeouts, secured.value);
  return loggedIn.ok ? secured : loggedIn;
}

/** A server that wants TLS from the first byte, or one of another protocol, waits as this side does. */
async function awaitGreeting(wire: SmtpWire, options: SmtpOptions, timeouts: SmtpTimeouts): Promise<Answer> {
  const answer = await wire.ask(null, timeouts.greeting);
  if (answer.ok || answer.fault.cause !== 'timeout') return answer;
  const hint =
    options.tls === 'implicit' ? '' : ': perhaps the port wants TLS from the first byte, or is not one for SMTP';
  return { ok: false, fault: { cause: 'timeout', error: `the server did not greet in time${hint}` } };
}

/** RFC 5321 3.2: a server that does not know EHLO is tried with HELO, and offers nothing. */
async function sayHello(wire: SmtpWire, options: SmtpOptions, timeouts: SmtpTimeouts): Promise<Step<SmtpCapabilities>> {
  const name = options.name ?? addressLiteral(wire.localAddress);
  const answer = await wire.ask(`EHLO ${name}`, timeouts.command);
  if (answer.ok && answer.reply.code >= 500) {
    const hello = demand('ehlo', await wire.ask(`HELO ${name}`, timeouts.command));
    return hello.ok ? { ok: true, value: NO_CAPABILITIES } : hello;
  }
  const hello = demand('ehlo', answer);
  return hello.ok ? { ok: true, value: parseCapabilities(hello.value.text) } : hello;
}

async function secure(
  wire: SmtpWire,
  options: SmtpOptions,
  timeouts: SmtpTimeouts,
  offered: SmtpCapabilities,
): Promise<Step<SmtpCapabilities>> {
  const isWanted = options.tls === 'required' || options.tls === 'opportunistic';
  if (!isWanted || (!offered.startTls && options.tls === 'opportunistic')) return { ok: true, value: offered };
  if (!offered.startTls)
    return refuse(
      'starttls',
      530,
      '5.7.10',
      'the server offers no STARTTLS, and this relay is only to be used encrypted',
    );
  const agreed = demand('starttls', await wire.ask('STARTTLS', timeouts.command));
  if (!agreed.ok)
    return options.tls === 'opportunistic' && 'reply' in agreed.failure && wire.isUsable
      ? { ok: true, value: offered }
      : agreed;
  const fault = await wire.encrypt(encryptionOf(options, timeouts));
  if (fault) return failed('starttls', fault);
  // RFC 3207 4.2: what was offered before is to be forgotten.
  return sayHello(wire, options, timeouts);
}

async function logIn(
  wire: SmtpWire,
  options: SmtpOptions,
  credentials: SmtpCredentials,
  timeouts: SmtpTimeouts,
  offered: SmtpCapabilities,
): Promise<Step<null>> {
  // RFC 4954 4: not in the clear, where a listener could take it, unless told so.
  if (wire.tlsVersion === null && !wire.isLoopback && options.tls !== 'none') {
    return refuse(
      'auth',
      538,
      '5.7.11',
      'the server offers no encryption, and the password is not sent without it unless the relay says tls=none',
    );
  }
  const exchange = chooseExchange(credentials, offered.authMechanisms);
  if (!exchange.ok) return exchange;
  const { command, answers } = exchange;
  let answer = await wire.ask(command, timeouts.command, maskLogin(command));
  for (const respond of answers) {
    if (!answer.ok || !isIntermediate(answer.reply)) break;
    const line = respond(answer.reply.text);
    answer = await wire.ask(line, timeouts.command, maskLogin(line));
  }
  const accepted = demand('auth', hideInAnswer(answer, credentials));
  return accepted.ok ? { ok: true, value: null } : accepted;
}

/** What this side says: first `command`, then one of `answers` to each 334 (RFC 4954 4), whose text it is given. */
type Exchange = { ok: true; command: string; answers: ((challenge: string) => string)[] };

function chooseExchange(
  credentials: SmtpCredentials,
  mechanisms: ReadonlySet<string>,
): Exchange | { ok: false; failure: Failure } {
  const response = encodeInitialResponse(credentials);
  if (credentials.kind === 'xoauth2') {
    if (!mechanisms.has('XOAUTH2')) return refuse('auth', 504, '5.5.4', 'the server does not offer AUTH XOAUTH2');
    // What is wrong comes as a challenge, base64 of JSON; the refusal itself follows an empty answer to it.
    const respond = (challenge: string) => (challenge.trim() === '' ? response : '');
    return { ok: true, command: `AUTH XOAUTH2 ${response}`, answers: [respond, () => ''] };
  }
  const { user, password } = credentials;
  // Some servers do not read the token behind the command, and ask for it once more.
  if (mechanisms.has('PLAIN')) return { ok: true, command: `AUTH PLAIN ${response}`, answers: [() => response] };
  const words = [user, password].map((word) => () => encodeBase64(word));
  if (mechanisms.has('LOGIN')) return { ok: true, command: 'AUTH LOGIN', answers: words };
  return refuse('auth', 504, '5.5.4', 'the server offers neither AUTH PLAIN nor AUTH LOGIN');
}

/** Replies are stored and shown; a server that repeats what it was told must not get the password there. */
function hideInAnswer(answer: Answer, credentials: SmtpCredentials): Answer {
  if (!answer.ok) return answer;
  return { ok: true, reply: { ...answer.reply, text: hideSecrets(answer.reply.text, listSecrets(credentials)) } };
}

function openTrace({ onLine, credentials }: SmtpOptions): Trace | undefined {
  return onLine && { onLine, secrets: listSecrets(credentials) };
}

function demand(stage: SmtpStage, answer: Answer): Step<SmtpReply> {
  if (!answer.ok) return failed(stage, answer.fault);
  const { reply } = answer;
  if (isPositive(reply)) return { ok: true, value: reply };
  if (isRefusal(reply)) return { ok: false, failure: { stage, reply, local: false } };
  return failed(stage, {
    cause: 'protocol',
    error: `the server answered ${reply.code} where only yes or no is possible`,
  });
}

function refuse(stage: SmtpStage, code: number, enhancedCode: string, text: string): { ok: false; failure: Failure } {
  return { ok: false, failure: { stage, reply: { code, enhancedCode, text }, local: true } };
}

function failed(stage: SmtpStage, fault: SmtpFault): { ok: false; failure: Failure } {
  return { ok: false, failure: { stage, fault } };
}

function fail(options: SmtpOptions, startedAt: number, tls: string | null, failure: Failure): Handshake {
  const facts = {
    durationMs: performance.now() - startedAt,
    relay: `${options.host}:${options.port}`,
    tls,
    finalDotMayHaveLeft: false,
  } as const;
  if ('fault' in failure)
    return {
      ok: false,
      outcome: { kind: 'lost', stage: failure.stage, reply: null, begun: false, ...failure.fault, ...facts },
    };
  return { ok: false, outcome: { kind: 'refused', ...failure, ...facts } };
}

function encryptionOf(options: SmtpOptions, timeouts: SmtpTimeouts) {
  return {
    host: options.host,
    verifyCertificate: options.verifyCertificate && options.tls !== 'opportunistic',
    certificateAuthority: options.certificateAuthority,
    timeoutMs: timeouts.command,
  };
}

/** RFC 5321 4.1.3 */
function addressLiteral(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}
