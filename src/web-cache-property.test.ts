import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  anyEvent,
  EVERY_KIND,
  happen,
  isRunning,
  openWorld,
  USERS,
  type Event,
  type World,
} from '../test/support/cache-world.js';
import { openTestSite, type TestSite } from '../test/support/test-site.js';
import { cacheNothing } from './lib/cache.js';

const BOUND_MS = 2000;
const NOW = new Date();
const PATHS = {
  user: ['/', '/?period=30', '/figures'],
  manager: ['/oversight', '/oversight?period=30&sort=rejected', '/oversight/figures', '/'],
};

type Step = { kind: 'event'; event: Event } | { kind: 'look'; node: number; visitor: number; path: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  anyEvent.map((event) => ({ kind: 'event' as const, event })),
  fc.record({
    kind: fc.constant('look' as const),
    node: fc.nat(1),
    visitor: fc.constantFrom(0, 0, 1, USERS, USERS, USERS + 1),
    path: fc.nat(3),
  }),
);

let world: World;
/** Two processes with a cache each, and one without. */
let nodes: TestSite[];
let fresh: TestSite;
let visitors: { cookie: string; paths: string[] }[];

beforeAll(async () => {
  world = await openWorld();
  const clock = { now: () => NOW };
  nodes = [openTestSite(world.readers, { clock }), openTestSite(world.readers, { clock })];
  fresh = openTestSite(world.readers, { clock, cache: cacheNothing() });
  const users = await Promise.all(world.users.map((id) => fresh.cookieOf(id)));
  const overseers = [await fresh.signIn('manager'), await fresh.signIn('administrator')];
  visitors = [
    ...users.map((cookie) => ({ cookie, paths: PATHS.user })),
    ...overseers.map((cookie) => ({ cookie, paths: PATHS.manager })),
  ];
});
afterAll(() => world[Symbol.asyncDispose]());

async function look(site: TestSite, path: string, cookie: string): Promise<string> {
  const answer = await site.web.request(path, { headers: { cookie } });
  return `${answer.status} ${await answer.text()}`;
}

async function check(steps: Step[]): Promise<void> {
  await world.begin();
  // Two owners of whom the data have one version.
  const first = [1, 2].map((visitor) => ({ kind: 'look' as const, node: 0, visitor, path: 0 }));
  for (const step of [...first, ...steps]) {
    if (step.kind === 'event') {
      await happen(world, step.event);
      continue;
    }
    const { cookie, paths } = visitors[step.visitor] ?? { cookie: '', paths: [] };
    const path = paths[step.path % paths.length] ?? '/';
    const site = nodes[step.node] ?? fresh;
    // Into the cache first; what another mailing counts meanwhile may be older for as long as the bound.
    await look(site, path, cookie);
    if (await isRunning(world.db, 'everybody')) await world.turnClock(BOUND_MS);
    expect(await look(site, path, cookie)).toBe(await look(fresh, path, cookie));
  }
}

it(
  'a page from the cache is the page that is made without one, whoever looks and whatever happened',
  { timeout: 120_000 },
  async () => {
    const plan = fc.array(anyStep, { minLength: 15, maxLength: 40 });
    await fc.assert(fc.asyncProperty(plan, check), {
      numRuns: 8,
      plugins: [fc.interruptAfterTimeLimit(90_000, { failOnInterrupt: true })],
    });
  },
);

it('each kind of event is on the pages at once, and within the bound while a mailing runs', async () => {
  await world.begin();
  await happen(world, { kind: 'finish', user: 0 });
  // The owner's start page, and the overview of everybody's.
  const pages = [visitors[1], visitors[USERS]].map((visitor) => ({
    cookie: visitor?.cookie ?? '',
    path: visitor?.paths[0] ?? '',
  }));
  for (const kind of EVERY_KIND) {
    for (const site of nodes) for (const { path, cookie } of pages) await look(site, path, cookie);
    await happen(world, { kind, user: 1 });
    if (await isRunning(world.db, 'everybody')) await world.turnClock(BOUND_MS);
    for (const site of nodes)
      for (const { path, cookie } of pages)
        expect([kind, await look(site, path, cookie)]).toEqual([kind, await look(fresh, path, cookie)]);
  }
});
