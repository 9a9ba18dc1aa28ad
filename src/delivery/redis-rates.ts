import type { Redis } from 'ioredis';

import type { Log } from '../lib/log.js';
import { burstOf, intervalOf } from './pacing.js';
import { toGrant, type Rates } from './rates.js';

const PREFIX = 'vestnik:rate:';
/** How long a limit that nobody asks for any more is remembered. */
const KEEP_MS = 86_400_000;

/** As `keepRatesInDatabase`, in one step of Redis's, by Redis's clock. */
const TAKE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local at = math.max(math.min(tonumber(redis.call('GET', KEYS[1]) or now), now + burst * interval), now)
  local granted = math.max(0, math.min(wanted, math.floor(burst - (at - now) / interval + 1e-6)))
  at = at + granted * interval
  redis.call('SET', KEYS[1], string.format('%.3f', at), 'PX', math.ceil(at - now) + ${KEEP_MS})
  return { granted, string.format('%.3f', at - now) }`;

const GIVE_BACK = `
  local at = redis.call('GET', KEYS[1])
  if at then redis.call('SET', KEYS[1], string.format('%.3f', at - ARGV[1]), 'KEEPTTL') end`;

/** Limits in Redis; while it is away, `fallback` keeps them. */
export function keepRatesInRedis(redis: Redis, fallback: Rates, log: Log): Rates {
  let isAway = false;
  const insure = async <T>(inRedis: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> => {
    try {
      const result = await inRedis();
      isAway = false;
      return result;
    } catch (error) {
      if (!isAway) log.warn({ err: error }, 'Redis does not answer: until it does, limits are kept in the database');
      isAway = true;
      return otherwise();
    }
  };
  return {
    take: (key, pacing, wanted) =>
      insure(
        async () => {
          const answer = await redis.eval(TAKE, 1, PREFIX + key, intervalOf(pacing), burstOf(pacing), wanted);
          const [granted, aheadMs] = (answer as unknown[]).map(Number);
          return toGrant(pacing, granted ?? 0, aheadMs ?? 0);
        },
        () => fallback.take(key, pacing, wanted),
      ),
    giveBack: (key, pacing, count) =>
      insure(
        async () => {
          if (count > 0) await redis.eval(GIVE_BACK, 1, PREFIX + key, intervalOf(pacing) * count);
        },
        () => fallback.giveBack(key, pacing, count),
      ),
  };
}
