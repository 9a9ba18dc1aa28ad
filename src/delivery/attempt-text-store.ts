/* Refusals by what was said: attempts_refused_idx finds a part of the reply, or a code, among all of them. */
import { sql } from 'kysely';

import { isStatementTimeout, type Database } from '../lib/database.js';
import { PAGE_SIZE } from '../lib/list.js';
import { isUnsuccessfulOnly, matches } from './attempt-conditions.js';
import type { AttemptFilter } from './attempt-journal.js';
import { isOfMailings, readRows, type JournalRow, type Search } from './attempt-row-store.js';

/** Whether the index has what is asked for; a text of less than three letters is in it nowhere. */
export function isForText(filter: AttemptFilter): boolean {
  return isUnsuccessfulOnly(filter) && (filter.reply.length >= 3 || filter.code?.kind === 'reply');
}

/** What is frequent takes the index long, and is not sought there: a walk along the time has found it by then. */
const PATIENCE = sql`set local statement_timeout = '1s'`;

/** The rows of a page; undefined where they could not be found in time. */
export async function findRefusals(db: Database, search: Search): Promise<JournalRow[] | undefined> {
  const attempts = sql`
    select * from attempts where attempts.outcome <> 'accepted' and ${isOfMailings(search)} and ${matches(search.filter)} offset 0`;
  try {
    return await db.transaction().execute(async (trx) => {
      await PATIENCE.execute(trx);
      return readRows(trx, search, attempts, PAGE_SIZE + 1);
    });
  } catch (error) {
    if (isStatementTimeout(error)) return undefined;
    throw error;
  }
}
