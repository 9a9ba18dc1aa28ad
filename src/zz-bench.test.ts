import { sql } from 'kysely';
import { test } from 'vitest';
import { createTestDatabase } from '../test/support/database.js';
import { addUser } from '../test/support/fixtures.js';
import { countAttempts, listAttempts } from './delivery/oversight-attempt-store.js';
import { sumCountersByOwner } from './delivery/owner-sums-store.js';
import { sumCounters } from './delivery/delivery-store.js';
import { parseListQuery } from './lib/list.js';
import { countFoundRecipients, listRecipients, countRecipients } from './recipients/recipient-store.js';
import { listMessages, countMessages } from './messages/message-store.js';
import { listMailings, countFoundMailings } from './mailings/mailing-store.js';
import { countMailingsByStatus } from './mailings/oversight-mailing-store.js';

const time = async (name: string, task: () => Promise<unknown>) => {
  await task();
  const begun = performance.now();
  const got = await task();
  console.log(name.padEnd(60), (performance.now() - begun).toFixed(1), 'ms', typeof got === 'number' ? got : Array.isArray(got) ? got.length : ((got as { rows?: unknown[] }).rows?.length ?? ''));
};

test('bench', { timeout: 900_000 }, async () => {
  await using database = await createTestDatabase();
  const { db } = database;
  for (let n = 0; n < 50; n += 1) await addUser(db);
  console.log('users');
  await sql`set work_mem = '64MB'`.execute(db);
  await sql`insert into recipients (owner_id, email, name) select case when n % 1000 = 0 then 2 + n/1000 % 49 else 1 end, 'r' || n || '@example.com', 'Name ' || md5(n::text) from generate_series(1, 1000000) n`.execute(db);
  console.log('recipients');
  await sql`insert into messages (owner_id, subject, body) select 1 + n % 50, 'Subject ' || n, 'Body ' || md5(n::text) from generate_series(1, 20000) n`.execute(db);
  // owner 1: 20 mailings of 45000; owner 2: 1000 mailings x 50; owner 3: 1 mailing x 20, others none but created ones
  await sql`insert into mailings (owner_id, message_id, audience, status, first_sending_at, ends_at, started_at, frozen_at, finished_at)
    select case when n <= 20 then 1 when n <= 1020 then 2 when n <= 1021 then 3 else 1 + n % 50 end, null, 'all', 'finished', now() - n * interval '1 minute', now() + interval '1 day', now(), now(), now() from generate_series(1, 20000) n`.execute(db);
  await sql`insert into mailing_contents select id, 'Subject ' || id, 'Body' from mailings`.execute(db);
  await sql`insert into deliveries (mailing_id, next_try_at, state, address, name, attributes)
    select m.id, now(), 'accepted', 'r' || n || '@example.com', '', '{}' from mailings m, lateral generate_series(1, case when m.id <= 20 then 45000 when m.id <= 1020 then 100 when m.id <= 1021 then 20 else 0 end) n`.execute(db);
  console.log('deliveries');
  // in the order in which they would be written: owner 3's first of all
  await sql`insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, address, relay, stage, reply)
    select id, mailing_id, now(), 5, (case when id % 10 = 0 then 'deferred' when id % 1000 = 1 then 'rejected' when id % 100000 = 7 then 'in_doubt' else 'accepted' end)::attempt_outcome, address, 'smtp.example.com', 'dot', '2.0.0 Ok: queued as ' || md5(id::text) from deliveries order by mailing_id = 1021 desc, id`.execute(db);
  await sql`insert into mailing_counters (mailing_id, audience, accepted, attempts_accepted, attempts_deferred, attempts_rejected, attempts_in_doubt)
    select m.id, coalesce(x.n,0), coalesce(x.n,0), coalesce(a,0), coalesce(d,0), coalesce(r,0), coalesce(i,0) from mailings m left join (select mailing_id, count(*) n, count(*) filter (where outcome='accepted') a, count(*) filter (where outcome='deferred') d, count(*) filter (where outcome='rejected') r, count(*) filter (where outcome='in_doubt') i from attempts group by 1) x on x.mailing_id = m.id`.execute(db);
  await sql`vacuum analyze`.execute(db);
  console.log('attempts');
  const q = (params: Record<string, string> = {}) => parseListQuery(params, ['created'] as const, '-created');
  for (const [round, index] of [['without', ''], ['with', 'create index attempts_unsuccessful_idx on attempts (id, outcome) where outcome <> \'accepted\'']] as const) {
    console.log(round);
    if (index) { await sql.raw(index).execute(db); await sql`vacuum analyze attempts`.execute(db); }
    for (const owners of ['everybody', 1, 2, 3, 4] as const)
      for (const filter of [null, 'accepted', 'unsuccessful', 'deferred', 'rejected', 'in_doubt'] as const)
        await time(`attempts ${owners} ${filter}`, () => listAttempts(db, owners, filter, parseListQuery({}, ['time'] as const, '-time')));
  }
  const first = await listAttempts(db, 2, null, parseListQuery({}, ['time'] as const, '-time'));
  await time('attempts 2 page 2', () => listAttempts(db, 2, null, parseListQuery({ after: first.after ?? '' }, ['time'] as const, '-time')));
  await time('attempts 2 ascending', () => listAttempts(db, 2, null, parseListQuery({}, ['time'] as const, 'time')));
  await time('countAttempts', () => countAttempts(db, 'everybody', null));
  await time('countAttempts 2', () => countAttempts(db, 2, null));
  await time('sumCounters', () => sumCounters(db, 'everybody'));
  await time('sumCountersByOwner', () => sumCountersByOwner(db, 50));
  await time('countMailingsByStatus', () => countMailingsByStatus(db));
  await time('recipients total', () => countRecipients(db, 'everybody'));
  for (const owners of ['everybody', 1, 2] as const)
    for (const search of ['', 'r', 'ab', 'example', 'r123456@', 'zzzz', 'name abc'])  {
      await time(`recipients ${owners} "${search}"`, () => listRecipients(db, owners, q({ q: search })));
      await time(`recipients count ${owners} "${search}"`, () => countFoundRecipients(db, owners, search, 1000));
    }
  for (const owners of ['everybody', 1] as const)
    for (const search of ['', 's', 'subject 1234', 'zzzz']) {
      await time(`messages ${owners} "${search}"`, () => listMessages(db, owners, { ...q({ q: search }), sort: 'updated' }));
      await time(`messages count ${owners} "${search}"`, () => countMessages(db, owners, search, 1000));
      for (const status of [null, 'running'] as const) {
        await time(`mailings ${owners} ${status} "${search}"`, () => listMailings(db, owners, { ...q({ q: search }), sort: 'start' }, status));
        await time(`mailings count ${owners} ${status} "${search}"`, () => countFoundMailings(db, owners, search, status, 1000));
      }
    }
});
