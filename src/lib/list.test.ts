import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Database } from './database.js';
import {
  keyset,
  PAGE_SIZE,
  parseListQuery,
  searchPattern,
  toPage,
  type ListQuery,
  type Page,
  type SortKey,
} from './list.js';

const SORTS = ['word', 'moment', 'number'] as const;
type Sort = (typeof SORTS)[number];

const SORT_KEYS: Record<Sort, SortKey> = {
  word: { expression: sql`lower(word)`, type: 'text' },
  moment: { expression: sql`moment`, type: 'timestamptz' },
  number: { expression: sql`number`, type: 'bigint' },
};

interface Row {
  id: number;
  cursor_value: string;
}

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  await sql`create table things (id bigint primary key, word text, moment timestamptz, number bigint)`.execute(db);
});
afterAll(() => database.close());

/** Many ties, instants that differ by a microsecond, and words whose order is the collation's. */
async function fillThings(count: number, seed: number): Promise<void> {
  await sql`truncate things`.execute(db);
  await sql`
    insert into things
    select n,
      (array['a', 'A', 'б', 'Ё', 'ё', 'я', '', ' ', 'z%', '''', '\', '🎉', 'a b'])[1 + (n * ${seed}::int) % 13],
      timestamptz '2026-03-29 00:59:59.999998+00' + ((n * ${seed}::int) % 7) * interval '1 microsecond',
      (n * ${seed}::int) % 5 - 2
    from generate_series(1, ${count}::int) n`.execute(db);
}

async function readPage(query: Record<string, string>): Promise<Page<Row>> {
  const list = parseListQuery(query, SORTS, 'word');
  const { where, orderBy, cursorValue, cursor } = keyset(list, SORT_KEYS[list.sort], sql`id`);
  const { rows } = await sql<Row>`
    select id, ${cursorValue} as cursor_value from things where ${where} order by ${orderBy} limit ${PAGE_SIZE + 1}`.execute(
    db,
  );
  return toPage(rows, cursor);
}

async function readSorted({ sort, descending }: Pick<ListQuery<Sort>, 'sort' | 'descending'>): Promise<number[]> {
  const direction = descending ? sql`desc` : sql`asc`;
  const { expression } = SORT_KEYS[sort];
  const { rows } = await sql<Row>`select id from things order by ${expression} ${direction}, id ${direction}`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** Every page from the first on, and then every page back from the last. */
async function walk(sort: string): Promise<{ forwards: number[][]; backwards: number[][] }> {
  const forwards: number[][] = [];
  const backwards: number[][] = [];
  let page = await readPage({ sort });
  expect(page.before).toBeNull();
  forwards.push(page.rows.map(({ id }) => id));
  while (page.after !== null) {
    page = await readPage({ sort, after: page.after });
    forwards.push(page.rows.map(({ id }) => id));
  }
  backwards.unshift(page.rows.map(({ id }) => id));
  while (page.before !== null) {
    page = await readPage({ sort, before: page.before });
    backwards.unshift(page.rows.map(({ id }) => id));
  }
  return { forwards, backwards };
}

test('pages show every row exactly once, forwards and backwards, in any sort and with any ties', async () => {
  const sort = fc.tuple(fc.constantFrom(...SORTS), fc.boolean());
  const count = fc.oneof(fc.constantFrom(0, 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE), fc.nat(4 * PAGE_SIZE));
  await fc.assert(
    fc.asyncProperty(sort, count, fc.constantFrom(1, 3, 17, 101), async ([sort, descending], count, seed) => {
      await fillThings(count, seed);
      const { forwards, backwards } = await walk(`${descending ? '-' : ''}${sort}`);
      expect(forwards.flat()).toEqual(await readSorted({ sort, descending }));
      expect(backwards).toEqual(forwards);
      for (const page of forwards.slice(0, -1)) expect(page).toHaveLength(PAGE_SIZE);
      expect(forwards.length).toBe(Math.max(1, Math.ceil(count / PAGE_SIZE)));
    }),
    { numRuns: 40 },
  );
});

test('a row that comes in before the page does not shift it', async () => {
  await fillThings(2 * PAGE_SIZE, 1);
  const first = await readPage({ sort: 'number' });
  const second = await readPage({ sort: 'number', after: first.after ?? '' });
  await sql`insert into things (id, word, moment, number) values (100000, '', now(), -9)`.execute(db);
  expect(await readPage({ sort: 'number', after: first.after ?? '' })).toEqual(second);
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each([
  'x',
  '%00',
  'null',
  '🎉',
  '"',
  encode(null),
  encode([]),
  encode(['a']),
  encode(['a', 0]),
  encode(['a', -1]),
  encode(['a', 1.5]),
  encode(['a', '1']),
  encode([1, 1]),
  encode(['a\0', 1]),
  encode(['a', 1, 1]),
  encode(['a'.repeat(1001), 1]),
  encode({ value: 'a', id: 1 }),
])('takes the cursor %j for none', (cursor) => {
  expect(parseListQuery({ after: cursor }, SORTS, 'word').cursor).toBeNull();
  expect(parseListQuery({ before: cursor }, SORTS, 'word').cursor).toBeNull();
});

test.each<[Sort, string]>([
  ['moment', 'yesterday'],
  ['moment', '2020'],
  ['moment', '1'],
  ['moment', ''],
  ['moment', '2026-02-30 00:00:00+00'],
  ['moment', '2026-13-01 00:00:00+00'],
  ['moment', '2026-01-01 24:01:00+00'],
  ['moment', '2026-01-01 00:00:00+99'],
  ['moment', '0000-01-01 00:00:00+00'],
  ['moment', '2026-01-01T00:00:00Z[Europe/Moscow]'],
  ['moment', 'Thu Jan 01 2026 00:00:00 GMT+0000 (x)'],
  ['moment', "'; drop table things; --"],
  ['number', 'one'],
  ['number', '1.5'],
  ['number', '9'.repeat(19)],
  ['number', ''],
])('sorted by %s, after “%s” comes the first page, and before it too', async (sort, value) => {
  await fillThings(PAGE_SIZE + 10, 3);
  const first = await readPage({ sort });
  expect(first).toMatchObject({ before: null, after: expect.any(String) });
  expect(await readPage({ sort, after: encode([value, 1]) })).toEqual(first);
  expect(await readPage({ sort, before: encode([value, 1]) })).toEqual(first);
});

test('no cursor in the address makes the database fail', async () => {
  await fillThings(5, 1);
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[+-]?\d{1,4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,7})?([+-]\d\d(:\d\d)?|Z)?$/),
    fc.stringMatching(/^-?\d{1,20}$/),
    fc.date({ noInvalidDate: true }).map(String),
    fc.constantFrom('infinity', '-infinity', 'now', 'epoch', 'NaN', '2026-06-30 23:59:60+00'),
  );
  const query = fc.record({
    sort: fc.constantFrom(...SORTS),
    after: fc.tuple(value, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })).map(encode),
  });
  await fc.assert(
    fc.asyncProperty(query, async (query) => {
      expect((await readPage(query)).rows.length).toBeLessThanOrEqual(5);
    }),
    { numRuns: 400 },
  );
});

test('reads the address, and takes what it does not understand for not given', () => {
  expect(parseListQuery({}, SORTS, '-moment')).toEqual({ search: '', sort: 'moment', descending: true, cursor: null });
  expect(parseListQuery({ sort: 'number', q: ' a\0\n b ' }, SORTS, 'word')).toEqual({
    search: 'a   b',
    sort: 'number',
    descending: false,
    cursor: null,
  });
  for (const sort of ['', '-', '--word', 'password', 'Word', 'word ']) {
    expect(parseListQuery({ sort }, SORTS, '-moment')).toMatchObject({ sort: 'moment', descending: true });
  }
  expect(parseListQuery({ q: 'x'.repeat(1000) }, SORTS, 'word').search).toHaveLength(200);
});

test('seeks up to two characters where words begin, and more anywhere', () => {
  expect(searchPattern('А')).toBe('% а%');
  expect(searchPattern('АН')).toBe('% ан%');
  expect(searchPattern('АНН')).toBe('%анн%');
  expect(searchPattern('@m')).toBe('%@m%');
  expect(searchPattern(String.raw`5%_\ `)).toBe(String.raw`%5\%\_\\ %`);
});

test('cuts a long search without leaving half of a letter', () => {
  const { search } = parseListQuery({ q: `${'a'.repeat(199)}🎉` }, SORTS, 'word');
  expect(search).toBe('a'.repeat(199));
});
