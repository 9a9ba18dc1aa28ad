import { sql, type RawBuilder, type SqlBool } from 'kysely';

/** Whose things a query reads: those of one owner, or everybody's (for managers). What a query writes always has one owner. */
export type Owners = number | 'everybody';

/** The condition that stands in every query which reads what belongs to somebody. */
export function belongsTo(owners: Owners, column = 'owner_id'): RawBuilder<SqlBool> {
  return owners === 'everybody' ? sql<SqlBool>`true` : sql<SqlBool>`${sql.ref(column)} = ${owners}`;
}
