import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import type { RelayFault } from './delivery.js';

/** Remembers a fault for the pages; the worker that met it keeps its own count. */
export async function saveRelayFault(db: Database, key: string, fault: string, restMs: number): Promise<void> {
  await sql`
    insert into relay_states (key, fault, fault_count, paused_until) values (${key}, ${fault}, 1, now() + make_interval(secs => ${restMs / 1000}))
    on conflict (key) do update set fault = excluded.fault, fault_count = relay_states.fault_count + 1,
      paused_until = excluded.paused_until, updated_at = now()`.execute(db);
}

export async function clearRelayFault(db: Database, key: string): Promise<void> {
  await sql`update relay_states set fault = null, fault_count = 0, paused_until = null, updated_at = now()
    where key = ${key} and fault is not null`.execute(db);
}

/** The relay that rests now, or is just being tried again, and why; one that nobody uses any more is forgotten by its time. */
export async function findRelayFault(db: Database): Promise<RelayFault | undefined> {
  const row = await db
    .selectFrom('relay_states')
    .select(['fault', 'paused_until'])
    .where('fault', 'is not', null)
    .where('paused_until', '>', sql<Date>`now() - interval '1 minute'`)
    .orderBy('updated_at', 'desc')
    .executeTakeFirst();
  return row?.fault && row.paused_until ? { fault: row.fault, pausedUntil: row.paused_until } : undefined;
}
