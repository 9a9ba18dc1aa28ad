import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { RelayFault } from './delivery.js';
import type { Slowing } from './slowing.js';

/** What is known of a mail server. The key is a relay's id, or 'smtp_url'. */
export interface RelayState {
  /** Null while it takes letters. */
  fault: string | null;
  pausedUntil: Date | null;
  failingSince: Date | null;
  alertedAt: Date | null;
}

/**
 * Remembers a fault for the pages; the worker that met it keeps its own count. After an hour in which nothing tried it, it is another
 * outage.
 */
export async function saveRelayFault(db: Database, key: string, fault: string, restMs: number): Promise<void> {
  await sql`
    insert into relay_states (key, fault, fault_count, paused_until, failing_since)
    values (${key}, ${fault}, 1, now() + make_interval(secs => ${restMs / 1000}), now())
    on conflict (key) do update set fault = excluded.fault, fault_count = relay_states.fault_count + 1,
      paused_until = excluded.paused_until, updated_at = now(),
      failing_since = case when relay_states.paused_until > now() - interval '1 hour'
        then coalesce(relay_states.failing_since, now()) else now() end,
      alerted_at = case when relay_states.paused_until > now() - interval '1 hour' then relay_states.alerted_at end`.execute(
    db,
  );
}

/** At the first letter that it accepts, after a fault or at all. */
export async function clearRelayFault(db: Database, key: string): Promise<void> {
  await sql`
    insert into relay_states (key) values (${key})
    on conflict (key) do update set fault = null, fault_count = 0, paused_until = null, failing_since = null,
      alerted_at = null, updated_at = now()
    where relay_states.fault is not null`.execute(db);
}

/** When it is removed, or leads somewhere else from now on. */
export async function forgetRelay(db: Database | Transaction, key: string): Promise<void> {
  await db.deleteFrom('relay_states').where('key', '=', key).execute();
  await db.deleteFrom('slowings').where('key', '=', `relay:${key}`).execute();
}

/** By key. */
export async function readRelayStates(db: Database): Promise<Map<string, RelayState>> {
  const rows = await db
    .selectFrom('relay_states')
    .select(['key', 'fault', 'paused_until as pausedUntil', 'failing_since as failingSince', 'alerted_at as alertedAt'])
    .execute();
  return new Map(rows.map(({ key, ...state }) => [key, state]));
}

/** By key: `relay:3`, `domain:example.com`. */
export async function readSlowings(db: Database): Promise<Map<string, Slowing>> {
  const rows = await db
    .selectFrom('slowings')
    .select(['key', 'letters_per_minute as lettersPerMinute', 'since'])
    .orderBy('key')
    .execute();
  return new Map(rows.map(({ key, ...slowing }) => [key, slowing]));
}

/** Of several processes that ask at once one is told true, once an outage. */
export async function markAlerted(trx: Transaction, key: string, now: Date): Promise<boolean> {
  const row = await trx
    .updateTable('relay_states')
    .set({ alerted_at: now })
    .where('key', '=', key)
    .where('fault', 'is not', null)
    .where('alerted_at', 'is', null)
    .returning('key')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Why nothing leaves: each of these mail servers rests now, or is just being tried again. The one that is tried first is told of. What
 * nobody uses any more is forgotten by its time.
 */
export async function findRelayFault(db: Database, keys: readonly string[]): Promise<RelayFault | undefined> {
  const rows = await db
    .selectFrom('relay_states')
    .select(['fault', 'paused_until'])
    .where('key', 'in', keys)
    .where('fault', 'is not', null)
    .where('paused_until', '>', sql<Date>`now() - interval '1 minute'`)
    .orderBy('paused_until')
    .execute();
  const [first] = rows;
  const areAll = rows.length === keys.length;
  return areAll && first?.fault && first.paused_until
    ? { fault: first.fault, pausedUntil: first.paused_until }
    : undefined;
}
