import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterAbstract } from 'rate-limiter-flexible';

import type { Log } from './log.js';
import { logAbsence, openRedis } from './redis.js';

/*
 * Counts tries, so that who guesses runs out of them. With Redis every process counts in the same place. While Redis is away each
 * process counts by itself, from zero: a limit is looser for that time, and nothing waits or fails. What is counted is lost with
 * Redis, or with the process where there is none; a window is an hour at most.
 */

export interface Limit {
  /** Unique; part of the key in Redis. */
  name: string;
  /** So many within the window. */
  tries: number;
  /** The window begins with its first try. */
  seconds: number;
}

export interface Tally {
  /** With the one just counted. */
  used: number;
  isOver: boolean;
  /** Until the window ends and all tries are there again. */
  secondsLeft: number;
}

export interface Limits {
  count(limit: Limit, key: string): Promise<Tally>;
  /** Takes one try back. */
  giveBack(limit: Limit, key: string): Promise<void>;
  /** Takes all back. */
  forget(limit: Limit, key: string): Promise<void>;
  close(): Promise<void>;
}

/** Settles when Redis answers, or it is clear that it does not: that is no reason not to start. */
export async function openLimits(redisUrl: string | undefined, log: Log): Promise<Limits> {
  if (redisUrl === undefined) return countInMemory();
  return countInRedis(
    await openRedis(redisUrl, (redis) => logAbsence(redis, log, 'this process counts tries by itself')),
  );
}

export function countInMemory(): Limits {
  const limiterOf = remember((limit) => new RateLimiterMemory(toOptions(limit)));
  return { ...countBy(limiterOf), close: () => Promise.resolve() };
}

type Counting = Omit<Limits, 'close'>;

function countInRedis(redis: Redis): Limits {
  const limiterOf = remember(
    (limit) => new RateLimiterRedis({ ...toOptions(limit), storeClient: redis, rejectIfRedisNotReady: true }),
  );
  const [shared, own] = [countBy(limiterOf), countInMemory()];
  // One that hangs is left: until it answers again, no try waits for it.
  let isLeft = false;
  redis.on('close', () => (isLeft = false));
  const leave = () => {
    if (isLeft || redis.status !== 'ready') return;
    isLeft = true;
    redis.disconnect(true);
  };
  /** Whatever goes wrong is Redis's: the numbers of this process stand in for it. */
  const insure = async <T>(counting: (by: Counting) => Promise<T>): Promise<T> => {
    try {
      return await counting(shared);
    } catch {
      leave();
      return counting(own);
    }
  };
  return {
    count: (limit, key) => insure((by) => by.count(limit, key)),
    giveBack: (limit, key) => insure((by) => by.giveBack(limit, key)),
    forget: (limit, key) => insure((by) => by.forget(limit, key)),
    close: () => Promise.resolve(redis.disconnect()),
  };
}

function countBy(limiterOf: (limit: Limit) => RateLimiterAbstract): Counting {
  return {
    async count(limit, key) {
      const { consumedPoints, msBeforeNext } = await limiterOf(limit).penalty(key);
      const secondsLeft = Math.max(1, Math.ceil(msBeforeNext / 1000));
      return { used: consumedPoints, isOver: consumedPoints > limit.tries, secondsLeft };
    },
    async giveBack(limit, key) {
      await limiterOf(limit).reward(key);
    },
    async forget(limit, key) {
      await limiterOf(limit).delete(key);
    },
  };
}

function toOptions({ name, tries, seconds }: Limit) {
  return { keyPrefix: `vestnik:limit:${name}`, points: tries, duration: seconds };
}

function remember<T>(make: (limit: Limit) => T): (limit: Limit) => T {
  const made = new Map<string, T>();
  return (limit) => {
    const known = made.get(limit.name);
    if (known) return known;
    const limiter = make(limit);
    made.set(limit.name, limiter);
    return limiter;
  };
}
