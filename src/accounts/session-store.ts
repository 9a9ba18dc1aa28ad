import { createHash } from 'node:crypto';

import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { SignedInUser } from '../ui/view.js';
import type { SessionLine } from './session.js';
import { SIGNED_IN_COLUMNS } from './user-store.js';

/* The rows of `sessions`. Their tokens are kept as hashes: who reads the database cannot sign in with what is there. */

export function hashSessionToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

const MOST_LISTED = 200;
/** Last use is written down to this precision, so that a page costs a write once in a while. */
const isStale = sql<boolean>`sessions.updated_at < now() - interval '5 minutes'`;

interface FoundSession {
  id: number;
  /** Its last use was written down some minutes ago. */
  isStale: boolean;
  user: SignedInUser;
}

/** A session that has not ended, of a user who is confirmed and not blocked. The key is the token's hash. */
export async function findSession(db: Database, key: string): Promise<FoundSession | undefined> {
  const row = await selectLiving(db)
    .select(SIGNED_IN_COLUMNS)
    .select(['sessions.id as sessionId', isStale.as('isStale')])
    .where('sessions.token', '=', key)
    .executeTakeFirst();
  if (!row) return undefined;
  const { sessionId, isStale: stale, ...user } = row;
  return { id: sessionId, isStale: stale, user };
}

/** Who is signed in by which of these keys; those whose session has ended meanwhile are not among them. */
export async function listSessionUsers(
  db: Database,
  keys: string[],
): Promise<Map<string, Pick<SignedInUser, 'id' | 'role'>>> {
  const rows = await selectLiving(db)
    .select(['sessions.token', 'users.id', 'users.role'])
    .where('sessions.token', '=', sql<string>`any(${keys}::text[])`)
    .execute();
  return new Map(rows.map(({ token, ...user }) => [token, user]));
}

function selectLiving(db: Database) {
  return db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .where('sessions.expires_at', '>', sql<Date>`now()`)
    .where('users.email_verified', '=', true)
    .where('users.blocked', '=', false)
    .where('users.deletion_requested_at', 'is', null);
}

/** Of several visits at once one writes. */
export async function touchSession(db: Database, id: number): Promise<void> {
  await db
    .with('touched', (cte) =>
      cte
        .updateTable('sessions')
        .set({ updated_at: sql`now()` })
        .where('id', '=', id)
        .where(isStale)
        .returning('user_id'),
    )
    .updateTable('users')
    .from('touched')
    .set({ last_seen_at: sql`now()` })
    .whereRef('users.id', '=', 'touched.user_id')
    .execute();
}

/** This one first, then the one used last. The key is that of the visitor's own. */
export async function listSessions(db: Database, userId: number, key: string): Promise<SessionLine[]> {
  return db
    .selectFrom('sessions')
    .select([
      'id',
      sql<boolean>`token = ${key}`.as('isCurrent'),
      'ip_address as address',
      'user_agent as userAgent',
      'created_at as startedAt',
      'updated_at as usedAt',
    ])
    .where('user_id', '=', userId)
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('isCurrent', 'desc')
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST_LISTED)
    .execute();
}

/** False where the user has none of this id. */
export async function endSession(trx: Transaction, userId: number, id: number): Promise<boolean> {
  const result = await trx.deleteFrom('sessions').where('id', '=', id).where('user_id', '=', userId).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** By the token's hash, whoever has it. Resolves to who had it. */
export async function endSessionByKey(trx: Transaction, key: string): Promise<number | undefined> {
  const row = await trx.deleteFrom('sessions').where('token', '=', key).returning('user_id').executeTakeFirst();
  return row?.user_id;
}

/** Those whose time is over. */
export async function sweepSessions(trx: Transaction, userId: number): Promise<void> {
  await trx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('expires_at', '<=', sql<Date>`now()`)
    .execute();
}

interface SessionsToSpare {
  /** The one that goes on. */
  except?: number | undefined;
}

/**
 * Ends the sessions of a user, from their next request on, and has everybody begin with the password again, also on a device that was
 * trusted. Returns how many were ended.
 */
export async function endSessions(trx: Transaction, userId: number, { except }: SessionsToSpare = {}): Promise<number> {
  const result = await trx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .$if(except !== undefined, (query) => query.where('id', '!=', except ?? 0))
    .executeTakeFirst();
  await forgetPassedSteps(trx, userId);
  return Number(result.numDeletedRows);
}

/**
 * Devices that were trusted, and sign-ins that wait for their code. Better-auth keeps both among the verifications, by hashed names,
 * and beside them the count of a sign-in's wrong codes: where that equals the id, somebody with a very small one signs in anew.
 */
export async function forgetPassedSteps(trx: Transaction, userId: number): Promise<void> {
  await trx.deleteFrom('verifications').where('value', '=', String(userId)).execute();
}
