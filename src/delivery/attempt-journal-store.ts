/**
 * The journal of attempts, by time. There is no index for every question, so a page is found in one of these ways, the first that fits:
 * by the deliveries of an address; by all attempts of a scope that has few; by a walk along the time which examines so many attempts at
 * most, in those quarters of an hour in which the totals have any (attempt-walk-store.ts); and refusals by their text, where the walk did
 * not come to its end (attempt-text-store.ts). A walk that was broken off says how far it got, and the next page goes on from there.
 */
import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { encodeCursor, PAGE_SIZE, toPage, type ListQuery, type Page } from '../lib/list.js';
import { isUnsuccessfulOnly, matches } from './attempt-conditions.js';
import {
  asksForOutcomeAlone,
  NO_FILTER,
  type AttemptFilter,
  type AttemptScope,
  type JournalPage,
} from './attempt-journal.js';
import {
  inScope,
  orderOf,
  readRows,
  sumOutcomes,
  type JournalRow,
  type Order,
  type Search,
} from './attempt-row-store.js';
import { findRefusals, isForText } from './attempt-text-store.js';
import { walk, type Boundary } from './attempt-walk-store.js';

/**
 * A scope with `few` attempts is looked at whole, which takes 60 ms. With 4.7 million attempts in 12 months,
 * warm: a walk that examines 100,000 takes 100 to 220 ms, one that fills its page before 5 to 60 ms. Where the index of texts can go on, `text` is enough to find what is frequent.
 */
const BUDGET = { few: 50_000, walk: 100_000, text: 25_000 };

export async function listAttempts(
  db: Database,
  scope: AttemptScope,
  filter: AttemptFilter,
  list: ListQuery,
  budget = BUDGET,
): Promise<JournalPage> {
  const order = orderOf(list);
  const deliveries = await findDeliveries(db, scope, filter);
  if (deliveries) return whole(await readByDeliveries(db, { scope, filter, order, mailings: null }, deliveries), order);
  const isEverything = scope.owners === 'everybody' && scope.mailingId === null;
  const tried = isEverything ? null : await listTried(db, scope, filter);
  const search = { scope, filter, order, mailings: tried?.ids ?? null };
  if (tried && tried.toExamine <= budget.few) return whole(await readByMailings(db, search, tried.ids), order);
  const walked = await walk(db, search, isForText(filter) ? budget.text : budget.walk);
  const found = walked.brokenOffAt && isForText(filter) ? await findRefusals(db, search) : undefined;
  if (found) return whole(found, order);
  const page = breakOff(toPage(walked.rows, order.cursor), walked.brokenOffAt, order);
  return { page, brokenOffAt: walked.brokenOffAt?.at ?? null };
}

/** From the books, which count every attempt, also those that are not kept any more; null where only a search could tell. */
export async function countAttempts(db: Database, scope: AttemptScope, filter: AttemptFilter): Promise<number | null> {
  if (!asksForOutcomeAlone(filter)) return null;
  const { rows } = await sql<{ count: number }>`
    select coalesce(sum(${sumOutcomes(filter, inBooks)}), 0)::bigint as count
    from mailing_counters c join mailings m on m.id = c.mailing_id where ${inScope(scope)}`.execute(db);
  return rows[0]?.count ?? 0;
}

/** Of so many deliveries at most all attempts are read: of 1,000 in 25 ms. An address is at most once in a mailing. */
const DELIVERIES = 1000;

/** The deliveries of an address or its beginning, along their unique key; undefined where that is not asked for, or they are too many. */
export async function findDeliveries(
  db: Database,
  scope: AttemptScope,
  { address }: AttemptFilter,
): Promise<number[] | undefined> {
  if (address?.kind !== 'beginning') return undefined;
  const { rows } = await sql<{ id: number }>`
    select d.id from mailings m, lateral (
      select id from deliveries d
      where d.mailing_id = m.id and lower(d.address) >= ${address.text} and lower(d.address) < ${`${address.text}\u{10ffff}`}
      limit ${DELIVERIES + 1}
    ) d where ${inScope(scope)} and m.status <> 'created' limit ${DELIVERIES + 1}`.execute(db);
  return rows.length > DELIVERIES ? undefined : rows.map(({ id }) => id);
}

function readByDeliveries(db: Database, search: Search, ids: number[]): Promise<JournalRow[]> {
  // The offset keeps the planner from walking along the time in hope of a few of them.
  const attempts = sql`
    select * from attempts where delivery_id = any(${ids}::bigint[]) and ${matches(search.filter)} offset 0`;
  return readRows(db, search, attempts, PAGE_SIZE + 1);
}

/** The mailings with such attempts, and how many would have to be looked at: all of theirs, or all that were not accepted. */
export async function listTried(db: Database, scope: AttemptScope, filter: AttemptFilter) {
  const readable = { ...NO_FILTER, outcome: isUnsuccessfulOnly(filter) ? ('unsuccessful' as const) : null };
  const { rows } = await sql<{ id: number; toExamine: number }>`
    select m.id, ${sumOutcomes(readable, inBooks)}::bigint as "toExamine"
    from mailing_counters c join mailings m on m.id = c.mailing_id
    where ${inScope(scope)} and ${sumOutcomes(filter, inBooks)} > 0 order by m.id`.execute(db);
  return { ids: rows.map(({ id }) => id), toExamine: rows.reduce((sum, { toExamine }) => sum + toExamine, 0) };
}

function readByMailings(db: Database, search: Search, ids: number[]): Promise<JournalRow[]> {
  const attempts = sql`
    select * from attempts where mailing_id = any(${ids}::bigint[]) and ${matches(search.filter)} offset 0`;
  return readRows(db, search, attempts, PAGE_SIZE + 1);
}

const inBooks = (outcome: string) => `c.attempts_${outcome}`;

function whole(rows: JournalRow[], { cursor }: Order): JournalPage {
  return { page: toPage(rows, cursor), brokenOffAt: null };
}

/** The page after a search that was broken off begins where that stood. */
function breakOff<Row>(page: Page<Row>, boundary: Boundary | null, { cursor }: Order): Page<Row> {
  if (!boundary) return page;
  const next = encodeCursor({ id: boundary.id, cursor_value: boundary.value });
  return cursor?.direction === 'before' ? { ...page, before: next } : { ...page, after: next };
}
