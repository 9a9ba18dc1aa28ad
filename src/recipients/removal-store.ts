import type { Database } from '../lib/database.js';
import { matchesSearch } from './recipient-store.js';

/** Whom a search finds among the recipients of an owner after one id, up to another: of the whole list, not just its page. */
export interface Stretch {
  search: string;
  after: number;
  through: number;
}

/** The last recipient of an owner that there is now; 0 where there is none. */
export async function findLastId(db: Database, ownerId: number): Promise<number> {
  const row = await db
    .selectFrom('recipients')
    .select((eb) => eb.fn.max<number | null>('id').as('id'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirst();
  return row?.id ?? 0;
}

/** The first of them. */
export async function listFoundIds(
  db: Database,
  ownerId: number,
  { search, after, through }: Stretch,
  limit: number,
): Promise<number[]> {
  const rows = await db
    .selectFrom('recipients')
    .select('id')
    .where('owner_id', '=', ownerId)
    .where(matchesSearch(search))
    .where('id', '>', after)
    .where('id', '<=', through)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}
