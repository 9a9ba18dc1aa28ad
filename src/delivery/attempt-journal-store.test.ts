import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addRecipients, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing } from '../../test/support/ledger.js';
import type { Database } from '../lib/database.js';
import { encodeCursor, parseListQuery } from '../lib/list.js';
import { readAttempts } from './attempt-export-store.js';
import { countAttempts, listAttempts } from './attempt-journal-store.js';
import {
  ATTEMPT_SORTS,
  NO_FILTER,
  type AttemptFilter,
  type AttemptScope,
  type JournalAttempt,
} from './attempt-journal.js';
import { sumAttemptsAnew } from './attempt-totals-store.js';

let database: TestDatabase;
let db: Database;
let anna: number;
let boris: number;
const mailings: { id: number; ownerId: number }[] = [];
let all: JournalAttempt[];

/** Every way to a page is gone with the same few rows. */
const WAYS = {
  'all that a scope has': { few: 100_000, walk: 1000, text: 1000 },
  'a walk that comes to its end': { few: -1, walk: 100_000, text: 100_000 },
  'a walk that is broken off': { few: -1, walk: 70, text: 70 },
  'an index of texts after a short walk': { few: -1, walk: 100_000, text: 5 },
};

const DAY = 86_400_000;
const START = Date.UTC(2026, 2, 28);

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  anna = await addUser(db);
  boris = await addUser(db);
  for (const ownerId of [anna, boris]) {
    await addRecipients(db, ownerId, 60);
    for (let n = 0; n < 3; n += 1) mailings.push({ id: await addFrozenMailing(db, ownerId), ownerId });
  }
  for (const { id } of mailings) await addAttempts(id);
  all = await readPlainly();
});
afterAll(() => database.close());

/** Over ten days and two months, with pauses, in clusters that are the same to the microsecond. */
async function addAttempts(mailingId: number): Promise<void> {
  await sql`
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, enhanced_code, reply)
    select d.id, d.mailing_id, to_timestamp(${START / 1000}::float8) + ((n * 7 + d.mailing_id) % 5) * interval '2 days' + (n % 6) * interval '13 minutes',
      n, (array['accepted', 'accepted', 'accepted', 'deferred', 'rejected', 'in_doubt'])[1 + (n * 5 + d.mailing_id) % 6]::attempt_outcome,
      (array[250, 250, 250, 451, 550, null])[1 + (n * 5 + d.mailing_id) % 6], d.address, 'relay' || n % 3 || ':25', 'dot',
      (array['2.0.0', '2.0.0', '2.0.0', '4.7.1', '5.1.1', null])[1 + (n * 5 + d.mailing_id) % 6],
      (array['Ok: queued as ' || n, 'Ok 100% sure', 'Ok_done', 'Greylisted', 'User Unknown: Ящик', 'lost'])[1 + (n * 5 + d.mailing_id) % 6]
    from (select id, mailing_id, address, row_number() over (order by id) as nr from deliveries where mailing_id = ${mailingId}) d,
      lateral (select (d.nr * 4 + k)::int as n from generate_series(1, 3) k) k`.execute(db);
  await sql`
    update mailing_counters c set attempts_accepted = k.accepted, attempts_deferred = k.deferred, attempts_rejected = k.rejected,
      attempts_in_doubt = k.in_doubt
    from (select count(*) filter (where outcome = 'accepted') as accepted, count(*) filter (where outcome = 'deferred') as deferred,
      count(*) filter (where outcome = 'rejected') as rejected, count(*) filter (where outcome = 'in_doubt') as in_doubt
      from attempts where mailing_id = ${mailingId}) k where c.mailing_id = ${mailingId}`.execute(db);
  await sumAttemptsAnew(db, mailingId);
}

async function readPlainly(): Promise<JournalAttempt[]> {
  const { rows } = await sql<JournalAttempt>`
    select a.id, a.mailing_id as "mailingId", m.owner_id as "ownerId", a.address, a.started_at as "startedAt", a.outcome, a.relay,
      a.reply_code as "replyCode", a.enhanced_code as "enhancedCode", a.reply
    from attempts a join mailings m on m.id = a.mailing_id order by a.started_at, a.id`.execute(db);
  return rows;
}

/** The same conditions in other words. */
function isMeant({ owners, mailingId }: AttemptScope, filter: AttemptFilter, attempt: JournalAttempt): boolean {
  const { outcome, address, reply, code, relay, from, until } = filter;
  const [lower, domain] = [attempt.address.toLowerCase(), attempt.address.toLowerCase().split('@')[1]];
  return [
    owners === 'everybody' || owners === attempt.ownerId,
    mailingId === null || mailingId === attempt.mailingId,
    outcome === null || outcome === attempt.outcome || (outcome === 'unsuccessful' && attempt.outcome !== 'accepted'),
    address === null || (address.kind === 'domain' ? domain === address.text : lower.startsWith(address.text)),
    attempt.reply.toLowerCase().includes(reply),
    code === null || (code.kind === 'reply' ? attempt.replyCode === code.code : attempt.enhancedCode === code.code),
    attempt.relay.includes(relay),
    from === null || attempt.startedAt >= from,
    until === null || attempt.startedAt < until,
  ].every(Boolean);
}

const INSTANT = fc.integer({ min: -1, max: 12 * 24 }).map((hours) => new Date(START + hours * 3_600_000));

const FILTER: fc.Arbitrary<AttemptFilter> = fc.record({
  outcome: fc.constantFrom(null, null, 'accepted', 'unsuccessful', 'deferred', 'rejected', 'in_doubt'),
  address: fc.constantFrom(
    null,
    null,
    null,
    { kind: 'beginning' as const, text: 'r1' },
    { kind: 'beginning' as const, text: 'r17@example.com' },
    { kind: 'domain' as const, text: 'example.com' },
    { kind: 'domain' as const, text: 'xample.com' },
  ),
  reply: fc.constantFrom('', '', '', 'ok', '100%', 'ok_', 'unknown', 'ящик', 'greylisted', 'nothing of it'),
  code: fc.constantFrom(
    null,
    null,
    null,
    { kind: 'reply' as const, code: 250 },
    { kind: 'reply' as const, code: 550 },
    { kind: 'reply' as const, code: 451 },
    { kind: 'enhanced' as const, code: '5.1.1' },
    { kind: 'enhanced' as const, code: '2.0.0' },
  ),
  relay: fc.constantFrom('', '', 'relay1', '25', 'elsewhere'),
  from: fc.oneof(fc.constant(null), INSTANT),
  until: fc.oneof(fc.constant(null), INSTANT),
});

function scopes(): AttemptScope[] {
  const ofMailings = mailings.map(({ id, ownerId }) => ({ owners: ownerId, mailingId: id }));
  return [
    { owners: 'everybody', mailingId: null },
    { owners: anna, mailingId: null },
    { owners: boris, mailingId: null },
    ...ofMailings.slice(0, 4),
    // Somebody else's mailing, and nobody.
    { owners: boris, mailingId: mailings[0]?.id ?? 0 },
    { owners: 0, mailingId: null },
  ];
}

interface Course {
  scope: AttemptScope;
  filter: AttemptFilter;
  way: keyof typeof WAYS;
  isAscending: boolean;
}

/** All pages one after the other, and back. */
async function readThrough({ scope, filter, way, isAscending }: Course) {
  const read = (place: Record<string, string>) => {
    const list = parseListQuery({ sort: isAscending ? 'time' : '-time', ...place }, ATTEMPT_SORTS, '-time');
    return listAttempts(db, scope, filter, list, WAYS[way]);
  };
  const there: number[] = [];
  let journal = await read({});
  let pages = 1;
  for (;;) {
    there.push(...journal.page.rows.map(({ id }) => id));
    // A search that was broken off leads on.
    expect(journal.brokenOffAt !== null && journal.page.after === null).toBe(false);
    if (journal.page.after === null) break;
    journal = await read({ after: journal.page.after });
    expect((pages += 1)).toBeLessThan(200);
  }
  const back: number[] = [];
  const end = { id: 1, cursor_value: isAscending ? '2090-01-01 00:00:00+00' : '1990-01-01 00:00:00+00' };
  for (let before: string | null = encodeCursor(end); before !== null; before = journal.page.before) {
    journal = await read({ before });
    back.unshift(...journal.page.rows.map(({ id }) => id));
    expect((pages += 1)).toBeLessThan(400);
  }
  return { there, back };
}

test('whatever is asked for, and by whichever way it is found, the pages together are what plain SQL has, in order, there and back', async () => {
  const course = fc.record({
    scope: fc.constantFrom(...scopes()),
    filter: FILTER,
    way: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
    isAscending: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(course, async (given) => {
      const meant = all.filter((attempt) => isMeant(given.scope, given.filter, attempt)).map(({ id }) => id);
      const expected = given.isAscending ? meant : meant.toReversed();
      expect(await readThrough(given)).toEqual({ there: expected, back: expected });
    }),
    { numRuns: 150 },
  );
});

test('an export has the same, each once, however small its batches', async () => {
  const course = fc.record({
    scope: fc.constantFrom(...scopes()),
    filter: FILTER,
    batch: fc.integer({ min: 1, max: 200 }),
  });
  await fc.assert(
    fc.asyncProperty(course, async ({ scope, filter, batch }) => {
      const read: number[] = [];
      for await (const rows of readAttempts(db, scope, filter, batch)) read.push(...rows.map(({ id }) => id));
      const meant = all.filter((attempt) => isMeant(scope, filter, attempt)).map(({ id }) => id);
      expect(read.toSorted((a, b) => a - b)).toEqual(meant.toSorted((a, b) => a - b));
    }),
    { numRuns: 40 },
  );
});

test('a page says how far the search looked that was broken off, and nothing where it came to its end', async () => {
  const scope = { owners: 'everybody', mailingId: null } as const;
  const list = parseListQuery({}, ATTEMPT_SORTS, '-time');
  const filter = { ...NO_FILTER, relay: 'elsewhere' };
  const broken = await listAttempts(db, scope, filter, list, { few: -1, walk: 100, text: 100 });
  expect(broken.page.rows).toEqual([]);
  expect(broken.brokenOffAt).toEqual(all.at(-100)?.startedAt);
  expect((await listAttempts(db, scope, filter, list)).brokenOffAt).toBeNull();
});

test('counts by the books what is narrowed by the outcome alone', async () => {
  const scope = { owners: anna, mailingId: null };
  const of = (outcome: string) => all.filter((a) => a.ownerId === anna && a.outcome === outcome).length;
  expect(await countAttempts(db, scope, NO_FILTER)).toBe(540);
  expect(await countAttempts(db, scope, { ...NO_FILTER, outcome: 'rejected' })).toBe(of('rejected'));
  expect(await countAttempts(db, scope, { ...NO_FILTER, from: new Date(START + DAY) })).toBeNull();
});
