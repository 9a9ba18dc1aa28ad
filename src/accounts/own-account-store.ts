import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Role } from '../lib/schema-accounts.js';
import { endSessions } from './session-store.js';

/* What users do with their own account as a whole: take it with them, delete it. */

export interface OwnProfile {
  id: number;
  email: string;
  name: string;
  role: Role;
  locale: 'ru' | 'en' | null;
  timeZone: string;
  theme: 'auto' | 'light' | 'dark';
  secondFactor: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export async function readProfile(db: Database, userId: number): Promise<OwnProfile> {
  return db
    .selectFrom('users')
    .select([
      'id',
      'email',
      'name',
      'role',
      'locale',
      'time_zone as timeZone',
      'theme',
      'two_factor_enabled as secondFactor',
      'created_at as createdAt',
      'updated_at as updatedAt',
    ])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
}

/**
 * From here on nobody can come in: no session, no password, no link. The address is free for another registration, and so is taken
 * off the row; what else led to it goes at once, because it may soon be somebody else's.
 */
export async function markLeaving(trx: Transaction, userId: number, email: string): Promise<void> {
  await trx
    .updateTable('users')
    .set({
      deletion_requested_at: sql`now()`,
      email: toUnusableAddress(userId),
      name: '',
      role: 'user',
      two_factor_enabled: false,
      updated_at: sql`now()`,
    })
    .where('id', '=', userId)
    .execute();
  await endSessions(trx, userId);
  await trx.deleteFrom('credentials').where('user_id', '=', userId).execute();
  await trx.deleteFrom('two_factors').where('user_id', '=', userId).execute();
  await trx.deleteFrom('verifications').where('value', '=', String(userId)).execute();
  await trx.deleteFrom('invitations').where('email', '=', email).execute();
  await trx
    .deleteFrom('one_time_links')
    .where((eb) => eb.or([eb('user_id', '=', userId), eb.and([eb('user_id', 'is', null), eb('email', '=', email)])]))
    .execute();
}

/** RFC 6761, section 6.4: nobody ever has an address under "invalid". */
function toUnusableAddress(userId: number): string {
  return `deleted-${userId}@deleted.invalid`;
}

/** False when another process was first. Only for a user whose deletion was asked for. */
export async function deleteLeavingUser(trx: Transaction, userId: number): Promise<boolean> {
  const result = await trx
    .deleteFrom('users')
    .where('id', '=', userId)
    .where('deletion_requested_at', 'is not', null)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export async function isLeaving(db: Database, userId: number): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('deletion_requested_at', 'is not', null)
    .executeTakeFirst();
  return row !== undefined;
}
