/** Months of mailings, written straight into the ledger: what the pages that count are measured with. */
import { sql } from 'kysely';

import { summarizeMailing } from '../src/delivery/mailing-summary-store.js';
import type { Database } from '../src/lib/database.js';
import { addUser } from '../test/support/fixtures.js';
import { BODY, CITY, SUBJECT } from './letter.js';

/** Over which the mailings are spread. */
export const DAYS = 90;
const OTHER_OWNERS = 19;
/** The large one is a tenth of everything, and the owner who looks has half of it all. */
const LARGE_PART = 0.1;
const MAILINGS = 200;

export interface FilledLedger {
  /** Finished, the largest and the latest of the owner's. */
  largeMailingId: number;
  attempts: number;
}

/** Half of the attempts are this owner's. Whatever the engine keeps beside attempts is counted from them, so that the books are true. */
export async function fillLedger(db: Database, ownerId: number, attempts: number): Promise<FilledLedger> {
  const owners = [ownerId];
  for (let n = 0; n < OTHER_OWNERS; n += 1) owners.push(await addUser(db));
  await addMonths(db);
  // Three of a hundred letters are put off once.
  const letters = Math.round(attempts / 1.03);
  const size = Math.round((letters * (1 - LARGE_PART)) / MAILINGS);
  for (let n = 0; n < MAILINGS; n += 1) {
    const owner = n % 9 < 4 ? ownerId : (owners[1 + (n % OTHER_OWNERS)] ?? ownerId);
    await addFinished(db, owner, size, daysAgo(n));
    process.stderr.write(`${n + 1} of ${MAILINGS} mailings\r`);
  }
  const largeMailingId = await addFinished(db, ownerId, Math.round(letters * LARGE_PART), 0.5);
  await sumUp(db);
  // As its worker does when it ends.
  await summarizeMailing(db, largeMailingId);
  await sql`vacuum (analyze)`.execute(db);
  const { rows } = await sql<{ attempts: number }>`
    select sum(accepted + deferred + rejected + in_doubt)::bigint as attempts from attempt_totals`.execute(db);
  return { largeMailingId, attempts: rows[0]?.attempts ?? 0 };
}

function daysAgo(n: number): number {
  return DAYS * (1 - n / MAILINGS) + 1;
}

async function addMonths(db: Database): Promise<void> {
  await sql`
    select add_attempts_month(month)
    from generate_series(now() - make_interval(days => ${DAYS + 32}), now(), interval '20 days') month`.execute(db);
}

/** A mailing that sent for two hours, with its deliveries and attempts: 2 of 100 refused, 3 put off once, 1 of 1,000 in doubt. */
async function addFinished(db: Database, ownerId: number, letters: number, days: number): Promise<number> {
  const mailingId = await addMailing(db, ownerId, days);
  await sql`
    insert into deliveries (mailing_id, next_try_at, attempt_count, deferral_count, state, address, name, attributes)
    select m.id, m.started_at, 1 + (n % 100 in (4, 5, 6))::int, (n % 100 in (4, 5, 6))::int,
      case when n % 100 in (7, 8) then 'rejected' when n % 1000 = 9 then 'in_doubt' else 'accepted' end::delivery_state,
      'recipient' || n || '@' || case when n % 3 = 0 then 'example' || n % 500 || '.com' else (array['mail.ru', 'yandex.ru', 'gmail.com'])[1 + n % 3] end,
      'Анна ' || n, jsonb_build_object('city', ${CITY}::text)
    from mailings m, generate_series(1, ${letters}::int) n where m.id = ${mailingId}`.execute(db);
  await sql`
    with tries as (
      select d.*, m.started_at + interval '2 hours' * (row_number() over (order by d.id)) / ${letters}::int as at
      from deliveries d join mailings m on m.id = d.mailing_id where m.id = ${mailingId}
    )
    insert into attempts (delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, enhanced_code, reply, tls)
    select id, mailing_id, at, 5 + id % 50, outcome::attempt_outcome, code, address, 'mail.example.com:25',
      case outcome when 'rejected' then 'rcpt' when 'deferred' then 'rcpt' else 'dot' end, enhanced, reply, 'TLSv1.3'
    from (
      select id, mailing_id, at, address, 'deferred' as outcome, 451 as code, '4.7.1' as enhanced,
        'Greylisting in action, please come back later' as reply from tries where attempt_count = 2
      union all
      select id, mailing_id, at + interval '10 minutes' * (attempt_count - 1), address, state::text,
        case state when 'rejected' then 550 when 'accepted' then 250 end,
        case state when 'rejected' then '5.1.1' when 'accepted' then '2.0.0' end,
        case state when 'rejected' then 'No such user here: ' || address when 'accepted' then 'ok: queued as ' || id
          else 'the connection was lost after the final dot' end from tries
    ) of_all order by at`.execute(db);
  await sql`
    insert into mailing_counters (mailing_id, audience, accepted, rejected, in_doubt, attempts_accepted, attempts_deferred, attempts_rejected, attempts_in_doubt)
    select mailing_id, count(*), a, r, d, a, sum(deferral_count), r, d
    from (
      select *, count(*) filter (where state = 'accepted') over () as a, count(*) filter (where state = 'rejected') over () as r,
        count(*) filter (where state = 'in_doubt') over () as d
      from deliveries where mailing_id = ${mailingId}
    ) counted group by mailing_id, a, r, d`.execute(db);
  return mailingId;
}

async function addMailing(db: Database, ownerId: number, days: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with message as (
      insert into messages (owner_id, subject, body) values (${ownerId}, ${SUBJECT}, ${BODY}) returning id
    ), mailing as (
      insert into mailings (owner_id, message_id, audience, status, first_sending_at, ends_at, started_at, frozen_at, finished_at)
      select ${ownerId}, message.id, 'all', 'finished', began, began + interval '1 day', began, began, began + interval '2 hours 10 minutes'
      from message, (select now() - ${days}::float8 * interval '1 day' as began) t returning id
    )
    insert into mailing_contents (mailing_id, subject, body) select id, ${SUBJECT}, ${BODY} from mailing returning mailing_id as id`.execute(
    db,
  );
  const [row] = rows;
  if (!row) throw new Error('an insert gave no row');
  return row.id;
}

/** As the migration does that made these tables. */
async function sumUp(db: Database): Promise<void> {
  await sql`
    insert into attempt_totals
    select mailing_id, date_bin('15 minutes', started_at, 'epoch'),
      count(*) filter (where outcome = 'accepted'), count(*) filter (where outcome = 'deferred'),
      count(*) filter (where outcome = 'rejected'), count(*) filter (where outcome = 'in_doubt')
    from attempts group by 1, 2`.execute(db);
  await sql`
    insert into refusals
    select mailing_id, lower(split_part(address, '@', -1)), outcome, stage, coalesce(reply_code, 0), coalesce(enhanced_code, ''),
      count(*), max(started_at), (array_agg(reply order by started_at desc, id desc))[1]
    from attempts where outcome <> 'accepted' group by 1, 2, 3, 4, 5, 6`.execute(db);
}
