import { sql, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { containsText, countUpTo, keyset, PAGE_SIZE, toPage, type ListQuery, type Page } from '../lib/list.js';
import type { AuditAction, AuditDetails, AuditFilter, AuditSort, SubjectType, WrittenEntry } from './audit.js';

const COLUMNS = [
  'id',
  'at',
  sql<AuditAction>`action`.as('action'),
  'actor',
  sql<SubjectType | null>`subject_type`.as('subjectType'),
  'subject_id as subjectId',
  'subject',
  'reason',
  sql<AuditDetails>`details`.as('details'),
  'address',
  'user_agent as userAgent',
] as const;

const EXPORT_BATCH = 2000;

export async function listAuditEntries(
  db: Database,
  list: ListQuery<AuditSort>,
  filter: AuditFilter,
): Promise<Page<WrittenEntry>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, { expression: sql`at`, type: 'timestamptz' }, sql`id`);
  const rows = await db
    .selectFrom('audit_entries')
    .select([...COLUMNS, cursorValue.as('cursor_value')])
    .where(matches(filter))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

export async function countAuditEntries(db: Database, filter: AuditFilter, limit: number): Promise<number> {
  return countUpTo(db, db.selectFrom('audit_entries').where(matches(filter)), limit);
}

/** All that match, oldest first, in batches, whatever their number. */
export async function* readAuditEntries(db: Database, filter: AuditFilter): AsyncGenerator<WrittenEntry[]> {
  let last = 0;
  for (;;) {
    const rows = await db
      .selectFrom('audit_entries')
      .select(COLUMNS)
      .where(matches(filter))
      .where('id', '>', last)
      .orderBy('id')
      .limit(EXPORT_BATCH)
      .execute();
    if (rows.length > 0) yield rows;
    if (rows.length < EXPORT_BATCH) return;
    last = rows.at(-1)?.id ?? last;
  }
}

function matches({ search, action, from, until }: AuditFilter) {
  const conditions = [
    containsText(sql`search_text`, search),
    action ? sql<SqlBool>`action = ${action}` : undefined,
    from ? sql<SqlBool>`at >= ${from}` : undefined,
    until ? sql<SqlBool>`at < ${until}` : undefined,
  ].filter((condition) => condition !== undefined);
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}
