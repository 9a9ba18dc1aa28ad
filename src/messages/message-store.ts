import { sql, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
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
import { countByOwner, type OwnerCounts } from '../lib/owner-counts.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import type { Message, MessageSort, MessageSummary, MessageValues } from './message.js';

const SORT_KEYS: Record<MessageSort, SortKey> = {
  // Ids are given in the order in which messages are written, and go along the primary key, whoever's they are.
  written: { expression: sql`id`, type: 'bigint' },
  subject: { expression: sql`lower(subject)`, type: 'text' },
  updated: { expression: sql`updated_at`, type: 'timestamptz' },
};

const COLUMNS = [
  'id',
  'owner_id as ownerId',
  'subject',
  'body',
  'version',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;
const SUMMARY = [
  'id',
  'owner_id as ownerId',
  'subject',
  sql<string>`left(body, 200)`.as('excerpt'),
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;

export type SaveMessageResult = { ok: true; id: number } | { ok: false; fault: 'changed' | 'gone' };

export async function listMessages(
  db: Database,
  owners: Owners,
  list: ListQuery<MessageSort>,
): Promise<Page<MessageSummary>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, SORT_KEYS[list.sort], sql`id`);
  const rows = await db
    .selectFrom('messages')
    .select([...SUMMARY, cursorValue.as('cursor_value')])
    .where(belongsTo(owners))
    .where(matchesSearch(list.search))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

/** How many match, counted up to `limit + 1`; an empty search matches all. */
export async function countMessages(db: Database, owners: Owners, search: string, limit: number): Promise<number> {
  const matching = db.selectFrom('messages').where(belongsTo(owners)).where(matchesSearch(search));
  return countUpTo(db, matching, limit);
}

export async function countMessagesByOwner(db: Database, ownerIds: number[]): Promise<OwnerCounts> {
  return countByOwner(db, 'messages', ownerIds);
}

/** The newest ones, for a select in a form. */
export async function listMessageOptions(
  db: Database,
  ownerId: number,
  limit = 200,
): Promise<Pick<Message, 'id' | 'subject'>[]> {
  return db
    .selectFrom('messages')
    .select(['id', 'subject'])
    .where('owner_id', '=', ownerId)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

export async function findMessage(db: Database, owners: Owners, id: number): Promise<Message | undefined> {
  return db.selectFrom('messages').select(COLUMNS).where(belongsTo(owners)).where('id', '=', id).executeTakeFirst();
}

export async function findMessageSummaries(db: Database, ownerId: number, ids: number[]): Promise<MessageSummary[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom('messages')
    .select(SUMMARY)
    .where('owner_id', '=', ownerId)
    .where(isAmong(ids))
    .orderBy('subject')
    .execute();
}

export async function addMessage(db: Database, ownerId: number, values: MessageValues): Promise<number> {
  const row = await db
    .insertInto('messages')
    .values({ owner_id: ownerId, ...values })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** Saves only over the version that the form was opened with: a later one is told, not lost. */
export async function changeMessage(
  db: Database,
  ownerId: number,
  id: number,
  version: number,
  values: MessageValues,
): Promise<SaveMessageResult> {
  const row = await db
    .updateTable('messages')
    .set({ ...values, version: version + 1, updated_at: sql`now()` })
    .where('owner_id', '=', ownerId)
    .where('id', '=', id)
    .where('version', '=', version)
    .returning('id')
    .executeTakeFirst();
  if (row) return { ok: true, id: row.id };
  return { ok: false, fault: (await findMessage(db, ownerId, id)) ? 'changed' : 'gone' };
}

/**
 * Deletes those of the ids that are the owner's, and tells how many; all or none. Mailings that have started keep their own copy. One
 * that has not cannot lose its message: the constraint mailings_created_has_message refuses that, and this throws.
 */
export async function deleteMessages(db: Database, ownerId: number, ids: number[]): Promise<number> {
  if (ids.length === 0) return 0;
  const result = await db.deleteFrom('messages').where('owner_id', '=', ownerId).where(isAmong(ids)).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function matchesSearch(search: string) {
  return containsText(sql`messages.search_text`, search);
}

/** One parameter for all of them: a statement takes no more than 65,535. */
function isAmong(ids: number[]) {
  return sql<SqlBool>`messages.id = any(${ids}::bigint[])`;
}
