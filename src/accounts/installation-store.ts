import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Registration } from '../lib/schema-accounts.js';

/** Who may register: everybody, who was invited, or nobody. */
export async function readRegistration(db: Database | Transaction): Promise<Registration> {
  const row = await db.selectFrom('installation_settings').select('registration').executeTakeFirstOrThrow();
  return row.registration;
}

/** What it was before, for the audit log. */
export async function changeRegistration(trx: Transaction, registration: Registration): Promise<Registration> {
  const { before } = await trx
    .selectFrom('installation_settings')
    .select('registration as before')
    .forUpdate()
    .executeTakeFirstOrThrow();
  await trx
    .updateTable('installation_settings')
    .set({ registration, updated_at: sql`now()` })
    .execute();
  return before;
}

/** How many whole months attempts are kept beside the one that runs (null: for ever), and from when on there are any. */
export interface Retention {
  months: number | null;
  /** Older ones were removed; null: none was. */
  keptFrom: Date | null;
}

export async function readRetention(db: Database | Transaction): Promise<Retention> {
  return db
    .selectFrom('installation_settings')
    .select(['attempts_months as months', 'attempts_kept_from as keptFrom'])
    .executeTakeFirstOrThrow();
}

/** What it was before, for the audit log. */
export async function changeRetention(trx: Transaction, months: number | null): Promise<number | null> {
  const { before } = await trx
    .selectFrom('installation_settings')
    .select('attempts_months as before')
    .forUpdate()
    .executeTakeFirstOrThrow();
  await trx
    .updateTable('installation_settings')
    .set({ attempts_months: months, updated_at: sql`now()` })
    .execute();
  return before;
}

/**
 * Whether the setting, read again under the lock of its row, still says so; then what is older may go, and everybody who reads learns it
 * with the same commit.
 */
export async function markKeptFrom(trx: Transaction, months: number, keptFrom: Date): Promise<boolean> {
  const marked = await trx
    .updateTable('installation_settings')
    .set({ attempts_kept_from: sql<Date>`greatest(attempts_kept_from, ${keptFrom}::timestamptz)` })
    .where('attempts_months', '=', months)
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}
