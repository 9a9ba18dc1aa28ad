import { sql, type RawBuilder, type SelectQueryBuilder, type SqlBool } from 'kysely';
import { z } from 'zod';

import type { Database } from './database.js';
import type { Schema } from './schema.js';

/* Lists that stay quick at a million rows: a page begins after the last row of the one before (a keyset), never at an offset. */

export const PAGE_SIZE = 50;

export interface Cursor {
  direction: 'after' | 'before';
  /** The sorted expression's value of the row at the edge, as PostgreSQL writes it; a Date would lose the microseconds. */
  value: string;
  id: number;
}

export interface ListQuery<Sort extends string = string> {
  search: string;
  sort: Sort;
  descending: boolean;
  cursor: Cursor | null;
}

export interface Page<Row> {
  rows: Row[];
  /** For the address of the neighbouring pages; null where there is none. */
  before: string | null;
  after: string | null;
}

export interface SortKey {
  expression: RawBuilder<unknown>;
  type: 'text' | 'timestamptz' | 'bigint';
}

/** Reads q, sort (with a leading "-" for descending), after and before; what is not understood counts as not given. */
export function parseListQuery<Sort extends string>(
  parameters: Record<string, string>,
  sorts: readonly Sort[],
  fallback: Sort | `-${Sort}`,
): ListQuery<Sort> {
  const { sort, descending } = parseSort(parameters['sort'] ?? fallback, sorts) ?? parseSort(fallback, sorts) ?? {};
  if (sort === undefined) throw new Error(`unknown sort ${fallback}`);
  return {
    search: cleanSearch(parameters['q'], 200),
    sort,
    descending: descending ?? false,
    cursor: parseCursor('after', parameters['after']) ?? parseCursor('before', parameters['before']),
  };
}

/**
 * Whether a lower-cased text, with one space before every word of it, holds what is sought, which matches all when empty. One or two
 * letters are sought at the beginning of words, where a trigram index helps. A sign
 * begins a word of its own in the index ("@m"), so it is sought anywhere. Signs alone are in no index: among 100,000 rows "@"
 * takes 2 ms for a page, as the first rows hold it, and one that no row holds takes 50 ms, which the word forms would double.
 */
export function containsText(text: RawBuilder<unknown>, search: string): RawBuilder<SqlBool> {
  if (search === '') return sql<SqlBool>`true`;
  return sql<SqlBool>`${text} like ${searchPattern(search)}`;
}

export function searchPattern(search: string): string {
  const text = toLower(search).replaceAll(/[\\%_]/g, String.raw`\$&`);
  const isBeginning = search.length < 3 && /^[\p{L}\p{N}]/u.test(search);
  return isBeginning ? `% ${text}%` : `%${text}%`;
}

/** Letter by letter, as PostgreSQL's lower() does: JavaScript's looks at neighbours (the Greek sigma at a word's end). */
export function toLower(text: string): string {
  return Array.from(text, (letter) => letter.toLowerCase()).join('');
}

/** The condition and the order that make one page; ask for `PAGE_SIZE + 1` rows, and give them and the cursor to `toPage`. */
export function keyset(list: ListQuery, key: SortKey, id: RawBuilder<unknown>) {
  const cursor = list.cursor && isOfType(list.cursor.value, key.type) ? list.cursor : null;
  const backwards = cursor?.direction === 'before';
  const ascending = list.descending === backwards;
  const direction = ascending ? sql`asc` : sql`desc`;
  const comparison = ascending ? sql`>` : sql`<`;
  const where = cursor
    ? sql<SqlBool>`(${key.expression}, ${id}) ${comparison} (${cursor.value}::${sql.raw(key.type)}, ${cursor.id}::bigint)`
    : sql<SqlBool>`true`;
  return {
    where,
    orderBy: sql`${key.expression} ${direction}, ${id} ${direction}`,
    cursorValue: sql<string>`(${key.expression})::text`,
    /** Null for one that is none of the sorted type. */
    cursor,
  };
}

export function toPage<Row extends { id: number; cursor_value: string }>(
  rows: Row[],
  cursor: Cursor | null,
): Page<Row> {
  const more = rows.length > PAGE_SIZE;
  const kept = rows.slice(0, PAGE_SIZE);
  const backwards = cursor?.direction === 'before';
  if (backwards) kept.reverse();
  const [first, last] = [kept.at(0), kept.at(-1)];
  const hasBefore = backwards ? more : cursor !== null;
  const hasAfter = backwards || more;
  return {
    rows: kept,
    before: hasBefore && first ? encodeCursor(first) : null,
    after: hasAfter && last ? encodeCursor(last) : null,
  };
}

/** A cursor comes from the address bar, where anything can stand, and PostgreSQL fails on a value that is none of the type. */
function isOfType(value: string, type: SortKey['type']): boolean {
  if (type === 'timestamptz') return INSTANT.test(value) && isInstant(value);
  return type === 'text' || /^-?\d{1,18}$/.test(value);
}

/** As PostgreSQL writes it; it knows no year 0 and no offset of 16 hours. */
const INSTANT = /^(?!0000)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?[+-](?:0\d|1[0-5])(?::\d\d)?$/;

function isInstant(text: string): boolean {
  try {
    return Temporal.Instant.from(text).epochMilliseconds > 0;
  } catch {
    return false;
  }
}

/** How many rows a query finds, counted up to `limit + 1`: past that, the exact number is not worth its time. */
export async function countUpTo<Table extends keyof Schema>(
  db: Database,
  query: SelectQueryBuilder<Schema, Table, object>,
  limit: number,
): Promise<number> {
  const some = query.select(sql`1`.as('one')).limit(limit + 1);
  const row = await db
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count;
}

/** For the address of a page that begins after, or ends before, such a row. */
export function encodeCursor(row: { id: number; cursor_value: string }): string {
  return Buffer.from(JSON.stringify([row.cursor_value, row.id])).toString('base64url');
}

const cursorShape = z.tuple([z.string().max(1000), z.int().positive()]);

function parseCursor(direction: Cursor['direction'], text: string | undefined): Cursor | null {
  if (!text) return null;
  try {
    const [value, id] = cursorShape.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return value.includes('\0') ? null : { direction, value, id };
  } catch {
    return null;
  }
}

function parseSort<Sort extends string>(text: string, sorts: readonly Sort[]) {
  const descending = text.startsWith('-');
  const sort = sorts.find((name) => name === (descending ? text.slice(1) : text));
  return sort === undefined ? undefined : { sort, descending };
}

/** Without control characters, and no longer than so many. */
export function cleanSearch(text: string | undefined, max: number): string {
  const search = (text ?? '')
    .replaceAll(/[\u0000-\u001f\u007f]/g, ' ')
    .trim()
    .slice(0, max);
  // Half of a letter outside the BMP that the cut left, which no address can hold.
  return search.replace(/[\ud800-\udbff]$/, '');
}
