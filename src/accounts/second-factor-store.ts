import type { Database, Transaction } from '../lib/database.js';

/** Whether signing in asks for a code. */
export async function hasSecondFactor(db: Database, userId: number): Promise<boolean> {
  const row = await db.selectFrom('users').select('two_factor_enabled').where('id', '=', userId).executeTakeFirst();
  return row?.two_factor_enabled ?? false;
}

/** Until when no code is taken, after too many wrong ones. */
export async function findLockedUntil(db: Database, userId: number): Promise<Date | null> {
  const row = await db
    .selectFrom('two_factors')
    .select('locked_until')
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row?.locked_until ?? null;
}

/** False where there was none. */
export async function deleteSecondFactor(trx: Transaction, userId: number): Promise<boolean> {
  const user = await trx
    .updateTable('users')
    .set({ two_factor_enabled: false })
    .where('id', '=', userId)
    .where('two_factor_enabled', '=', true)
    .returning('id')
    .executeTakeFirst();
  await trx.deleteFrom('two_factors').where('user_id', '=', userId).execute();
  return user !== undefined;
}
