import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { prepareContent, stuffDots } from './smtp-content.js';

function wireOf(data: string | Buffer): string | Buffer {
  return stuffDots(prepareContent(data).content);
}

test.each([
  ['', ''],
  ['a', 'a\r\n'],
  ['a\r\n', 'a\r\n'],
  ['.', '..\r\n'],
  ['.\r\n', '..\r\n'],
  ['a\r\n.\r\n.b\r\n..', 'a\r\n..\r\n..b\r\n...\r\n'],
  ['a.\r\nb.c\r\n', 'a.\r\nb.c\r\n'],
])('doubles the dots that begin lines of %j', (data, wire) => {
  expect(wireOf(data)).toBe(wire);
  expect(wireOf(Buffer.from(data)).toString()).toBe(wire);
});

test.each(['a\n.\nMAIL FROM:<x>', 'a\r.\rMAIL', 'a\n.\r\nMAIL', 'a\r\n.\nMAIL', 'a\r\r\n.\r\nb'])(
  'leaves no line end that could smuggle a letter: %j',
  (data) => {
    const wire = wireOf(data).toString();
    expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n|(^|\n)\.(?!\.)/);
  },
);

test('counts bytes before stuffing and after completing line ends', () => {
  expect(prepareContent('.я\n')).toEqual({ content: '.я\r\n', size: 5, hasEightBit: true });
  expect(prepareContent(Buffer.from('.я\n'))).toEqual({ content: Buffer.from('.я\r\n'), size: 5, hasEightBit: true });
  expect(prepareContent('a\r\n')).toMatchObject({ size: 3, hasEightBit: false });
});

test('does not copy a buffer that is right as it is', () => {
  const data = Buffer.from('Subject: x\r\n\r\ny\r\n');
  expect(wireOf(data)).toBe(data);
});

test('keeps every byte that is no line end', () => {
  const byte = fc.oneof(fc.constantFrom(10, 13, 46), fc.nat(255));
  const bytes = fc.array(byte, { maxLength: 200 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, (data) => {
      const wire = wireOf(data).toString('latin1');
      const unstuffed = `\r\n${wire}`.replaceAll('\r\n.', '\r\n').slice(2);
      const normal = data.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
      expect(unstuffed).toBe(normal === '' || normal.endsWith('\r\n') ? normal : `${normal}\r\n`);
      expect(`\r\n${wire}`).not.toContain('\r\n.\r\n');
    }),
  );
});
