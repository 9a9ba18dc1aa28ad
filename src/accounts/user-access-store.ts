import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';

/* Who may come in, and as what. */

export interface GovernedUser {
  id: number;
  email: string;
  name: string;
  role: Role;
  locale: Locale | null;
  blocked: boolean;
  isConfirmed: boolean;
}

export interface Block {
  /** Null for the command line. */
  by: number | null;
  reason: string;
  at: Date;
}

/**
 * Changes of roles, blocks and deletions of users stand in one line until their transactions end: of two administrators who take
 * each other's role at once, the second sees what the first did.
 */
export async function lockRoles(trx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('vestnik roles'))`.execute(trx);
}

/** Somebody else who can sign in and administer. Meaningful under `lockRoles`. */
export async function hasOtherAdministrator(db: Database | Transaction, id: number): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'administrator')
    .where('blocked', '=', false)
    .where('email_verified', '=', true)
    .where('deletion_requested_at', 'is', null)
    .where('id', '<>', id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function findUserToGovern(db: Database | Transaction, id: number): Promise<GovernedUser | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'email', 'name', 'role', 'locale', 'blocked', 'email_verified as isConfirmed'])
    .where('id', '=', sql<number>`${id}::bigint`)
    .executeTakeFirst();
}

export async function setBlock(trx: Transaction, id: number, { by, reason, at }: Block): Promise<void> {
  await trx
    .updateTable('users')
    .set({ blocked: true, blocked_at: at, blocked_by: by, blocked_reason: reason, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

export async function clearBlock(trx: Transaction, id: number): Promise<void> {
  await trx
    .updateTable('users')
    .set({ blocked: false, blocked_at: null, blocked_by: null, blocked_reason: null, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

export async function setRole(trx: Transaction, id: number, role: Role): Promise<void> {
  await trx
    .updateTable('users')
    .set({ role, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}
