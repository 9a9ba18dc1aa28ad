import { Redis } from 'ioredis';

import type { Log } from './log.js';

/** A command fails at once while there is no connection, and soon when Redis hangs. */
const REDIS_OPTIONS = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  commandTimeout: 200,
  retryStrategy: (tries: number) => Math.min(tries * 100, 2000),
};

/** Resolves when Redis answers, or it is clear that it does not: that is no reason not to start. `prepare` listens before it is reached. */
export async function openRedis(url: string, prepare: (redis: Redis) => void = silence): Promise<Redis> {
  const redis = new Redis(url, REDIS_OPTIONS);
  prepare(redis);
  await new Promise<void>((resolve) => {
    redis.once('ready', resolve).once('error', () => resolve());
    setTimeout(resolve, REDIS_OPTIONS.connectTimeout).unref();
  });
  return redis;
}

/** Whoever uses it learns of an absence from its own commands. */
function silence(redis: Redis): void {
  redis.on('error', () => {});
}

/** Once when it goes, with what happens instead, and once when it is back, not at every try to reach it. */
export function logAbsence(redis: Redis, log: Log, instead: string): void {
  let isAway = false;
  redis.on('error', (error: Error) => {
    if (!isAway) log.warn({ err: error }, `Redis does not answer: until it does, ${instead}`);
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) log.info('Redis answers again');
    isAway = false;
  });
}
