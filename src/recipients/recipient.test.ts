import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseForm } from '../lib/form.js';
import { formatAttributes, parseAttributes, recipientForm, toRecipientValues } from './recipient.js';

const valid = { email: 'anna@example.com', name: '', comment: '', attributes: '' };

const attributeName = fc.stringMatching(/^[\p{L}_][\p{L}\p{N}_]{0,49}$/u);
const attributeValue = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .map((text) => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '').trim());

test('reads one attribute from each line, and passes over empty lines', () => {
  expect(parseAttributes('city = Kazan\n\n  имя=Анна = Аня \n_x =\n')).toEqual({
    city: 'Kazan',
    имя: 'Анна = Аня',
    _x: '',
  });
  expect(parseAttributes('')).toEqual({});
});

test('takes the last of two attributes with one name', () => {
  expect(parseAttributes('city = Kazan\ncity = Omsk')).toEqual({ city: 'Omsk' });
});

test.each([
  ['no equals sign', 'city Kazan'],
  ['no name', '= Kazan'],
  ['a name with a space', 'home city = Kazan'],
  ['a name that begins with a digit', '1st = Kazan'],
  ['a name with a dot', 'a.b = Kazan'],
  ['a name of 51 letters', `${'a'.repeat(51)} = Kazan`],
  ['a value of 501 characters', `city = ${'x'.repeat(501)}`],
  ['one bad line among good ones', 'city = Kazan\nnonsense\nage = 30'],
])('refuses %s', (_title, text) => {
  expect(parseAttributes(text)).toBeUndefined();
});

test('takes 50 attributes and refuses 51', () => {
  const lines = Array.from({ length: 51 }, (_, n) => `name${n} = ${n}`);
  expect(Object.keys(parseAttributes(lines.slice(0, 50).join('\n')) ?? {})).toHaveLength(50);
  expect(parseAttributes(lines.join('\n'))).toBeUndefined();
});

test('keeps names that objects have of their own', () => {
  const attributes = parseAttributes('__proto__ = a\nconstructor = b');
  expect(Object.entries(attributes ?? {})).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

test('reads back whatever attributes it wrote', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(attributeName, attributeValue), { maxLength: 50 }), (pairs) => {
      const attributes = Object.fromEntries(pairs);
      expect(parseAttributes(formatAttributes(attributes))).toEqual(attributes);
    }),
  );
});

test('cleans the values of a form', () => {
  const typed = {
    email: ' Anna@Example.com ',
    name: ' Анна ',
    comment: 'one\r\ntwo\r\n',
    attributes: 'city = Kazan\r\nage = 30',
  };
  const parsed = parseForm(recipientForm, typed);
  expect(parsed.ok && toRecipientValues(parsed.values)).toEqual({
    email: 'Anna@Example.com',
    name: 'Анна',
    comment: 'one\ntwo',
    attributes: { city: 'Kazan', age: '30' },
  });
});

test('tells the fault of each field', () => {
  const typed = { email: 'anna', name: 'a\u0000b', comment: 'c'.repeat(5001), attributes: 'nonsense' };
  expect(parseForm(recipientForm, typed)).toEqual({
    ok: false,
    faults: {
      email: { key: 'email' },
      name: { key: 'controlCharacter' },
      comment: { key: 'tooLong', max: 5000 },
      attributes: { key: 'attributes' },
    },
  });
  expect(parseForm(recipientForm, {})).toMatchObject({ ok: false, faults: { email: { key: 'required' } } });
});

test('answers in a moment whatever is sent in place of attributes', () => {
  const begun = performance.now();
  for (const attributes of [
    `a =${' '.repeat(2_000_000)}${'x'.repeat(501)}`,
    'a'.repeat(2_000_000),
    'a = b\n'.repeat(300_000),
  ]) {
    expect(parseForm(recipientForm, { ...valid, attributes }).ok).toBe(false);
  }
  expect(performance.now() - begun).toBeLessThan(2000);
});
