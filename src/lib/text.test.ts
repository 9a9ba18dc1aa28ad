import fc from 'fast-check';
import { expect, test } from 'vitest';

import { emailAddress, isEmailAddress, multiLine, singleLine } from './text.js';

const faultsOf = (result: { success: boolean; error?: { issues: { message: string }[] } }) =>
  result.error?.issues.map(({ message }) => message) ?? [];

test.each([
  'anna@example.com',
  'Anna.Smirnova+news@sub.Example.COM',
  "o'brien_%!#$&*/=?^`{|}~-@example.com",
  'a@b.co',
  'vestnik@localhost',
  'анна@пример.рф',
  'anna@пример.рф',
  'jürgen@bücher.example',
  'a@xn--e1afmkfd.xn--p1ai',
  `${'a'.repeat(64)}@example.com`,
  `a@${'b'.repeat(63)}.com`,
])('takes %s for an address', (text) => {
  expect(isEmailAddress(text)).toBe(true);
  expect(emailAddress().safeParse(`  ${text}\t`)).toMatchObject({ success: true, data: text });
});

test.each([
  'anna',
  '@example.com',
  'anna@',
  'anna@@example.com',
  'anna@example',
  'anna@example.',
  'anna@.example.com',
  'anna@exa..mple.com',
  '.anna@example.com',
  'anna.@example.com',
  'an..na@example.com',
  'an na@example.com',
  'anna@exam ple.com',
  'anna@-example.com',
  'anna@example-.com',
  'anna@exam_ple.com',
  'anna@example.c',
  '"anna"@example.com',
  'anna <anna@example.com>',
  '<anna@example.com>',
  'anna@example.com, ivan@example.com',
  'anna@example.com;ivan@example.com',
  'anna@[127.0.0.1]',
  'anna@example.com/path',
  'mailto:anna@example.com',
  'an(comment)na@example.com',
  String.raw`an\na@example.com`,
  'anna@example.com\u0000',
  'anna\u0000@example.com',
  'anna@example.com\r\nBcc: ivan@example.com',
  'anna\n@example.com',
  'anna\u0085@example.com',
  'anna\u00a0@example.com',
  'anna\u2028@example.com',
  `${'a'.repeat(65)}@example.com`,
  `${'я'.repeat(33)}@example.com`,
  `a@${'b'.repeat(64)}.com`,
])('takes %j for no address', (text) => {
  expect(isEmailAddress(text)).toBe(false);
});

test('tells what is wrong with an address', () => {
  expect(faultsOf(emailAddress().safeParse(undefined))).toEqual(['required']);
  expect(faultsOf(emailAddress().safeParse(' '))).toEqual(['required']);
  expect(faultsOf(emailAddress().safeParse('anna'))).toEqual(['email']);
  expect(faultsOf(emailAddress().safeParse('anna\0@example.com'))[0]).toBe('controlCharacter');
  expect(faultsOf(emailAddress().safeParse(`${'a'.repeat(60)}@${'b.'.repeat(100)}com`))).toEqual(['tooLong']);
});

test('no address that is taken can end a header or a command', () => {
  const dangerous = fc.constantFrom(
    ...'\r \n \0 \t < > " ( ) , : ; \\ [ ] @ \u007f \u0085 \u2028 \u2029'.split(' '),
    ' ',
    '\u00a0',
  );
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('a', '.'), fc.string({ unit: 'binary', maxLength: 1 })) });
  fc.assert(
    fc.property(text, dangerous, text, (before, character, after) => {
      expect(isEmailAddress(`${before}${character}${after}@example.com`)).toBe(false);
      expect(isEmailAddress(`anna@${before}${character}${after}example.com`)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('one line is trimmed and holds no control character', () => {
  const line = singleLine(10);
  expect(line.parse('  a b ')).toBe('a b');
  expect(line.parse('\u200fשלום 🎉')).toBe('\u200fשלום 🎉');
  expect(line.parse('\n a \r\n')).toBe('a');
  for (const character of ['\0', '\t', '\n', '\r', '\u001b', '\u007f', '\u0085', '\u009f', '\u2028', '\u2029']) {
    expect([character, ...faultsOf(line.safeParse(`a${character}b`))]).toEqual([character, 'controlCharacter']);
  }
  expect(faultsOf(line.safeParse('x'.repeat(11)))).toEqual(['tooLong']);
  expect(line.parse(`  ${'x'.repeat(10)}  `)).toHaveLength(10);
  expect(faultsOf(line.safeParse(undefined))).toEqual(['required']);
});

test('several lines end by LF alone, and keep tabs and what stands at their beginning', () => {
  const text = multiLine(20);
  expect(text.parse('a\r\nb\rc\n\n\td \r\n ')).toBe('a\nb\nc\n\n\td');
  expect(text.parse('\n  a')).toBe('\n  a');
  for (const character of ['\0', '\u0008', '\u000b', '\u000c', '\u001b', '\u007f', '\u0085']) {
    expect([character, ...faultsOf(text.safeParse(`a${character}b`))]).toEqual([character, 'controlCharacter']);
  }
  expect(faultsOf(text.safeParse('x'.repeat(21)))).toEqual(['tooLong']);
  expect(text.parse(`${'x'.repeat(20)}\r\n`)).toHaveLength(20);
  // A browser counts a line's end as one character and sends two.
  expect(text.parse('\r\n'.repeat(19).concat('x'))).toHaveLength(20);
});
