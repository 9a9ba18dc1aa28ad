import { expect, test } from 'vitest';

import { toCsvLine } from './csv.js';

test('quotes what would end a cell', () => {
  expect(toCsvLine(['a', 'b,c', 'say "so"', 'two\r\nlines', 7, null])).toBe(
    'a,"b,c","say ""so""","two\r\nlines",7,\r\n',
  );
});

test.each(['=1+1', '+7 900', '-2', '@SUM(A1)', '\t=1', ' =1'])('keeps a spreadsheet from running %j', (text) => {
  expect(toCsvLine([text])).toBe(`'${text}\r\n`);
});

test('leaves numbers as they are', () => {
  expect(toCsvLine([-5])).toBe('-5\r\n');
});
