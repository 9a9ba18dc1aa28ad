import fc from 'fast-check';
import { expect, test } from 'vitest';

import { classify } from '../delivery/verdict.js';
import { translate } from '../lib/i18n.js';
import type { SmtpStage } from '../lib/smtp/smtp-outcome.js';
import { explainRefusal, OF_RECIPIENTS } from './refusal-meaning.js';

/** `550 5.1.1 text`, as servers write it. */
function explain(line: string, stage: SmtpStage = 'rcpt') {
  const [, code = '', enhanced, text = ''] = /^(\d{3})(?: (\d\.\d+\.\d+))? ?(.*)$/s.exec(line) ?? [];
  return explainRefusal({
    outcome: code.startsWith('4') ? 'deferred' : 'rejected',
    stage,
    replyCode: Number(code),
    enhancedCode: enhanced ?? null,
    reply: enhanced === undefined ? text : `${enhanced} ${text}`,
  });
}

test.each([
  ['550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in local recipient table', 'unknown'],
  ['550 No such user here', 'unknown'],
  ['550 User not listed in public Name & Address Book', 'unknown'],
  ['550', 'unknown'],
  ['550 5.1.2 Bad destination system address', 'no_domain'],
  ['556 5.1.10 Domain does not accept mail', 'no_domain'],
  ['501 5.1.3 Bad recipient address syntax', 'bad_address'],
  ['550 5.2.1 The email account that you tried to reach is disabled', 'disabled'],
  ['452 4.2.2 The email account that you tried to reach is over quota', 'full'],
  ['552 5.2.2 Mailbox full', 'full'],
  ['452 Insufficient system storage', 'full'],
  [
    '450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/',
    'greylisting',
  ],
  ['451 4.7.1 Greylisting in action, please come back later', 'greylisting'],
  ['450 4.7.1 Try again later', 'patience'],
  ['421 4.7.28 Our system has detected an unusual rate of mail', 'throttled'],
  ['450 4.7.0 Too many messages from your host', 'throttled'],
  ['451 4.3.2 Please try again later', 'domain_down'],
  ['451 4.4.1 No answer from host', 'domain_down'],
  ['554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'blocklist'],
  [
    '550 5.7.1 Unfortunately, messages from [192.0.2.1] were not sent: part of their network is on our block list',
    'blocklist',
  ],
  ['550 5.7.23 The message was rejected because of Sender Policy Framework violation', 'spf'],
  ['550 5.7.1 SPF check failed', 'spf'],
  ['550 5.7.20 No passing DKIM signature found', 'dkim'],
  ['550 5.7.26 Unauthenticated email from example.com is not accepted due to domain DMARC policy', 'dmarc'],
  ['550 5.7.25 The IP address sending this message does not have a PTR record', 'reverse_dns'],
  ['554 5.7.1 <a@example.com>: Relay access denied', 'relaying'],
  ['550 5.7.1 Delivery not authorized, message refused', 'policy'],
  ['550 5.7.2 Only members may write here', 'members_only'],
  ['530 5.7.0 Must issue a STARTTLS command first', 'encryption'],
  ['530 5.7.0 Authentication required', 'login'],
  ['553 5.6.7 Address requires SMTPUTF8', 'international'],
  ['421 Service not available', 'closing'],
  ['503 Bad sequence of commands', 'misunderstanding'],
  ['550 5.0.0 No', 'refused'],
  ['450 4.0.0 Later', 'patience'],
])('%s means %s', (line, meaning) => {
  expect(explain(line)).toBe(meaning);
});

test.each([
  ['552 5.3.4 Message size exceeds fixed limit', 'mail', 'too_large'],
  ['552 Message too big', 'dot', 'too_large'],
  ['554 5.7.1 Message rejected under suspicion of SPAM', 'dot', 'spam'],
  ['550 5.6.0 Lone CR or LF in body', 'dot', 'content'],
  ['535 5.7.8 Error: authentication failed', 'auth', 'login'],
  ['553 5.1.8 Sender address rejected: Domain not found', 'mail', 'sender'],
  ['554 5.0.0 Go away', 'greeting', 'relay'],
] as const)('%s to %s means %s', (line, stage, meaning) => {
  expect(explain(line, stage)).toBe(meaning);
});

test('without a reply, what tells is how far the dialogue came', () => {
  const silent = { replyCode: null, enhancedCode: null, reply: 'the connection was reset' };
  expect(explainRefusal({ ...silent, outcome: 'deferred', stage: 'connect' })).toBe('unreachable');
  expect(explainRefusal({ ...silent, outcome: 'deferred', stage: 'rcpt' })).toBe('broken_off');
  expect(explainRefusal({ ...silent, outcome: 'in_doubt', stage: 'dot' })).toBe('in_doubt');
});

const STAGES: SmtpStage[] = ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'dot'];

test('every refusal has a meaning with words in both languages, and never calls a bad relay a bad recipient', () => {
  const refusal = fc.record({
    stage: fc.constantFrom(...STAGES),
    code: fc.integer({ min: 400, max: 599 }),
    subject: fc.option(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 40 })), { nil: null }),
    text: fc.string(),
  });
  fc.assert(
    fc.property(refusal, ({ stage, code, subject, text }) => {
      const enhancedCode = subject && `${Math.floor(code / 100)}.${subject.join('.')}`;
      const meaning = explainRefusal({ outcome: 'deferred', stage, replyCode: code, enhancedCode, reply: text });
      for (const locale of ['ru', 'en'] as const) {
        for (const part of ['what', 'todo'] as const) {
          const key = `live.meaning.${meaning}.${part}` as const;
          expect(translate(locale)(key)).not.toBe(key);
        }
      }
      const { fault } = classify({ stage, reply: { code, enhancedCode, text } });
      expect(fault === 'relay' && OF_RECIPIENTS.includes(meaning)).toBe(false);
    }),
  );
});
