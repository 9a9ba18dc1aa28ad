import { expect, test } from 'vitest';

import { openXlsx } from '../../test/support/xlsx-reader.js';
import { writeXlsx, type XlsxCell } from './xlsx.js';

const SHEET = {
  name: 'Попытки & <co>',
  headings: ['Time', 'Text', 'Number'],
  timeZone: 'Europe/Moscow',
  tooMany: 'There are more.',
};

async function write(batches: XlsxCell[][][], maxRows?: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeXlsx(SHEET, toAsync(batches), maxRows)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* toAsync<T>(items: T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

test('another reader finds every cell as it was: texts, numbers, dates of the time zone, and nothing', async () => {
  const rows: XlsxCell[][] = [
    [new Date('2026-03-01T21:30:15.250Z'), '=HYPERLINK("http://example.com")', 250],
    [null, ' a < b & "c" > d\nsecond line ', -1.5],
    [new Date('1970-01-01T00:00:00Z'), 'Ящик 😀 _x0041_ a\u0000b \ud800', 0],
  ];
  const { names, sheetName, cells } = openXlsx(await write([rows.slice(0, 1), [], rows.slice(1)]));
  expect(names.toSorted()).toEqual([
    '[Content_Types].xml',
    '_rels/.rels',
    'xl/_rels/workbook.xml.rels',
    'xl/styles.xml',
    'xl/workbook.xml',
    'xl/worksheets/sheet1.xml',
  ]);
  expect(sheetName).toBe(SHEET.name);
  expect(cells).toEqual([
    SHEET.headings,
    ['2026-03-02 00:30:15', '=HYPERLINK("http://example.com")', 250],
    [null, ' a < b & "c" > d\nsecond line ', -1.5],
    ['1970-01-01 03:00:00', 'Ящик 😀 _x0041_ a\u{fffd}b \u{fffd}', 0],
  ]);
});

test('what does not fit is left out, and the last row says so', async () => {
  const rows = Array.from({ length: 10 }, (_, n): XlsxCell[] => [null, `row ${n}`, n]);
  const texts = async (count: number, maxRows: number) =>
    openXlsx(await write([rows.slice(0, 4), rows.slice(4, count)], maxRows)).cells.map(
      (cells) => cells.at(1) ?? cells[0],
    );
  expect(await texts(10, 7)).toEqual(['Text', 'row 0', 'row 1', 'row 2', 'row 3', 'row 4', 'There are more.']);
  expect(await texts(5, 7)).toEqual(['Text', 'row 0', 'row 1', 'row 2', 'row 3', 'row 4']);
});

test('a cell holds as much as a spreadsheet reads', async () => {
  const [, row] = openXlsx(await write([[['x'.repeat(40_000)]]])).cells;
  expect(row?.[0]).toHaveLength(32_767);
});

test('it is written as it goes: no chunk is larger than a batch of rows', async () => {
  async function* many(): AsyncGenerator<XlsxCell[][]> {
    for (let batch = 0; batch < 30; batch += 1) {
      const rows = Array.from({ length: 2000 }, (_, n): XlsxCell[] => [
        new Date(batch),
        `text ${batch} ${n} ${Math.sin(n)}`,
        n,
      ]);
      yield await Promise.resolve(rows);
    }
  }
  let largest = 0;
  let total = 0;
  for await (const chunk of writeXlsx(SHEET, many())) {
    largest = Math.max(largest, chunk.length);
    total += chunk.length;
  }
  expect(total).toBeGreaterThan(600_000);
  expect(largest).toBeLessThan(200_000);
});
