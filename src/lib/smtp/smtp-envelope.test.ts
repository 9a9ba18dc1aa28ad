import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { NO_CAPABILITIES, parseCapabilities, type SmtpCapabilities } from './smtp-capabilities.js';
import { composeEnvelope } from './smtp-envelope.js';

const ALL = parseCapabilities(
  'mx.example\nPIPELINING\nCHUNKING\nSIZE 100\n8BITMIME\nSMTPUTF8\nSTARTTLS\nAUTH PLAIN LOGIN',
);

function compose(from: string, to: string, data = 'x', capabilities: SmtpCapabilities = NO_CAPABILITIES) {
  return composeEnvelope({ from, to, data }, capabilities);
}

test('reads what a server offers', () => {
  expect(ALL).toEqual({
    pipelining: true,
    chunking: true,
    startTls: true,
    smtpUtf8: true,
    eightBitMime: true,
    size: { maxBytes: 100 },
    authMechanisms: new Set(['PLAIN', 'LOGIN']),
  });
  expect(parseCapabilities('pipelining.example')).toEqual(NO_CAPABILITIES);
  expect(parseCapabilities('x\nSIZE\nAUTH=LOGIN\n auth cram-md5')).toMatchObject({
    size: { maxBytes: null },
    authMechanisms: new Set(['LOGIN', 'CRAM-MD5']),
  });
  expect(parseCapabilities('x\nSIZE 0').size).toEqual({ maxBytes: null });
});

test('asks for nothing that the server does not offer', () => {
  expect(compose('a@x.example', 'b@y.example', 'ы')).toMatchObject({
    mailCommand: 'MAIL FROM:<a@x.example>\r\n',
    rcptCommand: 'RCPT TO:<b@y.example>\r\n',
  });
});

test('says SIZE, BODY and SMTPUTF8 where they are offered and needed', () => {
  expect(compose('a@x.example', 'b@y.example', 'ab', ALL)).toMatchObject({
    mailCommand: 'MAIL FROM:<a@x.example> SIZE=4\r\n',
  });
  expect(compose('', 'почта@пример.рф', 'ы', ALL)).toMatchObject({
    mailCommand: 'MAIL FROM:<> SIZE=4 BODY=8BITMIME SMTPUTF8\r\n',
    rcptCommand: 'RCPT TO:<почта@xn--e1afmkfd.xn--p1ai>\r\n',
  });
});

test('writes an international domain in ASCII to any server', () => {
  expect(compose('a@x.example', 'b@Пример.рф')).toMatchObject({ rcptCommand: 'RCPT TO:<b@xn--e1afmkfd.xn--p1ai>\r\n' });
  expect(compose('a@x.example', '"b@c"@[192.0.2.1]')).toMatchObject({ rcptCommand: 'RCPT TO:<"b@c"@[192.0.2.1]>\r\n' });
});

test.each([
  ['a@x.example', 'почта@y.example', 'rcpt', 553, '5.6.7'],
  ['почта@x.example', 'b@y.example', 'mail', 553, '5.6.7'],
  ['a@x.example', 'b', 'rcpt', 553, '5.1.3'],
  ['a@x.example', 'b@', 'rcpt', 553, '5.1.3'],
  ['a@x.example', '', 'rcpt', 553, '5.1.3'],
  ['a@x.example', 'b@я я.рф', 'rcpt', 553, '5.1.3'],
  ['a@x.example', `b@${'y'.repeat(400)}`, 'rcpt', 553, '5.1.3'],
  ['a@x.example', 'b\uD800@y.example', 'rcpt', 553, '5.1.3'],
  ['a', 'b@y.example', 'mail', 553, '5.1.7'],
])('refuses a letter from %j to %j by itself', (from, to, stage, code, enhancedCode) => {
  expect(compose(from, to)).toMatchObject({ ok: false, stage, reply: { code, enhancedCode } });
});

test('refuses a letter above the SIZE that is offered', () => {
  expect(compose('a@x.example', 'b@y.example', 'x'.repeat(98), ALL)).toMatchObject({ ok: true });
  expect(compose('a@x.example', 'b@y.example', 'x'.repeat(99), ALL)).toMatchObject({
    ok: false,
    reply: { code: 552, enhancedCode: '5.3.4' },
  });
});

test('lets no address write a command', () => {
  const evil = fc.string({
    unit: fc.constantFrom('a', '@', '\r', '\n', '\0', '<', '>', ' ', '.', 'я', '\u2028', '\x7f'),
  });
  fc.assert(
    fc.property(evil, evil, (from, to) => {
      const envelope = compose(`a${from}@x`, `b${to}@y`, 'x', ALL);
      if (!envelope.ok) return;
      expect(envelope.mailCommand).toMatch(/^MAIL FROM:<[^<>\r\n\0]+>[ A-Z0-9=]*\r\n$/);
      expect(envelope.rcptCommand).toMatch(/^RCPT TO:<[^<>\r\n\0]+>\r\n$/);
    }),
  );
});
