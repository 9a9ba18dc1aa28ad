import { sql, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { containsText, keyset, PAGE_SIZE, toPage, type ListQuery, type Page } from '../lib/list.js';
import type { ArrivingLetter } from './arriving-letter.js';
import type { InboxScope, LetterSummary, StoredLetter } from './inbox.js';
import { KEPT_LETTERS } from './inbox.js';

const COLUMNS = ['id', 'received_at as receivedAt', 'sender', 'recipients', 'subject', 'purpose'] as const;

export async function listLetters(db: Database, scope: InboxScope, list: ListQuery): Promise<Page<LetterSummary>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, { expression: sql`id`, type: 'bigint' }, sql`id`);
  const rows = await db
    .selectFrom('inbox_letters')
    .select([...COLUMNS, cursorValue.as('cursor_value')])
    .where(isInScope(scope))
    .where(matchesSearch(list.search))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

export async function countLetters(db: Database, scope: InboxScope, search = ''): Promise<number> {
  const row = await db
    .selectFrom('inbox_letters')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(isInScope(scope))
    .where(matchesSearch(search))
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function findLetter(db: Database, scope: InboxScope, id: number): Promise<StoredLetter | undefined> {
  return db
    .selectFrom('inbox_letters')
    .select([...COLUMNS, 'source'])
    .where(isInScope(scope))
    .where('id', '=', id)
    .executeTakeFirst();
}

/**
 * Stores the last thousand of the letters and deletes what is older, in one statement, among the ids above `trimmedTo`: walking
 * over all that was ever deleted and not yet vacuumed took 2 ms of each flush after 20,000 letters. Gives back up to which id
 * nothing is left, for the next time. Ids have gaps only where storing failed.
 *
 * With `synchronous_commit` off the letters are in the database when this returns, but a crash of PostgreSQL may take the
 * last half second of them along: no loss, since they were to go nowhere. Rows that another process deletes are left to it.
 */
export async function storeLetters(db: Database, letters: ArrivingLetter[], trimmedTo: number): Promise<number> {
  const kept = letters.slice(-KEPT_LETTERS);
  const rows = kept.map(
    ({ sender, recipients, subject, purpose, source, searchText }) =>
      sql`(${sender}::text, ${recipients}::text[], ${subject}::text, ${purpose}::text, ${source}::bytea, ${searchText}::text)`,
  );
  const { rows: horizons } = await sql<{ id: number }>`
    with
      horizon as materialized (
        select coalesce(max(id), 0) + ${kept.length - KEPT_LETTERS}::bigint as id from inbox_letters
      ),
      old as (
        select id from inbox_letters
        where id > ${trimmedTo} and id <= (select id from horizon)
        order by id for update skip locked
      ),
      gone as (delete from inbox_letters where id = any (array(select id from old))),
      stored as (
        insert into inbox_letters (sender, recipients, subject, purpose, source, search_text)
        select arrived.*
        from (select set_config('synchronous_commit', 'off', true)) as setting, (values ${sql.join(rows)}) as arrived
      )
    select id from horizon
  `.execute(db);
  return Math.max(horizons[0]?.id ?? 0, 0);
}

function matchesSearch(search: string) {
  return containsText(sql`search_text`, search);
}

function isInScope(scope: InboxScope) {
  if (scope.kind === 'all') return sql<SqlBool>`true`;
  return sql<SqlBool>`purpose = 'confirmation' and exists (
    select from unnest(recipients) as recipient where lower(recipient) = any(${scope.spellings}::text[])
  )`;
}
