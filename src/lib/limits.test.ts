import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { hasRedis, startRedis } from '../../test/support/redis.js';
import { findFreePort } from '../../test/support/vestnik-process.js';
import { openLimits, type Limit, type Limits } from './limits.js';
import { openLog, type Log } from './log.js';

const LIMIT: Limit = { name: 'test', tries: 3, seconds: 60 };

async function open(redisUrl?: string, log = openLog('silent')): Promise<Limits> {
  const limits = await openLimits(redisUrl, log);
  onTestFinished(() => limits.close());
  return limits;
}

async function countTimes(limits: Limits, times: number, limit = LIMIT) {
  const tallies = [];
  for (let time = 0; time < times; time += 1) tallies.push(await limits.count(limit, 'key'));
  return tallies.map(({ isOver }) => isOver);
}

describe('limits in one process', () => {
  it('count up to what is allowed, by key and by limit', async () => {
    const limits = await open();
    expect(await countTimes(limits, 4)).toEqual([false, false, false, true]);
    expect(await limits.count(LIMIT, 'other key')).toMatchObject({ used: 1, isOver: false });
    expect(await limits.count({ ...LIMIT, name: 'other' }, 'key')).toMatchObject({ used: 1, isOver: false });
    expect((await limits.count(LIMIT, 'key')).secondsLeft).toBeGreaterThan(50);
  });

  it('take back one, or all', async () => {
    const limits = await open();
    await countTimes(limits, 3);
    await limits.giveBack(LIMIT, 'key');
    expect(await limits.count(LIMIT, 'key')).toMatchObject({ used: 3, isOver: false });
    await limits.forget(LIMIT, 'key');
    expect(await limits.count(LIMIT, 'key')).toMatchObject({ used: 1 });
  });

  it('begin anew when their window has ended', async () => {
    const limits = await open();
    const short = { name: 'short', tries: 1, seconds: 1 };
    expect(await countTimes(limits, 2, short)).toEqual([false, true]);
    await eventually('the window ends', async () => !(await limits.count(short, 'key')).isOver);
  });

  it('go on where there is no Redis at the address, and say so once', async () => {
    const lines: string[] = [];
    const log = { warn: (_: object, line: string) => lines.push(line), info: () => {} } as unknown as Log;
    const limits = await open(`redis://127.0.0.1:${await findFreePort()}`, log);
    expect(await countTimes(limits, 4)).toEqual([false, false, false, true]);
    expect(lines).toHaveLength(1);
  });
});

describe.skipIf(!hasRedis)('limits in Redis (the program redis-server is needed)', () => {
  it('are shared by processes', async () => {
    const redis = await startRedis();
    const [one, other] = [await open(redis.url), await open(redis.url)];
    await one.count(LIMIT, 'key');
    await other.count(LIMIT, 'key');
    expect(await one.count(LIMIT, 'key')).toMatchObject({ used: 3, isOver: false });
    expect(await other.count(LIMIT, 'key')).toMatchObject({ used: 4, isOver: true });
    await one.forget(LIMIT, 'key');
    await one.giveBack(LIMIT, 'key');
    expect(await other.count(LIMIT, 'key')).toMatchObject({ used: 0 });
  });

  it('go on in each process while Redis is away, and together when it is back', async () => {
    const redis = await startRedis();
    const [one, other] = [await open(redis.url), await open(redis.url)];
    await countTimes(one, 3);
    await redis.stop();
    expect(await countTimes(one, 4)).toEqual([false, false, false, true]);
    expect(await other.count(LIMIT, 'key')).toMatchObject({ used: 1 });
    await redis.start();
    await eventually('both count together', async () => {
      await one.forget(LIMIT, 'key');
      await one.count(LIMIT, 'key');
      return (await other.count(LIMIT, 'key')).used === 2;
    });
  });

  it('wait for a Redis that hangs once at most, and briefly', async () => {
    const redis = await startRedis();
    const limits = await open(redis.url);
    await limits.count(LIMIT, 'key');
    redis.freeze();
    const begun = performance.now();
    await countTimes(limits, 20);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
