import { describe, expect, test } from 'vitest';

import type { LostOutcome, RefusedOutcome, SmtpStage } from '../lib/smtp/smtp-outcome.js';
import { classify, isRelayFault, judge, relayRest } from './verdict.js';

const FACTS = { durationMs: 1, relay: 'relay:25', tls: null };

/** From a reply as it stands in a log: code, perhaps an enhanced code, text. */
function refused(stage: SmtpStage, line: string, local = false): RefusedOutcome {
  const [, code, enhancedCode = null, text = ''] = /^(\d{3})[ -](?:([45]\.\d+\.\d+) )?(.*)$/s.exec(line) ?? [];
  if (code === undefined) throw new Error(`not a reply: ${line}`);
  const reply = { code: Number(code), enhancedCode, text: enhancedCode ? `${enhancedCode} ${text}` : text };
  return { kind: 'refused', stage, local, finalDotMayHaveLeft: false, reply, ...FACTS };
}

function lost(values: Partial<LostOutcome>): LostOutcome {
  return {
    kind: 'lost',
    stage: 'dot',
    reply: null,
    cause: 'connection',
    error: 'broke',
    begun: true,
    finalDotMayHaveLeft: false,
    ...FACTS,
    ...values,
  };
}

type Case = [stage: SmtpStage, reply: string, whose: string];

/** `whose`: fault, permanent or not, action. */
const REPLIES: Record<string, Case[]> = {
  Gmail: [
    ['rcpt', '550 5.1.1 The email account that you tried to reach does not exist.', 'recipient, permanent: reject'],
    ['rcpt', '550 5.2.1 The email account that you tried to reach is disabled.', 'recipient, permanent: reject'],
    ['rcpt', '452 4.2.2 The email account that you tried to reach is over quota.', 'recipient, soft: retry_recipient'],
    ['rcpt', '552 5.2.2 The email account that you tried to reach is over quota.', 'recipient, soft: retry_recipient'],
    [
      'rcpt',
      '450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages.',
      'recipient, soft: retry_recipient',
    ],
    ['rcpt', '452 4.5.3 Your message has too many recipients.', 'nobody, soft: retry_recipient'],
    ['rcpt', '451 4.3.0 Mail server temporarily rejected message.', 'domain, soft: slow_domain'],
    ['dot', '421 4.7.28 Our system has detected an unusual rate of unsolicited mail.', 'relay, soft: pause_relay'],
    [
      'dot',
      '550 5.7.26 This mail has been blocked because the sender is unauthenticated.',
      'policy, permanent: pause_mailing',
    ],
    [
      'dot',
      '550 5.7.1 Our system has detected that this message is likely unsolicited mail.',
      'policy, permanent: pause_mailing',
    ],
    [
      'dot',
      '552 5.7.0 This message was blocked because its content presents a potential security issue.',
      'policy, permanent: pause_mailing',
    ],
    ['mail', '552 5.3.4 Your message exceeded Google’s message size limits.', 'message, permanent: reject'],
    ['dot', '552 5.3.4 Your message exceeded Google’s message size limits.', 'message, permanent: reject'],
    ['auth', '535 5.7.8 Username and Password not accepted.', 'relay, permanent: pause_relay'],
    ['mail', '530 5.7.0 Authentication Required.', 'relay, permanent: pause_relay'],
    ['mail', '550 5.4.5 Daily user sending limit exceeded.', 'relay, permanent: pause_relay'],
    ['dot', '550 5.6.0 The message does not comply with RFC 5322.', 'message, permanent: pause_mailing'],
  ],
  Outlook: [
    [
      'rcpt',
      '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
      'recipient, permanent: reject',
    ],
    ['rcpt', '550 5.4.1 Recipient address rejected: Access denied.', 'recipient, permanent: reject'],
    [
      'rcpt',
      '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).',
      'recipient, permanent: reject',
    ],
    [
      'dot',
      '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
      'recipient, soft: retry_recipient',
    ],
    ['dot', '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded', 'domain, soft: slow_domain'],
    ['rcpt', '451 4.7.500 Server busy. Please try again later from [192.0.2.1].', 'domain, soft: slow_domain'],
    [
      'mail',
      '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.',
      'relay, soft: pause_relay',
    ],
    [
      'mail',
      '550 5.7.1 Unfortunately, messages from [192.0.2.1] weren’t sent. Part of their network is on our block list (S3140).',
      'relay, permanent: pause_relay',
    ],
    ['rcpt', '550 5.7.606 Access denied, banned sending IP [192.0.2.1].', 'policy, permanent: pause_mailing'],
    [
      'dot',
      '550 5.7.515 Access denied, sending domain does not meet the required authentication level.',
      'policy, permanent: pause_mailing',
    ],
    [
      'rcpt',
      '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required',
      'recipient, permanent: reject',
    ],
    ['mail', '530 5.7.57 Client not authenticated to send mail.', 'relay, permanent: pause_relay'],
    ['greeting', '421 4.3.2 Service not available', 'relay, soft: pause_relay'],
  ],
  Yandex: [
    ['rcpt', '550 5.7.1 No such user!', 'recipient, permanent: reject'],
    ['rcpt', '550 5.1.1 No such user', 'recipient, permanent: reject'],
    ['rcpt', '552 5.2.2 Mailbox size limit exceeded', 'recipient, soft: retry_recipient'],
    [
      'dot',
      '554 5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc',
      'policy, permanent: pause_mailing',
    ],
    [
      'dot',
      '451 4.7.1 Sorry, the service is currently unavailable. Please come back later.',
      'recipient, soft: retry_recipient',
    ],
    ['mail', '553 5.7.1 Sender address rejected: not owned by auth user.', 'relay, permanent: pause_relay'],
    ['auth', '535 5.7.8 Error: authentication failed: Invalid user or password!', 'relay, permanent: pause_relay'],
    [
      'rcpt',
      '450 4.2.1 The recipient has exceeded their message rate limit. Try again later.',
      'recipient, soft: retry_recipient',
    ],
  ],
  'Mail.ru': [
    [
      'rcpt',
      '550 Message was not accepted -- invalid mailbox. Local mailbox a@mail.ru is unavailable: user not found',
      'recipient, permanent: reject',
    ],
    [
      'rcpt',
      '550 Message was not accepted -- invalid mailbox. Local mailbox a@mail.ru is unavailable: account is disabled',
      'recipient, permanent: reject',
    ],
    [
      'dot',
      '550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=x or report details to abuse@corp.mail.ru.',
      'policy, permanent: pause_mailing',
    ],
    ['rcpt', '451 Try again later', 'recipient, soft: retry_recipient'],
    ['greeting', '421 Too many connections', 'relay, soft: pause_relay'],
    ['auth', '535 5.7.0 NEOBHODIM parol prilozheniya', 'relay, permanent: pause_relay'],
  ],
  Postfix: [
    [
      'rcpt',
      '450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/',
      'recipient, soft: retry_recipient',
    ],
    [
      'rcpt',
      '450 4.7.1 <a@example.com>: Recipient address rejected: Greylisting in action',
      'recipient, soft: retry_recipient',
    ],
    [
      'rcpt',
      '450 4.1.2 <a@example.com>: Recipient address rejected: Domain not found',
      'recipient, soft: retry_recipient',
    ],
    [
      'rcpt',
      '550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in local recipient table',
      'recipient, permanent: reject',
    ],
    ['rcpt', '454 4.7.1 <a@example.com>: Relay access denied', 'recipient, soft: retry_recipient'],
    ['rcpt', '554 5.7.1 <a@example.com>: Relay access denied', 'policy, permanent: pause_mailing'],
    [
      'rcpt',
      '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
      'policy, permanent: pause_mailing',
    ],
    [
      'rcpt',
      '550 5.1.8 <shop@example.com>: Sender address rejected: Domain not found',
      'relay, permanent: pause_relay',
    ],
    ['rcpt', '450 4.1.8 <shop@example.com>: Sender address rejected: Domain not found', 'relay, soft: pause_relay'],
    ['rcpt', '452 4.5.3 Error: too many recipients', 'nobody, soft: retry_recipient'],
    ['rcpt', '503 5.5.1 Error: need MAIL command', 'relay, permanent: pause_relay'],
    ['mail', '452 4.3.1 Insufficient system storage', 'relay, soft: pause_relay'],
    ['mail', '552 5.3.4 Message size exceeds fixed limit', 'message, permanent: reject'],
    ['dot', '552 5.3.4 Error: message file too big', 'message, permanent: reject'],
    ['dot', '451 4.3.0 Error: queue file write error', 'domain, soft: slow_domain'],
    ['greeting', '554 5.7.1 mx.example.com ESMTP not accepting connections', 'relay, permanent: pause_relay'],
    [
      'auth',
      '454 4.7.0 Temporary authentication failure: Connection lost to authentication server',
      'relay, soft: pause_relay',
    ],
    ['starttls', '454 4.7.0 TLS not available due to local problem', 'relay, soft: pause_relay'],
  ],
  Exim: [
    ['rcpt', '550 relay not permitted', 'policy, permanent: pause_mailing'],
    ['rcpt', '550 Unrouteable address', 'recipient, permanent: reject'],
    ['rcpt', '550 No such user here <blacklist@example.com>', 'recipient, permanent: reject'],
    ['rcpt', '451 Temporary local problem - please try later', 'recipient, soft: retry_recipient'],
    ['rcpt', '452 too many recipients', 'recipient, soft: retry_recipient'],
    ['rcpt', '552 mailbox is full', 'recipient, soft: retry_recipient'],
    ['mail', '452 space shortage, please try later', 'relay, soft: pause_relay'],
    ['mail', '552 message size exceeds maximum permitted', 'message, permanent: reject'],
    ['dot', '552 Message size exceeds maximum permitted', 'message, permanent: reject'],
    ['dot', '554 Email not accepted for policy reasons', 'policy, permanent: pause_mailing'],
    ['greeting', '554 SMTP synchronization error', 'relay, permanent: pause_relay'],
    ['auth', '535 Incorrect authentication data', 'relay, permanent: pause_relay'],
    ['ehlo', '550 HELO is not valid', 'relay, permanent: pause_relay'],
    ['dot', '421 Service not available - closing connection', 'relay, soft: pause_relay'],
  ],
};

describe.each(Object.entries(REPLIES))('%s', (_server, replies) => {
  test.each(replies)('at %s says %j: %s', (stage, reply, expected) => {
    const { fault, permanent, action } = classify(refused(stage, reply));
    expect(`${fault}, ${permanent ? 'permanent' : 'soft'}: ${action}`).toBe(expected);
  });
});

const STAGES: SmtpStage[] = ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'dot'];
const DETAILS = ['0.0', '1.1', '1.8', '2.2', '3.4', '5.3', '6.7', '7.1', '7.8'];
const ENHANCED = [null, ...DETAILS.flatMap((detail) => [`4.${detail}`, `5.${detail}`])];

/** Every refusal that there can be, and what it is taken for. */
const EVERYTHING = STAGES.flatMap((stage) =>
  Array.from({ length: 200 }, (_, index) => 400 + index).flatMap((code) =>
    ENHANCED.map((enhancedCode) => {
      const { fault, permanent, action } = classify({ stage, reply: { code, enhancedCode, text: 'no' } });
      return { stage, code, enhancedCode, fault, permanent, action };
    }),
  ),
);

test('before a recipient is named, nothing is a recipient’s fault, whatever is answered', () => {
  const early = EVERYTHING.filter(({ stage }) => !['rcpt', 'data', 'dot'].includes(stage));
  expect(early.filter(({ fault }) => fault !== 'relay' && fault !== 'message')).toEqual([]);
  expect(early.filter(({ fault, action }) => (fault === 'relay') !== (action === 'pause_relay'))).toEqual([]);
});

test('no 4xx rejects anybody, and only what is permanent rejects or pauses a mailing', () => {
  const final = EVERYTHING.filter(({ action }) => action === 'reject' || action === 'pause_mailing');
  expect(final.length).toBeGreaterThan(100);
  expect(final.filter(({ code, permanent }) => code < 500 || !permanent)).toEqual([]);
});

test.each([
  ['rcpt', '550 5.1.1 unknown', { kind: 'settled', state: 'rejected' }],
  ['rcpt', '450 4.2.0 greylisted', { kind: 'later', slowly: false }],
  ['rcpt', '451 4.7.500 busy', { kind: 'later', slowly: true }],
  ['dot', '554 5.7.1 spam', { kind: 'policy' }],
  ['auth', '535 5.7.8 wrong password', { kind: 'relay_fault' }],
] as const)('a refusal at %s with %j is judged as it deserves', (stage, reply, verdict) => {
  expect(judge(refused(stage, reply))).toEqual(verdict);
});

test.each([
  ['starttls', '530 5.7.10 encryption is required'],
  ['auth', '504 5.5.4 no way to log in'],
  ['mail', '553 5.1.7 sender refused'],
  ['mail', '553 5.6.7 the sender needs SMTPUTF8'],
] as const)("what this side refuses at %s (%s) is no recipient's fault", (stage, reply) => {
  expect(judge(refused(stage, reply, true))).toEqual({ kind: 'relay_fault' });
});

test.each([
  ['rcpt', '553 5.1.3 recipient refused'],
  ['rcpt', '553 5.6.7 the recipient needs SMTPUTF8'],
  ['mail', '552 5.3.4 too large'],
] as const)(
  'what this side knows that the server can only refuse at %s (%s) is a rejection of that delivery',
  (stage, reply) => {
    expect(judge(refused(stage, reply, true))).toEqual({ kind: 'settled', state: 'rejected' });
  },
);

test('a relay that breaks off is at fault, also when the letter is in doubt, and not when this side ended the connection', () => {
  expect(isRelayFault(lost({}))).toBe(true);
  expect(isRelayFault(lost({ finalDotMayHaveLeft: true }))).toBe(true);
  expect(isRelayFault(lost({ begun: false }))).toBe(false);
  expect(isRelayFault(lost({ cause: 'closed' }))).toBe(false);
  expect(judge(lost({ finalDotMayHaveLeft: true }))).toEqual({ kind: 'settled', state: 'in_doubt' });
});

test('a server that hangs up at one letter may do so because of it, unless another or this side is the cause', () => {
  for (const stage of ['rcpt', 'data', 'dot'] as const) {
    expect(judge(lost({ stage }))).toEqual({ kind: 'hung_up' });
    expect(isRelayFault(lost({ stage }))).toBe(true);
    expect(judge(refused(stage, '421 4.3.0 bye'))).toEqual({ kind: 'hung_up' });
    expect(judge(lost({ stage, cause: 'closing' }))).toEqual({ kind: 'relay_fault' });
    expect(judge(lost({ stage, cause: 'closed' }))).toEqual({ kind: 'relay_fault' });
    expect(judge(lost({ stage, begun: false }))).toEqual({ kind: 'untried' });
  }
  expect(judge(lost({ stage: 'mail' }))).toEqual({ kind: 'relay_fault' });
  expect(judge(refused('mail', '421 4.3.0 bye'))).toEqual({ kind: 'relay_fault' });
  expect(judge(refused('rcpt', '530 5.7.0 log in first'))).toEqual({ kind: 'relay_fault' });
});

test('a relay rests longer with every fault, within bounds', () => {
  expect(relayRest(1)).toBe(5000);
  expect(relayRest(1000)).toBe(300_000);
});
