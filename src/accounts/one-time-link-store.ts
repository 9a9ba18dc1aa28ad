import { sql, type ExpressionBuilder } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { LinkPurpose } from '../lib/schema-accounts.js';
import type { Schema } from '../lib/schema.js';
import { hashToken, LIFETIME_SECONDS, makeToken, type LinkAnswer, type OneTimeLink } from './one-time-link.js';

interface LinkToMake {
  purpose: LinkPurpose;
  /** Null for an invitation: there is no user yet. */
  userId: number | null;
  email: string;
}

const COLUMNS = ['id', 'purpose', 'user_id as userId', 'email'] as const;
const KEPT_DAYS = 30;
const MOST_SWEPT = 100;

/** Takes the place of what the same user had for the same purpose. The token is told here and nowhere else. */
export async function makeLink(
  trx: Transaction,
  { purpose, userId, email }: LinkToMake,
): Promise<{ id: number; token: string }> {
  await sweepLinks(trx);
  // Who takes an address over must not end the link by which the one before takes it back.
  if (purpose !== 'email_return') await expireLinks(trx, purpose, userId === null ? { email } : { userId });
  const token = makeToken();
  const { id } = await trx
    .insertInto('one_time_links')
    .values({ purpose, token_hash: hashToken(token), user_id: userId, email, expires_at: secondsFromNow(purpose) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, token };
}

/** What a link would do if it were used now; using it is `useLink`'s. */
export async function findLink(
  db: Database | Transaction,
  purposes: readonly LinkPurpose[],
  token: string,
): Promise<LinkAnswer> {
  const row = await db
    .selectFrom('one_time_links')
    .select(COLUMNS)
    .select(['used_at as usedAt', sql<boolean>`expires_at <= now()`.as('isExpired')])
    .where('token_hash', '=', hashToken(token))
    .where('purpose', 'in', purposes)
    .executeTakeFirst();
  if (!row) return { state: 'unknown' };
  const { usedAt, isExpired, ...link } = row;
  if (usedAt) return { state: 'used', link };
  return { state: isExpired ? 'expired' : 'valid', link };
}

/** Uses a link up, in the transaction of what it allows. Undefined where it is not valid (any more): of two at once, one gets it. */
export async function useLink(
  trx: Transaction,
  purposes: readonly LinkPurpose[],
  token: string,
): Promise<OneTimeLink | undefined> {
  return trx
    .updateTable('one_time_links')
    .set({ used_at: sql`now()` })
    .where('token_hash', '=', hashToken(token))
    .where('purpose', 'in', purposes)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning(COLUMNS)
    .executeTakeFirst();
}

/** The address to which a user's own is to be changed, while its link can be followed. */
export async function findPendingEmail(db: Database, userId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('one_time_links')
    .select('email')
    .where('user_id', '=', userId)
    .where('purpose', '=', 'email_change')
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return row?.email;
}

/** Ends every link of a user that could change the account; not those by which an earlier owner takes an address back. */
export async function endLinks(trx: Transaction, userId: number): Promise<void> {
  await expire(trx, (eb) => eb.and([eb('user_id', '=', userId), eb('purpose', '!=', 'email_return')]));
}

/** Ends the ways back that were given after this one: whoever got those had the account for a while, and no more. */
export async function endLaterReturns(trx: Transaction, { id, userId }: OneTimeLink): Promise<void> {
  await expire(trx, (eb) =>
    eb.and([eb('user_id', '=', userId), eb('purpose', '=', 'email_return'), eb('id', '>', id)]),
  );
}

export async function endLink(trx: Transaction, id: number): Promise<void> {
  await expire(trx, (eb) => eb('id', '=', id));
}

async function expireLinks(
  trx: Transaction,
  purpose: LinkPurpose,
  of: { userId: number } | { email: string },
): Promise<void> {
  await expire(trx, (eb) =>
    eb.and([eb('purpose', '=', purpose), 'userId' in of ? eb('user_id', '=', of.userId) : eb('email', '=', of.email)]),
  );
}

async function expire(
  trx: Transaction,
  which: (eb: ExpressionBuilder<Schema, 'one_time_links'>) => ReturnType<typeof eb.and>,
): Promise<void> {
  await trx
    .updateTable('one_time_links')
    .set({ expires_at: sql`now()` })
    .where(which)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .execute();
}

function secondsFromNow(purpose: LinkPurpose) {
  return sql<Date>`now() + make_interval(secs => ${LIFETIME_SECONDS[purpose]})`;
}

/** Links of long ago explain themselves to nobody. A few at a time, so that no letter waits for it. */
async function sweepLinks(trx: Transaction): Promise<void> {
  await sql`
    delete from one_time_links where id in (
      select id from one_time_links where expires_at < now() - make_interval(days => ${KEPT_DAYS})
      limit ${MOST_SWEPT} for update skip locked)`.execute(trx);
}
