import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import {
  anyEvent,
  EVERY_KIND,
  happen,
  isRunning,
  openWorld,
  recount,
  USERS,
  type Event,
  type World,
} from '../../test/support/cache-world.js';
import { hasRedis, startRedis } from '../../test/support/redis.js';
import { openCache, type Cache } from './cache.js';
import { openLog } from './log.js';
import type { Owners } from './owners.js';

const SECRET = 'a secret of the tests, long enough';
/** A number on a page is never older while a mailing runs; when none does, it is never old. */
const BOUND_MS = 2000;

interface Reading {
  kind: 'read';
  node: number;
  /** Of the users; the one past the last stands for everybody. */
  whose: number;
  role: string;
  locale: string;
  timeZone: string;
  days: number;
}

type Step = Reading | ({ kind: 'event' } & { event: Event }) | { kind: 'clock'; ms: number } | { kind: 'redis' };

/** Mostly the same: what was never read before is never old. */
const mostly = <T>(usual: T, ...others: T[]) => fc.constantFrom(usual, usual, usual, usual, usual, ...others);
const anyReading: fc.Arbitrary<Reading> = fc.record({
  kind: fc.constant('read' as const),
  node: fc.nat(1),
  whose: mostly(0, 1, 2, USERS, USERS),
  role: mostly('user', 'manager', 'administrator'),
  locale: mostly('en', 'ru'),
  timeZone: mostly('UTC', 'Asia/Tokyo'),
  days: mostly(7, 30),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyReading },
  { weight: 5, arbitrary: anyEvent.map((event) => ({ kind: 'event' as const, event })) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 4000 }).map((ms) => ({ kind: 'clock' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'redis' as const }) },
);

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** What was true, and since when; the last is true now. */
type History = Map<Owners, { numbers: string; since: number }[]>;

async function remember(history: History, changed: Owners[]): Promise<void> {
  for (const owners of changed) {
    const known = history.get(owners) ?? [];
    const numbers = await recount(world.db, owners);
    if (known.at(-1)?.numbers !== numbers) known.push({ numbers, since: world.now() });
    history.set(owners, known);
  }
}

/** One reply: it must be the one that was asked for, and must have been true within the bound. */
async function check(cache: Cache, history: History, { whose, role, locale, timeZone, days }: Reading): Promise<void> {
  const owners = world.users[whose] ?? 'everybody';
  const visitor = { role, locale, timeZone };
  const asked = { owners, visitor, days };
  const oldest = world.now() - ((await isRunning(world.db, owners)) ? BOUND_MS : 0);
  const reply = await cache.read({ name: 'numbers', visitor, owners, params: { days } }, async () => ({
    ...asked,
    numbers: await recount(world.readers, owners),
  }));
  const known = history.get(owners) ?? [];
  const allowed = known.filter((_, index) => (known[index + 1]?.since ?? Infinity) > oldest);
  expect(reply).toEqual({ ...asked, numbers: expect.any(String) });
  expect(allowed.map(({ numbers }) => numbers)).toContain(reply.numbers);
}

async function checkSteps(caches: Cache[], steps: Step[], turnRedis: () => Promise<void>): Promise<void> {
  await world.begin();
  const history: History = new Map();
  await remember(history, [...world.users, 'everybody']);
  for (const step of steps) {
    if (step.kind === 'read') await check(caches[step.node % caches.length] as Cache, history, step);
    else if (step.kind === 'clock') await world.turnClock(step.ms);
    else if (step.kind === 'redis') await turnRedis();
    else {
      await happen(world, step.event);
      await remember(history, [world.users[step.event.user] ?? 0, 'everybody']);
    }
  }
}

/** Whoever has just read reads again after an event, in both processes: each kind of event shows. */
async function expectEveryKind(caches: Cache[]): Promise<void> {
  await world.begin();
  await happen(world, { kind: 'finish', user: 0 });
  const history: History = new Map();
  const readings = [
    { ...USUAL, whose: 1 },
    { ...USUAL, whose: USERS },
  ];
  const readAll = async () => {
    for (const cache of caches) for (const reading of readings) await check(cache, history, reading);
  };
  await remember(history, [...world.users, 'everybody']);
  for (const kind of EVERY_KIND) {
    await readAll();
    await happen(world, { kind, user: 1 });
    await remember(history, [world.users[1] ?? 0, 'everybody']);
    const [before, after] = history.get('everybody')?.slice(-2) ?? [];
    expect([kind, after?.numbers]).not.toEqual([kind, before?.numbers]);
    if (await isRunning(world.db, 'everybody')) await world.turnClock(BOUND_MS);
    await readAll();
  }
}

async function openCaches(count: number, redisUrl?: string): Promise<Cache[]> {
  const caches: Cache[] = [];
  for (let n = 0; n < count; n += 1) {
    const cache = await openCache({ db: world.readers, log: openLog('silent'), redisUrl, secret: SECRET });
    onTestFinished(() => cache.close());
    caches.push(cache);
  }
  return caches;
}

const USUAL: Omit<Reading, 'whose'> = {
  kind: 'read',
  node: 0,
  role: 'user',
  locale: 'en',
  timeZone: 'UTC',
  days: 7,
};
const PLAN = fc.array(anyStep, { minLength: 20, maxLength: 60 });
// A counterexample is made smaller for a while, and then shown as it is.
const RUNS = { numRuns: 10, plugins: [fc.interruptAfterTimeLimit(90_000, { failOnInterrupt: true })] };

describe('whatever happens, no reply is another’s, none older than its bound', () => {
  it('with the memory of two processes', { timeout: 120_000 }, async () => {
    const caches = await openCaches(2);
    await fc.assert(
      fc.asyncProperty(PLAN, (steps) => checkSteps(caches, steps, async () => {})),
      RUNS,
    );
  });

  it.skipIf(!hasRedis)('with Redis between two processes', { timeout: 120_000 }, async () => {
    const caches = await openCaches(2, (await startRedis()).url);
    await fc.assert(
      fc.asyncProperty(PLAN, (steps) => checkSteps(caches, steps, async () => {})),
      RUNS,
    );
  });

  it.skipIf(!hasRedis)('with a Redis that dies and comes back', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    const caches = await openCaches(2, redis.url);
    let isUp = true;
    const turnRedis = async () => {
      await (isUp ? redis.stop() : redis.start());
      isUp = !isUp;
    };
    await fc.assert(
      fc.asyncProperty(PLAN, (steps) => checkSteps(caches, steps, turnRedis)),
      RUNS,
    );
  });
});

describe('each kind of event is seen at once, and within the bound while a mailing runs', () => {
  it('with the memory of two processes', async () => expectEveryKind(await openCaches(2)));

  it.skipIf(!hasRedis)('with Redis between two processes', async () =>
    expectEveryKind(await openCaches(2, (await startRedis()).url)),
  );
});

describe('many who read while one writes', () => {
  /** Every reply lies between what was committed when it was asked for and what was begun when it came. */
  async function race(caches: Cache[]): Promise<number> {
    await world.begin();
    // Not the first, whose mailing runs.
    const [, owner = 0] = world.users;
    const { db } = world;
    await db.deleteFrom('recipients').where('owner_id', '=', owner).execute();
    let [begun, committed] = [0, 0];
    const writing = new AbortController();
    const write = async () => {
      for (let n = 0; n < 60; n += 1) {
        begun += 1;
        await db
          .insertInto('recipients')
          .values({ owner_id: owner, email: `race${n}@example.com` })
          .execute();
        committed += 1;
      }
      writing.abort();
    };
    const read = async (cache: Cache) => {
      const visitor = { role: 'user', locale: 'en', timeZone: 'UTC' };
      const entry = { name: 'race', visitor, owners: owner, params: {} };
      let replies = 0;
      while (!writing.signal.aborted) {
        const least = committed;
        const { total } = await cache.read(entry, async () => {
          const query = db.selectFrom('recipient_totals').select('total').where('owner_id', '=', owner);
          return { total: (await query.executeTakeFirst())?.total ?? 0 };
        });
        expect(total).toBeGreaterThanOrEqual(least);
        expect(total).toBeLessThanOrEqual(begun);
        replies += 1;
      }
      return replies;
    };
    const [, ...replies] = await Promise.all([
      write(),
      ...caches.flatMap((cache) => [read(cache), read(cache), read(cache)]),
    ]);
    return Math.min(...replies.map(Number));
  }

  it('get what was true when they asked, in two processes', async () => {
    expect(await race(await openCaches(2))).toBeGreaterThan(5);
  });

  it.skipIf(!hasRedis)('and with Redis between them', async () => {
    expect(await race(await openCaches(2, (await startRedis()).url))).toBeGreaterThan(5);
  });
});
