import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { RATE_PROMISES, takeInTurns } from '../../test/support/rates.js';
import { hasRedis, startRedis } from '../../test/support/redis.js';
import { silentLog } from '../../test/support/sending.js';
import { findFreePort } from '../../test/support/vestnik-process.js';
import { openRedis } from '../lib/redis.js';
import type { Rates } from './rates.js';
import { keepRatesInRedis } from './redis-rates.js';

const HOURLY = { letters: 1, seconds: 3600 };

async function connect(url: string): Promise<Redis> {
  const redis = await openRedis(url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Says how often it was asked, and grants everything. */
function makeFallback() {
  const asked: string[] = [];
  const rates: Rates = {
    take: async (key, _pacing, wanted) => {
      asked.push(`take ${key}`);
      return { granted: wanted, waitMs: 0 };
    },
    giveBack: async (key, _pacing, count) => void asked.push(`give back ${count} to ${key}`),
  };
  return { asked, rates };
}

function makeLog() {
  const lines: string[] = [];
  return { lines, log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }) };
}

describe.skipIf(!hasRedis)('a limit in Redis (the program redis-server is needed)', () => {
  test.each(RATE_PROMISES)('%s', async (_what, expectKept) => {
    const redis = await connect((await startRedis()).url);
    const { asked, rates } = makeFallback();
    await expectKept(keepRatesInRedis(redis, rates, silentLog));
    expect(asked).toEqual([]);
  });

  test.each([
    [{ letters: 50, seconds: 1 }, 1],
    [{ letters: 50, seconds: 1 }, 64],
    [{ letters: 6000, seconds: 60 }, 7],
  ])('holds for all processes together: never more than %o, asking for %i', async (pacing, wanted) => {
    const { url } = await startRedis();
    const takers = await Promise.all(
      [1, 2, 3, 4].map(async () => keepRatesInRedis(await connect(url), makeFallback().rates, silentLog)),
    );
    const { count, most } = await takeInTurns(takers, pacing, { ms: 2000, wanted });
    expect(count).toBeLessThanOrEqual(most);
    expect(count).toBeGreaterThan(most / 3);
  });

  test('is forgotten a day after nobody asked for it any more, and not before it is over', async () => {
    const redis = await connect((await startRedis()).url);
    const rates = keepRatesInRedis(redis, makeFallback().rates, silentLog);
    await rates.take('key', { letters: 1, seconds: 86_400 }, 1);
    const left = await redis.pttl('vestnik:rate:key');
    expect(left).toBeGreaterThan(2 * 86_400_000 - 10_000);
    await rates.giveBack('key', { letters: 1, seconds: 86_400 }, 1);
    expect(await redis.pttl('vestnik:rate:key')).toBeGreaterThan(0);
  });

  test('is kept elsewhere while Redis is away, which is said once, and in Redis again when it is back', async () => {
    const server = await startRedis();
    const redis = await connect(server.url);
    const { asked, rates: fallback } = makeFallback();
    const { lines, log } = makeLog();
    const rates = keepRatesInRedis(redis, fallback, log);
    expect((await rates.take('key', HOURLY, 1)).granted).toBe(1);
    await server.stop();
    expect(await rates.take('key', HOURLY, 3)).toEqual({ granted: 3, waitMs: 0 });
    await rates.giveBack('key', HOURLY, 2);
    expect(asked).toEqual(['take key', 'give back 2 to key']);
    expect(lines).toHaveLength(1);
    await server.start();
    await eventually('Redis is asked again', async () => {
      const before = asked.length;
      await rates.take('other', HOURLY, 1);
      return asked.length === before;
    });
    expect((await rates.take('other', HOURLY, 1)).granted).toBe(0);
    expect(lines).toHaveLength(1);
    await server.stop();
    await rates.take('key', HOURLY, 1);
    expect(lines).toHaveLength(2);
  });

  test('does not wait long for a Redis that hangs', async () => {
    const server = await startRedis();
    const redis = await connect(server.url);
    const { asked, rates: fallback } = makeFallback();
    const rates = keepRatesInRedis(redis, fallback, silentLog);
    await rates.take('key', HOURLY, 1);
    server.freeze();
    const beganAt = performance.now();
    await rates.take('key', HOURLY, 1);
    expect(performance.now() - beganAt).toBeLessThan(1000);
    expect(asked).toEqual(['take key']);
  });
});

test('a limit is kept elsewhere where there is no Redis at the address', async () => {
  const redis = await connect(`redis://127.0.0.1:${await findFreePort()}`);
  const { asked, rates } = makeFallback();
  expect(await keepRatesInRedis(redis, rates, silentLog).take('key', HOURLY, 5)).toEqual({ granted: 5, waitMs: 0 });
  expect(asked).toEqual(['take key']);
});
