import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { SignedInUser, Theme } from '../ui/view.js';

export interface User extends SignedInUser {
  isConfirmed: boolean;
  blocked: boolean;
  blockedReason: string | null;
}

export interface NewUser {
  email: string;
  name: string;
  role: Role;
  /** As better-auth hashes it. */
  passwordHash: string;
  locale: Locale | null;
  timeZone: string;
  /** True unless told: who made the user knows the address, or it was proven by a link. */
  isConfirmed?: boolean;
}

export interface UserSettings {
  name: string;
  timeZone: string;
  locale: Locale;
  theme: Theme;
}

export const SIGNED_IN_COLUMNS = [
  'users.id',
  'users.email',
  'users.name',
  'users.role',
  'users.locale',
  'users.time_zone as timeZone',
  'users.theme',
] as const;

const COLUMNS = [
  ...SIGNED_IN_COLUMNS,
  'users.email_verified as isConfirmed',
  'users.blocked',
  'users.blocked_reason as blockedReason',
] as const;

export async function hasAdministrator(db: Database | Transaction): Promise<boolean> {
  const query = db.selectFrom('users').select('id').where('role', '=', 'administrator').limit(1);
  return (await query.executeTakeFirst()) !== undefined;
}

/** Those who can sign in. */
export async function listAdministrators(
  db: Database | Transaction,
): Promise<Pick<User, 'email' | 'locale' | 'timeZone'>[]> {
  return db
    .selectFrom('users')
    .select(['email', 'locale', 'time_zone as timeZone'])
    .where('role', '=', 'administrator')
    .where('email_verified', '=', true)
    .where('blocked', '=', false)
    .where('deletion_requested_at', 'is', null)
    .orderBy('id')
    .execute();
}

/** By id. */
export async function findOwnerNames(db: Database, ids: number[]): Promise<Map<number, OwnerName>> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'name', 'email'])
    .where('id', '=', sql<number>`any(${ids}::integer[])`)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

export async function findUserById(db: Database | Transaction, id: number): Promise<User | undefined> {
  return db.selectFrom('users').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

export async function findUserByEmail(db: Database | Transaction, email: string): Promise<User | undefined> {
  return db.selectFrom('users').select(COLUMNS).where('email', '=', email.toLowerCase()).executeTakeFirst();
}

export async function findPasswordHash(db: Database, userId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('credentials')
    .select('password')
    .where('user_id', '=', userId)
    .where('provider_id', '=', 'credential')
    .executeTakeFirst();
  return row?.password ?? undefined;
}

/** Waits for a change of it that is under way. */
export async function lockPasswordHash(db: Database, userId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('credentials')
    .select('password')
    .where('user_id', '=', userId)
    .where('provider_id', '=', 'credential')
    .forShare()
    .executeTakeFirst();
  return row?.password ?? undefined;
}

/** Undefined when the address is taken. */
export async function insertUser(trx: Transaction, user: NewUser): Promise<number | undefined> {
  const row = await trx
    .insertInto('users')
    .values({
      email: user.email,
      name: user.name,
      role: user.role,
      email_verified: user.isConfirmed ?? true,
      locale: user.locale,
      time_zone: user.timeZone,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!row) return undefined;
  await trx
    .insertInto('credentials')
    .values({ user_id: row.id, account_id: String(row.id), provider_id: 'credential', password: user.passwordHash })
    .execute();
  return row.id;
}

export async function setPasswordHash(trx: Transaction, userId: number, password: string): Promise<void> {
  await trx
    .updateTable('credentials')
    .set({ password, updated_at: sql`now()` })
    .where('user_id', '=', userId)
    .where('provider_id', '=', 'credential')
    .execute();
}

export async function confirmEmail(trx: Transaction, id: number): Promise<void> {
  await trx
    .updateTable('users')
    .set({ email_verified: true, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** The new address counts as confirmed. Breaks a unique key where another user has it. */
export async function setEmail(trx: Transaction, id: number, email: string): Promise<void> {
  await trx
    .updateTable('users')
    .set({ email, email_verified: true, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** Makes room for who has proven that the address is theirs: whoever registered it and never proved that has nothing here. */
export async function deleteUnconfirmedUser(trx: Transaction, email: string): Promise<void> {
  await trx
    .deleteFrom('users')
    .where('email', '=', email)
    .where('email_verified', '=', false)
    .where('blocked', '=', false)
    .execute();
}

export async function markSeen(db: Database | Transaction, id: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ last_seen_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

export async function changeSettings(db: Database, id: number, settings: UserSettings): Promise<void> {
  const { timeZone, ...rest } = settings;
  await db
    .updateTable('users')
    .set({ ...rest, time_zone: timeZone, updated_at: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** Lets two processes that want to create the first administrator wait for each other, until their transactions end. */
export async function lockFirstAdministrator(trx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('vestnik first administrator'))`.execute(trx);
}
