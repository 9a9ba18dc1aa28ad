/**
 * A walk along the time that stops when the page is full, or so many attempts have been examined. Whose mailings are searched is no column
 * of the primary key (started_at, id): others' attempts between are examined too, and so only those quarters of an hour are walked through
 * in which attempt_totals has what is asked for.
 */
import { sql, type RawBuilder, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { PAGE_SIZE } from '../lib/list.js';
import { isUnsuccessfulOnly, matches } from './attempt-conditions.js';
import { outcomesOf } from './attempt-journal.js';
import { isOfMailings, readRows, sumOutcomes, type JournalRow, type Search } from './attempt-row-store.js';

/** The last attempt that was examined, or the border of what was not. */
export interface Boundary {
  at: Date;
  /** As PostgreSQL writes it. */
  value: string;
  id: number;
}

interface Walked {
  rows: JournalRow[];
  brokenOffAt: Boundary | null;
}

/** From the first instant on, and before the last; null: without end. */
interface Stretch {
  from: Date | null;
  until: Date | null;
}

/** Each is a statement of its own. */
const MAX_STRETCHES = 20;

export async function walk(db: Database, search: Search, budget: number): Promise<Walked> {
  const stretches = await listStretches(db, search);
  const rows: JournalRow[] = [];
  let left = budget;
  for (const [index, stretch] of stretches.entries()) {
    if (index === MAX_STRETCHES) return { rows, brokenOffAt: borderOf(stretch, search) };
    const wanted = PAGE_SIZE + 1 - rows.length;
    const found = await readRows(db, search, examine(search, stretch, left), wanted);
    rows.push(...found);
    if (found.length === wanted) return { rows, brokenOffAt: null };
    const { count, last } = await measure(db, search, stretch, left);
    if (count >= left) return { rows, brokenOffAt: last };
    left -= count;
  }
  return { rows, brokenOffAt: null };
}

/** Attempts of a stretch in their order, `budget` of them; what matches among these. */
function examine(search: Search, stretch: Stretch, budget: number): RawBuilder<unknown> {
  return sql`
    select * from (${walkAlong(search, stretch, sql`*`, budget)}) attempts
    where ${isOfMailings(search)} and ${matches(search.filter)}`;
}

function walkAlong(search: Search, stretch: Stretch, columns: RawBuilder<unknown>, budget: number) {
  const { order } = search;
  return sql`
    select ${columns} from attempts where ${isWithin(search, stretch)} and ${isOnTheWay(search)} and ${order.where}
    order by ${order.orderBy} limit ${budget}::int`;
}

/** In the words of the partial indexes; there is one of a mailing's own, too. */
function isOnTheWay({ filter, mailings }: Search): RawBuilder<SqlBool> {
  if (!isUnsuccessfulOnly(filter)) return sql<SqlBool>`true`;
  const [mailing, ...others] = mailings ?? [];
  if (mailing === undefined || others.length > 0) return sql<SqlBool>`attempts.outcome <> 'accepted'`;
  return sql<SqlBool>`attempts.outcome <> 'accepted' and attempts.mailing_id = ${mailing}`;
}

function isWithin({ filter }: Search, stretch: Stretch): RawBuilder<SqlBool> {
  const bounds = [
    stretch.from ? sql`attempts.started_at >= ${stretch.from}` : sql`true`,
    stretch.until ? sql`attempts.started_at < ${stretch.until}` : sql`true`,
    filter.from ? sql`attempts.started_at >= ${filter.from}` : sql`true`,
    filter.until ? sql`attempts.started_at < ${filter.until}` : sql`true`,
  ];
  return sql<SqlBool>`(${sql.join(bounds, sql` and `)})`;
}

/** How many were examined, and the last of them: along the index alone, 30 ms for 200,000. */
async function measure(db: Database, search: Search, stretch: Stretch, budget: number) {
  const { isAscending } = search.order;
  const { rows } = await sql<{ count: number; at: Date | null; value: string | null; id: number | null }>`
    with examined as materialized (${walkAlong(search, stretch, sql`attempts.started_at, attempts.id`, budget)})
    select count(*) as count, last.started_at as at, last.started_at::text as value, last.id from examined
    left join (select * from examined attempts order by ${reverse(isAscending)} limit 1) last on true
    group by last.started_at, last.id`.execute(db);
  const row = rows[0];
  if (!row || row.at === null || row.value === null || row.id === null) return { count: 0, last: null };
  return { count: row.count, last: { at: row.at, value: row.value, id: row.id } };
}

function reverse(isAscending: boolean) {
  return isAscending ? sql`attempts.started_at desc, attempts.id desc` : sql`attempts.started_at asc, attempts.id asc`;
}

const QUARTER_MS = 900_000;
/** As many quarters are read of the totals: three weeks without a pause. */
const MAX_QUARTERS = 2000;

/** The stretches of time in which there is anything, in the order of the walk. */
async function listStretches(db: Database, search: Search): Promise<Stretch[]> {
  const { filter, order, mailings } = search;
  const outcomes = outcomesOf(filter);
  if (outcomes.length === 0) return [];
  // Among everybody's there are accepted ones, and unsuccessful ones, nearly always.
  if (mailings === null && (outcomes.length !== 1 || outcomes[0] === 'accepted')) return [{ from: null, until: null }];
  const inTotals = sumOutcomes(filter, (outcome) => `t.${outcome}`);
  const { rows } = await sql<{ at: Date }>`
    select t.at from attempt_totals t
    where ${mailings === null ? sql`true` : sql`t.mailing_id = any(${mailings}::bigint[])`} and ${inTotals} > 0 and ${isReached(search)}
    group by t.at order by t.at ${order.isAscending ? sql`asc` : sql`desc`} limit ${MAX_QUARTERS}`.execute(db);
  const stretches = join(rows.map(({ at }) => at.getTime()));
  const last = rows.at(-1)?.at;
  if (rows.length < MAX_QUARTERS || !last) return stretches;
  // What lies beyond is searched without a map.
  return [
    ...stretches,
    order.isAscending ? { from: new Date(last.getTime() + QUARTER_MS), until: null } : { from: null, until: last },
  ];
}

/** Quarters that touch what is asked for, and lie ahead of the cursor. */
function isReached({ filter, order: { cursor, isAscending } }: Search): RawBuilder<SqlBool> {
  const bounds = [
    filter.from ? sql`t.at > ${filter.from}::timestamptz - interval '15 minutes'` : sql`true`,
    filter.until ? sql`t.at < ${filter.until}` : sql`true`,
    cursor && isAscending ? sql`t.at > ${cursor.value}::timestamptz - interval '15 minutes'` : sql`true`,
    cursor && !isAscending ? sql`t.at <= ${cursor.value}::timestamptz` : sql`true`,
  ];
  return sql<SqlBool>`(${sql.join(bounds, sql` and `)})`;
}

/** Neighbouring quarters as one. */
function join(quarters: number[]): Stretch[] {
  const stretches: { first: number; last: number }[] = [];
  for (const at of quarters) {
    const current = stretches.at(-1);
    if (current && Math.abs(at - current.last) === QUARTER_MS) current.last = at;
    else stretches.push({ first: at, last: at });
  }
  return stretches.map(({ first, last }) => ({
    from: new Date(Math.min(first, last)),
    until: new Date(Math.max(first, last) + QUARTER_MS),
  }));
}

/** Before the stretch that was not come to: no attempt has an id below 1. */
function borderOf({ from, until }: Stretch, { order: { isAscending } }: Search): Boundary {
  const at = (isAscending ? from : until) ?? new Date(0);
  return { at, value: formatInstant(at), id: 1 };
}

/** As PostgreSQL writes an instant in UTC. */
function formatInstant(at: Date): string {
  return at.toISOString().replace('T', ' ').replace('Z', '+00');
}
