import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addFinishedMailing, type PastDelivery } from '../../test/support/finished-mailing.js';
import { addMailing, addUser } from '../../test/support/fixtures.js';
import { found } from '../../test/support/ledger.js';
import type { Database } from '../lib/database.js';
import { listMailingDomains, readSummaries, summarizeMailing } from './mailing-summary-store.js';
import type { MailingDomain, MailingSummary } from './mailing-summary.js';

let database: TestDatabase;
let db: Database;
let owner: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  owner = await addUser(db);
});
afterAll(() => database.close());

const START = new Date('2026-03-01T10:00:07.250Z');
const at = (seconds: number) => new Date(START.getTime() + seconds * 1000);

const finished = (deliveries: PastDelivery[], finishedAt = at(1e7)) =>
  addFinishedMailing(db, owner, { startedAt: START, finishedAt, deliveries });

const read = async (id: number) => found((await readSummaries(db, owner, [id])).get(id));

const accepted = (address: string, seconds: number, relay = 'one'): PastDelivery => ({
  address,
  state: 'accepted',
  attempts: [{ startedAt: at(seconds), outcome: 'accepted', relay, durationMs: 30 }],
});

/** The same, counted in the plainest way. */
function recount(deliveries: PastDelivery[], { startsAt, stretchSeconds }: MailingSummary) {
  const attempts = deliveries.flatMap((delivery) => delivery.attempts);
  const stretchOf = (time: Date) => Math.floor((time.getTime() - Date.parse(startsAt)) / (stretchSeconds * 1000));
  const last = Math.max(-1, ...attempts.map(({ startedAt }) => stretchOf(startedAt)));
  const count = (n: number, isCounted: (attempt: (typeof attempts)[number]) => boolean) =>
    attempts.filter((attempt) => stretchOf(attempt.startedAt) === n && isCounted(attempt)).length;
  const stretches = Array.from({ length: last + 1 }, (_, n) => n);
  const starts = attempts.map(({ startedAt }) => startedAt.getTime());
  const ends = attempts.map(({ startedAt, durationMs = 0 }) => startedAt.getTime() + durationMs);
  const relays = [...new Set(attempts.map(({ relay = '' }) => relay))].map((relay) => {
    const own = attempts.filter((attempt) => attempt.relay === relay);
    return { relay, tries: own.length, accepted: own.filter(({ outcome }) => outcome === 'accepted').length };
  });
  return {
    startsAt,
    stretchSeconds,
    tries: stretches.map((n) => count(n, () => true)),
    accepted: stretches.map((n) => count(n, ({ outcome }) => outcome === 'accepted')),
    firstAt: starts.length === 0 ? null : new Date(Math.min(...starts)).toISOString(),
    lastAt: ends.length === 0 ? null : new Date(Math.max(...ends)).toISOString(),
    relays: relays.toSorted((a, b) => b.tries - a.tries || (a.relay < b.relay ? -1 : 1)),
  };
}

function recountDomains(deliveries: PastDelivery[]): MailingDomain[] {
  const domainOf = ({ address }: PastDelivery) => address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  return [...new Set(deliveries.map(domainOf))].map((domain) => {
    const own = deliveries.filter((delivery) => domainOf(delivery) === domain);
    const count = (state: PastDelivery['state']) => own.filter((delivery) => delivery.state === state).length;
    return {
      domain,
      audience: own.length,
      accepted: count('accepted'),
      rejected: count('rejected'),
      inDoubt: count('in_doubt'),
      suppressed: count('suppressed'),
      expired: count('expired'),
      cancelled: count('cancelled'),
    };
  });
}

const byDomain = (a: MailingDomain, b: MailingDomain) => (a.domain < b.domain ? -1 : 1);

const anyAttempt = (longest: number) =>
  fc.record({
    startedAt: fc.integer({ min: 0, max: longest * 1000 }).map((ms) => new Date(START.getTime() + ms)),
    durationMs: fc.nat({ max: 5000 }),
    outcome: fc.constantFrom('accepted' as const, 'deferred' as const, 'rejected' as const, 'in_doubt' as const),
    relay: fc.constantFrom('one', 'two', 'three'),
  });

const STATES = ['accepted', 'rejected', 'in_doubt', 'suppressed', 'expired', 'cancelled'] as const;

/** Mailings of a second up to three months. */
const anyDeliveries = fc
  .constantFrom(1, 60, 119, 121, 3_000, 90_000, 8_000_000)
  .chain((longest) =>
    fc.array(
      fc.record({
        domain: fc.constantFrom('a.example', 'A.Example', 'b.example', 'почта.рф'),
        state: fc.constantFrom(...STATES),
        attempts: fc.array(anyAttempt(longest), { maxLength: 4 }),
      }),
      { maxLength: 12 },
    ),
  )
  .map((all) => all.map(({ domain, ...rest }, index): PastDelivery => ({ address: `r${index}@${domain}`, ...rest })));

test('a summary equals a plain recount, and no chart has more than 120 stretches', async () => {
  const check = async (deliveries: PastDelivery[]) => {
    const id = await finished(deliveries);
    const summary = await read(id);
    expect(summary).toEqual(recount(deliveries, summary));
    expect(summary.tries.length).toBeLessThanOrEqual(120);
    // On a round moment, unless there was no attempt and so no first one.
    const offset = Date.parse(summary.startsAt) % (summary.stretchSeconds * 1000);
    expect(offset).toBe(summary.tries.length > 0 ? 0 : START.getTime() % 1000);
    const domains = await listMailingDomains(db, owner, id);
    expect(domains.toSorted(byDomain)).toEqual(recountDomains(deliveries).toSorted(byDomain));
  };
  await fc.assert(fc.asyncProperty(anyDeliveries, check), { numRuns: 40 });
});

test('takes the shortest round stretch that suffices', async () => {
  const stretchOf = async (seconds: number) =>
    (await read(await finished([accepted('a@a.example', 0), accepted('b@a.example', seconds)]))).stretchSeconds;
  expect(await stretchOf(0)).toBe(1);
  expect(await stretchOf(118)).toBe(1);
  expect(await stretchOf(130)).toBe(2);
  expect(await stretchOf(3_500)).toBe(30);
  expect(await stretchOf(86_400)).toBe(900);
  expect(await stretchOf(29 * 86_400)).toBe(21_600);
});

test('keeps the largest domains, and adds up all others', async () => {
  const deliveries = Array.from({ length: 1010 }, (_, n) =>
    accepted(`r${n}@d${String(n % 505).padStart(3, '0')}.example`, 0),
  );
  const id = await finished([...deliveries, accepted('more@d504.example', 0)]);
  await summarizeMailing(db, id);
  const domains = await listMailingDomains(db, owner, id);
  expect(domains).toHaveLength(501);
  expect(domains[0]).toMatchObject({ domain: 'd504.example', audience: 3 });
  expect(domains.at(-2)).toMatchObject({ domain: 'd498.example', audience: 2 });
  expect(domains.at(-1)).toMatchObject({ domain: '', audience: 10, accepted: 10, rejected: 0 });
});

test('of two callers at once both succeed, and a second count changes nothing', async () => {
  const deliveries = [accepted('a@a.example', 1), accepted('b@b.example', 9)];
  const id = await finished(deliveries);
  const counted = await Promise.all(Array.from({ length: 6 }, () => summarizeMailing(db, id)));
  expect(counted).toEqual(Array(6).fill(true));
  const before = await rows(id);
  expect(await summarizeMailing(db, id)).toBe(true);
  expect(await rows(id)).toEqual(before);
  expect(await read(id)).toEqual(recount(deliveries, await read(id)));
});

/** With the transactions that wrote them: nothing is written twice. */
async function rows(id: number): Promise<unknown> {
  const { rows: all } = await sql`
    select xmin::text, domain from mailing_domains where mailing_id = ${id}
    union all select xmin::text, 'summary' from mailing_summaries where mailing_id = ${id} order by 2`.execute(db);
  return all;
}

test('a mailing that was sent again and finishes anew is summarised anew', async () => {
  const id = await finished([accepted('a@a.example', 1)]);
  expect((await read(id)).tries).toEqual([1]);
  await sql`update mailings set status = 'running', finished_at = null where id = ${id}`.execute(db);
  expect(await summarizeMailing(db, id)).toBe(false);
  expect(await readSummaries(db, owner, [id])).toEqual(new Map());
  await sql`
    insert into attempts (delivery_id, mailing_id, address, started_at, duration_ms, outcome, relay, stage, reply)
    select id, mailing_id, address, ${at(3)}::timestamptz, 1, 'accepted', 'two', 'dot', '' from deliveries where mailing_id = ${id}`.execute(
    db,
  );
  await sql`update mailings set status = 'finished', finished_at = ${at(1e7)}::timestamptz + interval '1 microsecond' where id = ${id}`.execute(
    db,
  );
  expect((await read(id)).tries).toEqual([1, 0, 1]);
});

test('stays when the attempts are removed, and is made from the totals when there was none by then', async () => {
  const deliveries = [accepted('a@a.example', 1), accepted('b@a.example', 4_000)];
  const [kept, late] = [await finished(deliveries), await finished(deliveries)];
  const before = await read(kept);
  await db.transaction().execute(async (trx) => {
    await sql`delete from attempts where mailing_id in (${kept}, ${late})`.execute(trx);
    await sql`insert into installation_settings default values on conflict do nothing`.execute(trx);
    await sql`update installation_settings set attempts_kept_from = ${at(86_400)}`.execute(trx);
  });
  expect(await read(kept)).toEqual(before);
  expect(await read(late)).toEqual({
    startsAt: '2026-03-01T10:00:00.000Z',
    stretchSeconds: 900,
    tries: [1, 0, 0, 0, 1],
    accepted: [1, 0, 0, 0, 1],
    firstAt: null,
    lastAt: null,
    relays: [],
  });
  await sql`update installation_settings set attempts_kept_from = null`.execute(db);
});

test('another owner’s, one that has not started and one that is not there have none', async () => {
  const id = await finished([accepted('a@a.example', 1)]);
  const created = await addMailing(db, owner);
  expect(await readSummaries(db, await addUser(db), [id])).toEqual(new Map());
  expect(await readSummaries(db, 'everybody', [id])).toHaveLength(1);
  expect(await summarizeMailing(db, created)).toBe(false);
  expect(await summarizeMailing(db, 999_999)).toBe(false);
  expect(await listMailingDomains(db, await addUser(db), id)).toEqual([]);
});
