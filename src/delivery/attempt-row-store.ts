/* What the ways to a page of the journal have in common: its order, and the rows as a page shows them. */
import { sql, type RawBuilder, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { keyset, type ListQuery } from '../lib/list.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import { outcomesOf, type AttemptFilter, type AttemptScope, type JournalAttempt } from './attempt-journal.js';

export type JournalRow = JournalAttempt & { cursor_value: string };
export type Order = ReturnType<typeof orderOf>;

/** What is asked for, with what is known of it. */
export interface Search {
  scope: AttemptScope;
  filter: AttemptFilter;
  order: Order;
  /** The mailings of the scope that have such attempts; null: everybody's. */
  mailings: number[] | null;
}

export function orderOf(list: ListQuery) {
  const order = keyset(list, { expression: sql`attempts.started_at`, type: 'timestamptz' }, sql`attempts.id`);
  return { ...order, isAscending: list.descending === (order.cursor?.direction === 'before') };
}

/** The first rows of a query on `attempts` in the order asked for. */
export async function readRows(
  db: Database,
  { scope, order }: Search,
  attempts: RawBuilder<unknown>,
  limit: number,
): Promise<JournalRow[]> {
  const first = sql`select * from (${attempts}) attempts where ${order.where} order by ${order.orderBy} limit ${limit}::int`;
  return selectRows(db, scope.owners, first, order.orderBy);
}

/** All rows of a query on `attempts`. */
export async function selectRows(
  db: Database,
  owners: Owners,
  attempts: RawBuilder<unknown>,
  orderBy: RawBuilder<unknown>,
): Promise<JournalRow[]> {
  const { rows } = await sql<JournalRow>`
    select attempts.id, attempts.delivery_id as "deliveryId", attempts.mailing_id as "mailingId", m.owner_id as "ownerId",
      attempts.address, attempts.started_at as "startedAt", attempts.duration_ms as "durationMs", attempts.outcome, attempts.relay,
      attempts.stage, attempts.reply_code as "replyCode", attempts.enhanced_code as "enhancedCode", attempts.reply, attempts.tls,
      attempts.started_at::text as cursor_value
    from (${attempts}) attempts join mailings m on m.id = attempts.mailing_id
    where ${belongsTo(owners, 'm.owner_id')} order by ${orderBy}`.execute(db);
  return rows;
}

export function isOfMailings({ mailings }: Search): RawBuilder<SqlBool> {
  return mailings === null ? sql<SqlBool>`true` : sql<SqlBool>`attempts.mailing_id = any(${mailings}::bigint[])`;
}

/** On `mailings m`. */
export function inScope({ owners, mailingId }: AttemptScope): RawBuilder<SqlBool> {
  const isMailing = mailingId === null ? sql<SqlBool>`true` : sql<SqlBool>`m.id = ${mailingId}`;
  return sql<SqlBool>`${belongsTo(owners, 'm.owner_id')} and ${isMailing}`;
}

/** How many of the attempts asked for there are at most, by the columns of books or totals. */
export function sumOutcomes(filter: AttemptFilter, column: (outcome: string) => string): RawBuilder<number> {
  const columns = outcomesOf(filter).map((outcome) => sql.ref(column(outcome)));
  return sql<number>`(${sql.join([sql`0`, ...columns], sql` + `)})`;
}
