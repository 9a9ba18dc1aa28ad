import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';

import { composeLetter, parseMailbox, type LetterContent, type LetterHead } from './letter.js';

const head: LetterHead = {
  from: { name: 'Вестник', address: 'vestnik@example.com' },
  id: 'delivery-7',
  date: new Date('2026-03-01T12:20:00Z'),
};
const content: LetterContent = {
  to: { name: 'Анна Смирнова', address: 'anna@example.com' },
  subject: 'Скидки 🎉',
  text: 'Здравствуйте!\nДо встречи\n',
  html: '<p>Здравствуйте!</p>\n',
};

const HEADERS = ['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'content-type'];
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** What can stand on a line that a form has let through: well-formed, without control characters, trimmed. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom(
      '=?',
      '?=',
      'utf-8',
      '?B?',
      '?Q?',
      '_',
      '=20',
      '"',
      '\\',
      '<',
      '>',
      ',',
      ';',
      ':',
      '(',
      ')',
      '@',
      ' ',
      'я',
      '🎉',
      'a',
    ),
  }),
);
const line = anyText.filter((text) => !CONTROL.test(text) && text === text.trim());
const lines = anyText.map((text) => text.replaceAll('\r', '\n'));
const contents = fc.record({
  to: fc.record({ name: line, address: fc.constantFrom('anna@example.com', "o'brien+a=b@sub.example.com") }),
  subject: line,
  text: lines,
  html: lines,
});

async function parse(letter: string) {
  const parsed = await PostalMime.parse(letter);
  return { ...parsed, names: parsed.headers.map(({ key }) => key) };
}

/** As mail has them; the parser ends a part's last line on its own. */
const toMailText = (text: string | undefined) => (text ?? '').replaceAll('\r\n', '\n').replace(/\n+$/, '');

function expectWellFormed(letter: string): void {
  expect(letter.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  for (const line of letter.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
  const head = letter.slice(0, letter.indexOf('\r\n\r\n'));
  // RFC 5322, section 2.1.1: 78 is what it should be.
  for (const line of head.split('\r\n')) expect([line, line.length <= 78]).toEqual([line, true]);
  for (const line of head.split('\r\n')) expect([line, line.trim() !== '']).toEqual([line, true]);
  expect(letter).toMatch(/^[\t\r\n -~]*$/);
}

test('composes a letter that reads as it was written', async () => {
  const letter = composeLetter(head, content);
  const parsed = await parse(letter);
  expect(parsed.from).toMatchObject({ name: 'Вестник', address: 'vestnik@example.com' });
  expect(parsed.to).toMatchObject([{ name: 'Анна Смирнова', address: 'anna@example.com' }]);
  expect(parsed.subject).toBe('Скидки 🎉');
  expect(parsed.date).toBe('2026-03-01T12:20:00.000Z');
  expect(parsed.messageId).toBe('<delivery-7@example.com>');
  expect(toMailText(parsed.text)).toBe('Здравствуйте!\nДо встречи');
  expect(toMailText(parsed.html)).toBe('<p>Здравствуйте!</p>');
  expect(parsed.names).toEqual(HEADERS);
  expectWellFormed(letter);
});

test('any name, subject and text come back as they were, in lines that mail allows', async () => {
  await fc.assert(
    fc.asyncProperty(contents, line, async (content, name) => {
      const letter = composeLetter({ ...head, from: { ...head.from, name } }, content);
      expectWellFormed(letter);
      const parsed = await parse(letter);
      expect(parsed.names).toEqual(HEADERS);
      expect(parsed.subject ?? '').toBe(content.subject);
      expect(parsed.from).toMatchObject({ name, address: head.from.address });
      expect(parsed.to).toMatchObject([content.to]);
      expect(toMailText(parsed.text)).toBe(toMailText(content.text));
      expect(toMailText(parsed.html)).toBe(toMailText(content.html));
    }),
    { numRuns: 1000 },
  );
});

test('no header can be put in, by whatever stands in name, subject, text or HTML', async () => {
  const attack = fc.string({
    unit: fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      '\0',
      '\u000b',
      '\u0085',
      '\u2028',
      'Bcc: x@example.com',
      'a',
      'я',
      ' ',
      '\t',
      '--',
      '=_delivery-7',
      '.',
    ),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(attack, attack, attack, attack, async (fromName, name, subject, body) => {
      const letter = composeLetter(
        { ...head, from: { ...head.from, name: fromName } },
        { to: { name, address: 'anna@example.com' }, subject, text: body, html: body },
      );
      expectWellFormed(letter);
      const parsed = await parse(letter);
      expect(parsed.names).toEqual(HEADERS);
      expect(parsed.bcc).toBeUndefined();
      expect(parsed.to).toMatchObject([{ address: 'anna@example.com' }]);
      expect(parsed.attachments).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('a subject of any length stays in lines that mail allows', async () => {
  for (const subject of [
    'x'.repeat(5000),
    'я'.repeat(5000),
    '🎉'.repeat(2000),
    'word '.repeat(1000).trim(),
    '👩‍👩‍👧'.repeat(300),
  ]) {
    const letter = composeLetter(head, { ...content, subject });
    expectWellFormed(letter);
    expect((await parse(letter)).subject).toBe(subject);
  }
});

test('an address with a domain in letters of its own is written as mail servers know it', async () => {
  const to = { name: 'Иван', address: 'ivan@пример.рф' };
  const letter = composeLetter({ ...head, from: { name: '', address: 'vestnik@пример.рф' } }, { ...content, to });
  expectWellFormed(letter);
  expect(letter).toContain('<ivan@xn--e1afmkfd.xn--p1ai>');
  expect((await parse(letter)).messageId).toBe('<delivery-7@xn--e1afmkfd.xn--p1ai>');
});

test('every try of one delivery carries the same Message-ID, and every delivery its own', () => {
  const idOf = (letter: string) => /^Message-ID: (.*)$/m.exec(letter)?.[1]?.trim();
  const later = composeLetter({ ...head, date: new Date('2026-03-02T00:00:00Z') }, { ...content, subject: 'Other' });
  expect(idOf(later)).toBe('<delivery-7@example.com>');
  expect(idOf(composeLetter({ ...head, id: 'delivery-8' }, content))).toBe('<delivery-8@example.com>');
});

test('no line of the content begins with a dot', () => {
  const letter = composeLetter(head, { ...content, text: '.\n..\n.\r\n.', html: '.' });
  expect(letter).not.toMatch(/^\./m);
});

test('a letter may be empty', async () => {
  const letter = composeLetter(head, {
    to: { name: '', address: 'anna@example.com' },
    subject: '',
    text: '',
    html: '',
  });
  expectWellFormed(letter);
  expect(await parse(letter)).toMatchObject({ names: HEADERS, to: [{ name: '', address: 'anna@example.com' }] });
});

test.each([
  ['Vestnik <vestnik@localhost>', { name: 'Vestnik', address: 'vestnik@localhost' }],
  ['"Vestnik, Inc." <a@example.com>', { name: 'Vestnik, Inc.', address: 'a@example.com' }],
  ['<a@example.com>', { name: '', address: 'a@example.com' }],
  [' a@example.com ', { name: '', address: 'a@example.com' }],
  ['Вестник 🎉 <a@example.com>', { name: 'Вестник 🎉', address: 'a@example.com' }],
])('reads the sender %s', (text, mailbox) => {
  expect(parseMailbox(text)).toEqual(mailbox);
});
