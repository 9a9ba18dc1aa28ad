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
