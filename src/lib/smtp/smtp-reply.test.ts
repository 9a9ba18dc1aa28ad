import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { SmtpReplyParser } from './smtp-reply.js';

function parse(text: string | Buffer) {
  return new SmtpReplyParser().push(Buffer.from(text));
}

test('reads one line, with and without a text', () => {
  expect(parse('250 ok\r\n220\r\n354 \r\n').replies).toEqual([
    { code: 250, enhancedCode: null, text: 'ok' },
    { code: 220, enhancedCode: null, text: '' },
    { code: 354, enhancedCode: null, text: '' },
  ]);
});

test('joins the lines of one reply and finds its enhanced code', () => {
  expect(parse('550-5.7.1 we do not\r\n550-\r\n550 5.7.1 like you\r\n').replies).toEqual([
    { code: 550, enhancedCode: '5.7.1', text: '5.7.1 we do not\n\n5.7.1 like you' },
  ]);
});

test.each([
  ['450 5.1.1 class of another reply', null],
  ['250 2.1.5', '2.1.5'],
  ['250 2.1.5.7 is an address', null],
  ['250 2.1234.5 too many digits', null],
  ['550 mailbox 5.1.1 unknown', null],
  ['421 4.7.28 slow down', '4.7.28'],
])('finds the enhanced code in "%s"', (line, code) => {
  expect(parse(`${line}\r\n`).replies[0]?.enhancedCode).toBe(code);
});

test('takes lines that end with LF alone', () => {
  expect(parse('250-a\n250 b\n')).toEqual({ replies: [{ code: 250, enhancedCode: null, text: 'a\nb' }], fault: null });
});

test('reads UTF-8, and makes harmless what is neither that nor printable', () => {
  const bytes = Buffer.concat([Buffer.from('250 Привет\u0000\u001b['), Buffer.from([0xff]), Buffer.from('\r\n')]);
  expect(parse(bytes).replies[0]?.text).toBe('Привет\uFFFD\uFFFD[\uFFFD');
});

test.each([
  ['a web server', 'HTTP/1.1 400 Bad Request\r\n', 'not_a_reply'],
  ['a code that is none', '199 hm\r\n', 'not_a_reply'],
  ['a code above 5xx', '600 hm\r\n', 'not_a_reply'],
  ['no separator', '250ok\r\n', 'not_a_reply'],
  ['an empty line', '\r\n', 'not_a_reply'],
  ['two codes in one reply', '250-a\r\n251 b\r\n', 'mixed_codes'],
  ['a line without end', `250 ${'x'.repeat(70_000)}`, 'line_too_long'],
  ['a long line', `250 ${'x'.repeat(70_000)}\r\n`, 'line_too_long'],
  ['lines without end', '250-x\r\n'.repeat(600), 'reply_too_long'],
  ['many long lines', `250-${'x'.repeat(60_000)}\r\n`.repeat(5), 'reply_too_long'],
])('refuses %s', (_title, text, code) => {
  const { replies, fault } = parse(text);
  expect(replies).toEqual([]);
  expect(fault?.code).toBe(code);
});

test('gives the replies before a fault, and none after it', () => {
  const parser = new SmtpReplyParser();
  expect(parser.push(Buffer.from('250 ok\r\nwhat\r\n250 ok\r\n'))).toMatchObject({
    replies: [{ code: 250 }],
    fault: { code: 'not_a_reply' },
  });
  expect(parser.push(Buffer.from('250 ok\r\n'))).toMatchObject({ replies: [], fault: { code: 'not_a_reply' } });
});

test('tolerates a line of 60 KB', () => {
  expect(parse(`250 ${'x'.repeat(60_000)}\r\n`).replies[0]?.text).toHaveLength(60_000);
});

test('knows whether it is between replies', () => {
  const parser = new SmtpReplyParser();
  const states = ['250', '-a\r\n', '250 b\r\n'].map((part) => {
    parser.push(Buffer.from(part));
    return parser.isBetweenReplies;
  });
  expect(states).toEqual([false, false, true]);
});

test('reads the same however the bytes are cut', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', '-', 'я', '.', '2', '€') });
  const reply = fc.record({
    code: fc.integer({ min: 200, max: 599 }),
    lines: fc.array(line, { minLength: 1, maxLength: 4 }),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(reply), cuts, (replies, sizes) => {
      const bytes = Buffer.from(replies.map(({ code, lines }) => write(code, lines)).join(''));
      const parser = new SmtpReplyParser();
      const seen = cut(bytes, sizes).flatMap((part) => parser.push(part).replies);
      expect(seen.map(({ code, text }) => ({ code, text }))).toEqual(
        replies.map(({ code, lines }) => ({ code, text: lines.join('\n') })),
      );
    }),
  );
});

test('survives any bytes, and believes none after a fault', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
      const parser = new SmtpReplyParser();
      const faults = chunks.map((chunk) => parser.push(Buffer.from(chunk)).fault);
      expect(parser.push(Buffer.from('\n\n')).fault).not.toBeNull();
      expect(new Set(faults.filter(Boolean)).size).toBeLessThanOrEqual(1);
    }),
  );
});

function write(code: number, lines: readonly string[]): string {
  return lines.map((line, index) => `${code}${index === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join('');
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    parts.push(bytes.subarray(start, start + size));
    start += size;
  }
  return parts;
}
