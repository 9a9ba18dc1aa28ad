/**
 * Letters under a limit, shared by all processes. Each limit is one instant, at which its next letter may leave (the generic cell rate
 * algorithm): whoever takes some moves it on. At most a quarter of a second's worth leaves at once, so that letters flow evenly
 * and no hour's limit is used up in its first minute. No instant is further away than the present limit could have moved it: one that was
 * loosened holds at once. Nobody waits here: what is not granted is asked for again later.
 */
import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { burstOf, intervalOf, type Pacing } from './pacing.js';

export interface Grant {
  granted: number;
  /** Milliseconds until the next letter may leave; 0 where some were granted. */
  waitMs: number;
}

export interface Rates {
  take(key: string, pacing: Pacing, wanted: number): Promise<Grant>;
  /** For letters that did not leave. */
  giveBack(key: string, pacing: Pacing, count: number): Promise<void>;
}

/** From how far ahead of now the next letter's instant lies, in milliseconds. */
export function toGrant(pacing: Pacing, granted: number, aheadMs: number): Grant {
  if (granted > 0) return { granted, waitMs: 0 };
  return { granted, waitMs: Math.max(1, Math.ceil(aheadMs + intervalOf(pacing) * (1 - burstOf(pacing)))) };
}

export function keepRatesInDatabase(db: Database): Rates {
  return {
    async take(key, pacing, wanted) {
      const interval = sql`${intervalOf(pacing) / 1000}::float8`;
      const most = Math.min(wanted, burstOf(pacing));
      const { rows } = await sql<{ granted: number; aheadMs: number }>`
        insert into rates as r (key, next_at, granted)
        values (${key}, clock_timestamp() + make_interval(secs => ${most}::int * ${interval}), ${most}::int)
        on conflict (key) do update set (next_at, granted) = (
          select f.at + make_interval(secs => n.granted * ${interval}), n.granted
          from (select clock_timestamp() as now) t,
            lateral (select greatest(least(r.next_at, t.now + make_interval(secs => ${burstOf(pacing)}::int * ${interval})), t.now) as at) f,
            lateral (select greatest(0, least(${wanted}::int,
              floor(${burstOf(pacing)}::int - extract(epoch from f.at - t.now)::float8 / ${interval} + 1e-6)))::int as granted) n
        )
        returning granted, (extract(epoch from next_at - clock_timestamp()) * 1000)::float8 as "aheadMs"`.execute(db);
      return toGrant(pacing, rows[0]?.granted ?? 0, rows[0]?.aheadMs ?? 0);
    },
    async giveBack(key, pacing, count) {
      if (count === 0) return;
      await sql`update rates set next_at = next_at - make_interval(secs => ${(intervalOf(pacing) * count) / 1000}) where key = ${key}`.execute(
        db,
      );
    },
  };
}
