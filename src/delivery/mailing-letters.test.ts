import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';

import { compileMessage, renderMessage, type Addressee, type CompiledMessage } from '../messages/render-message.js';
import { composeLetter } from './letter.js';
import { prepareLetters } from './mailing-letters.js';

const FROM = { name: 'Вестник', address: 'shop@example.com' };
const DATE = new Date('2026-08-22T10:00:00Z');

function compile(body: string, subject = 'Hello, {{ name }}'): CompiledMessage {
  const compiled = compileMessage({ subject, body });
  if (!compiled.ok) throw new Error('the message does not compile');
  return compiled.message;
}

/** The letter as it is sent, and the one that is rendered and composed as a whole. */
function writeBoth(message: CompiledMessage, { email, name, attributes }: Addressee): [string, string] {
  const delivery = { id: 7, address: email, name, attributes };
  const rendered = renderMessage(message, { email, name, attributes });
  return [
    prepareLetters(FROM, message)(delivery, DATE),
    composeLetter({ from: FROM, date: DATE, id: 'delivery-7' }, { to: { name, address: email }, ...rendered }),
  ];
}

const piece = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll(/[{}]/g, '')),
  fc.constantFrom('\n', '\n\n', '\r\n', ' ', '://', 'https://shop.example/', 'http', 's://x', '<b>', '.', ')', '\n.\n'),
  fc.constantFrom('{{ name }}', '{{ email }}', '{{ attributes.a }}', "{{ attributes.b | default: 'x y' }}"),
);
const value = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '',
    ' ',
    '\n',
    '\n\n',
    'https://evil.example',
    'http',
    ':',
    '//',
    '.',
    ')',
    '<i>',
    'a-b_c',
    '&',
    '\ud800',
  ),
);
const addressee = fc.record({
  email: fc.constantFrom('anna@example.com', "o'neil@example.com"),
  name: value,
  attributes: fc.record({ a: value, b: value }),
});

test('says the same as the letter that is rendered and composed as a whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), addressee, async (pieces, person) => {
      const [sent, whole] = writeBoth(compile(pieces.join('') || 'x'), person);
      const parser = () => new PostalMime();
      expect(await parser().parse(sent)).toEqual(await parser().parse(whole));
      expect(sent.slice(0, sent.indexOf('\r\n\r\n'))).toBe(whole.slice(0, whole.indexOf('\r\n\r\n')));
      expect(Math.max(...sent.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(78);
      expect(sent).not.toMatch(/\r\n\.|[^\r]\n|\r[^\n]|[^\u0000-\u007f]/);
    }),
    { numRuns: 400 },
  );
});

test.each([
  ['a value with a line end', 'Dear {{ name }}!\nBye', 'Anna\n\nMaria'],
  ['a value that is empty', 'Dear\n{{ name }}\nBye', ''],
  ['a value that makes a link', 'See {{ name }} now', 'https://example.com/'],
  ['a value at the end of a link', 'See https://example.com/{{ name }}', 'a).'],
  ['a value before what looks like a link', '{{ name }}://example.com', 'https'],
])('renders the letter as a whole for %s', (_what, body, name) => {
  const [sent, whole] = writeBoth(compile(body), { email: 'anna@example.com', name, attributes: {} });
  expect(sent).toBe(whole);
});

test('takes a message with tags and filters as well', () => {
  const message = compile('{% if name %}Dear {{ name | upcase }}{% endif %}!');
  const [sent, whole] = writeBoth(message, { email: 'anna@example.com', name: 'Anna', attributes: {} });
  expect(sent).toBe(whole);
});
