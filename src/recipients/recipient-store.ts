import { sql, type RawBuilder, type SqlBool } from 'kysely';

import { isUniqueViolation, retryDeadlock, type Database } from '../lib/database.js';
import {
  containsText,
  countUpTo,
  keyset,
  PAGE_SIZE,
  toPage,
  type ListQuery,
  type Page,
  type SortKey,
} from '../lib/list.js';
import type { OwnerCounts } from '../lib/owner-counts.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import type { Recipient, RecipientSort, RecipientValues } from './recipient.js';

const SORT_KEYS: Record<RecipientSort, SortKey> = {
  email: { expression: sql`lower(email)`, type: 'text' },
  name: { expression: sql`lower(name)`, type: 'text' },
  created: { expression: sql`created_at`, type: 'timestamptz' },
  // Ids are given in the order in which recipients are added, and go along the primary key, whoever's they are.
  added: { expression: sql`id`, type: 'bigint' },
};

const COLUMNS = [
  'id',
  'owner_id as ownerId',
  'email',
  'name',
  'comment',
  'attributes',
  'version',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;

export type SaveResult = { ok: true; id: number } | { ok: false; fault: 'emailTaken' | 'changed' | 'gone' };

export async function listRecipients(
  db: Database,
  owners: Owners,
  list: ListQuery<RecipientSort>,
): Promise<Page<Recipient>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, SORT_KEYS[list.sort], sql`id`);
  const rows = await db
    .selectFrom('recipients')
    .select([...COLUMNS, cursorValue.as('cursor_value')])
    .where(belongsTo(owners))
    .where(matchesSearch(list.search))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

/** All recipients, from the kept totals: counting a million rows takes too long for a page. */
export async function countRecipients(db: Database, owners: Owners): Promise<number> {
  const { total } = await db
    .selectFrom('recipient_totals')
    .select(sql<number>`coalesce(sum(total), 0)::bigint`.as('total'))
    .where(belongsTo(owners))
    .executeTakeFirstOrThrow();
  return total;
}

/** Who keeps the most. */
export async function listLargestKeepers(db: Database, limit: number): Promise<number[]> {
  const rows = await db
    .selectFrom('recipient_totals')
    .select('owner_id as ownerId')
    .where('total', '>', 0)
    .orderBy('total', 'desc')
    .orderBy('owner_id')
    .limit(limit)
    .execute();
  return rows.map(({ ownerId }) => ownerId);
}

/** Of many owners at once, from the kept totals. */
export async function countRecipientsByOwner(db: Database, ownerIds: number[]): Promise<OwnerCounts> {
  const rows = await db
    .selectFrom('recipient_totals')
    .select(['owner_id as ownerId', 'total'])
    .where('owner_id', '=', sql<number>`any(${ownerIds}::integer[])`)
    .execute();
  return new Map(rows.map(({ ownerId, total }) => [ownerId, total]));
}

/** How many match, counted up to `limit + 1`. */
export async function countFoundRecipients(
  db: Database,
  owners: Owners,
  search: string,
  limit: number,
): Promise<number> {
  const matching = db.selectFrom('recipients').where(belongsTo(owners)).where(matchesSearch(search));
  return countUpTo(db, matching, limit);
}

export async function findRecipient(db: Database, owners: Owners, id: number): Promise<Recipient | undefined> {
  return db.selectFrom('recipients').select(COLUMNS).where(belongsTo(owners)).where('id', '=', id).executeTakeFirst();
}

export async function findRecipients(db: Database, ownerId: number, ids: number[]): Promise<Recipient[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom('recipients')
    .select(COLUMNS)
    .where('owner_id', '=', ownerId)
    .where(isAmong(ids))
    .orderBy('email')
    .execute();
}

export async function addRecipient(db: Database, ownerId: number, values: RecipientValues): Promise<SaveResult> {
  const row = await db
    .insertInto('recipients')
    .values({ owner_id: ownerId, ...toColumns(values) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return row ? { ok: true, id: row.id } : { ok: false, fault: 'emailTaken' };
}

/** Saves only over the version that the form was opened with: a later one is told, not lost. */
export async function changeRecipient(
  db: Database,
  ownerId: number,
  id: number,
  version: number,
  values: RecipientValues,
): Promise<SaveResult> {
  try {
    const row = await db
      .updateTable('recipients')
      .set({ ...toColumns(values), version: version + 1, updated_at: sql`now()` })
      .where('owner_id', '=', ownerId)
      .where('id', '=', id)
      .where('version', '=', version)
      .returning('id')
      .executeTakeFirst();
    if (row) return { ok: true, id: row.id };
  } catch (error) {
    if (isUniqueViolation(error)) return { ok: false, fault: 'emailTaken' };
    throw error;
  }
  return { ok: false, fault: (await findRecipient(db, ownerId, id)) ? 'changed' : 'gone' };
}

/** Deletes those of the ids that are the owner's, and tells how many. Their deliveries and attempts stay. */
export async function deleteRecipients(db: Database, ownerId: number, ids: number[]): Promise<number> {
  if (ids.length === 0) return 0;
  return deleteWhere(db, ownerId, isAmong(ids));
}

/** Deletes what a search finds: the whole list, not just its page. */
export async function deleteFoundRecipients(db: Database, ownerId: number, search: string): Promise<number> {
  return deleteWhere(db, ownerId, matchesSearch(search));
}

/**
 * Its deliveries lose the recipient in the order of the deletion, while a worker records others in its own: that can deadlock. In a
 * transaction it is for the caller to repeat that.
 */
async function deleteWhere(db: Database, ownerId: number, condition: RawBuilder<SqlBool>): Promise<number> {
  const deletion = db.deleteFrom('recipients').where('owner_id', '=', ownerId).where(condition);
  const execute = () => deletion.executeTakeFirst();
  const result = db.isTransaction ? await execute() : await retryDeadlock(execute);
  return Number(result.numDeletedRows);
}

/** The condition that finds what the list page finds; for statements over the table recipients. */
export function matchesSearch(search: string) {
  return containsText(sql`recipients.search_text`, search);
}

/** One parameter for all of them: a statement takes no more than 65,535. */
function isAmong(ids: number[]) {
  return sql<SqlBool>`recipients.id = any(${ids}::bigint[])`;
}

function toColumns({ attributes, ...values }: RecipientValues) {
  return { ...values, attributes: JSON.stringify(attributes) };
}
