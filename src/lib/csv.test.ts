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

test.each([
  ['no user;=HYPERLINK("http://x","y");', `"no user;'=HYPERLINK(""http://x"",""y"");"`],
  ['no user; \t@SUM(A1)', `no user; \t'@SUM(A1)`],
  ['no user\n=1+1', `"no user\n'=1+1"`],
  ['a=b; c-d', 'a=b; c-d'],
])('nor where it takes semicolons for the ends of cells: %j', (text, cell) => {
  expect(toCsvLine([text])).toBe(`${cell}\r\n`);
});

test('leaves numbers as they are', () => {
  expect(toCsvLine([-5])).toBe('-5\r\n');
});
