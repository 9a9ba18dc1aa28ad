import { sql, type RawBuilder, type SqlBool } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import { keyset, PAGE_SIZE, toPage, type ListQuery, type Page, type SortKey } from '../lib/list.js';
import type { MailingAudience } from '../lib/schema.js';
import { countRecipients, matchesSearch } from '../recipients/recipient-store.js';
import type { AudienceMember, AudienceSize } from './mailing.js';

/* Who a mailing is for while it has not started: the rows of mailing_recipients, or everybody. */

const BY_EMAIL: SortKey = { expression: sql`lower(recipients.email)`, type: 'text' };

/** Counting so many takes about 10 ms; a page waits no longer. */
const COUNT_LIMIT = 100_000;
const FEW_CHOSEN = 5000;

export type AudienceChange = { ok: true; count: number } | { ok: false; fault: 'started' | 'gone' };

/** The owner's recipients by address, each with whether it is chosen; `onlyChosen` leaves the others out. */
export async function listAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  list: ListQuery,
  onlyChosen: boolean,
): Promise<Page<AudienceMember>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, BY_EMAIL, sql`recipients.id`);
  const rows = await db
    .selectFrom('recipients')
    .select(['recipients.id', 'recipients.email', 'recipients.name', cursorValue.as('cursor_value')])
    .where('recipients.owner_id', '=', ownerId)
    .where(matchesSearch(list.search))
    .where(onlyChosen ? await matchesChosen(db, ownerId, mailingId) : sql<SqlBool>`true`)
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  const page = toPage(rows, cursor);
  const ids = page.rows.map(({ id }) => id);
  const chosen = new Set(await selectChosen(db, ownerId, mailingId, ids));
  return { ...page, rows: page.rows.map(({ id, email, name }) => ({ id, email, name, chosen: chosen.has(id) })) };
}

/**
 * Few chosen ones are fetched first and sorted; of many, the list is walked in its order, and each looked up. Left to itself the
 * planner hashes all of them for one page: 60 ms at 100,000. The limit keeps it from that.
 */
async function matchesChosen(db: Database, ownerId: number, mailingId: number): Promise<RawBuilder<SqlBool>> {
  const few = await selectChosen(db, ownerId, mailingId, null);
  if (few.length <= FEW_CHOSEN) return sql<SqlBool>`recipients.id = any(${few}::bigint[])`;
  return sql<SqlBool>`coalesce((
    select true from mailing_recipients c where c.mailing_id = ${mailingId} and c.recipient_id = recipients.id limit 1), false)`;
}

/** The chosen ones among these ids, or the first of all, one more than count as few. */
async function selectChosen(db: Database, ownerId: number, mailingId: number, ids: number[] | null): Promise<number[]> {
  let query = db
    .selectFrom('mailing_recipients')
    .select('recipient_id')
    .where('mailing_id', '=', mailingId)
    .where('owner_id', '=', ownerId)
    .limit(FEW_CHOSEN + 1);
  if (ids) query = query.where('recipient_id', '=', sql<number>`any(${ids}::bigint[])`);
  const rows = await query.execute();
  return rows.map((row) => row.recipient_id);
}

/** All of the owner's from the kept total; the chosen ones counted, up to a limit. */
export async function countAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  audience: MailingAudience,
): Promise<AudienceSize> {
  if (audience === 'all') return { count: await countRecipients(db, ownerId), exact: true };
  const rows = db
    .selectFrom('mailing_recipients')
    .select('recipient_id')
    .where('mailing_id', '=', mailingId)
    .where('owner_id', '=', ownerId)
    .limit(COUNT_LIMIT + 1);
  const { count } = await db
    .selectFrom(rows.as('chosen'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return { count: Math.min(count, COUNT_LIMIT), exact: count <= COUNT_LIMIT };
}

/** Whether it would go to nobody. */
export async function isAudienceEmpty(
  db: Database,
  ownerId: number,
  mailingId: number,
  audience: MailingAudience,
): Promise<boolean> {
  if (audience === 'all') return (await countRecipients(db, ownerId)) === 0;
  const row = await db
    .selectFrom('mailing_recipients')
    .select('recipient_id')
    .where('mailing_id', '=', mailingId)
    .where('owner_id', '=', ownerId)
    .limit(1)
    .executeTakeFirst();
  return row === undefined;
}

/** Chooses those of the ids that are the owner's, and tells how many were not chosen before. */
export async function addToAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  ids: number[],
): Promise<AudienceChange> {
  return changeAudience(db, ownerId, mailingId, (trx) =>
    insertChosen(
      trx,
      selectRecipients(trx, ownerId, mailingId).where('recipients.id', '=', sql<number>`any(${ids}::bigint[])`),
    ),
  );
}

/** Chooses everything that a search finds: the whole list, not just its page. */
export async function addFoundToAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  search: string,
): Promise<AudienceChange> {
  return changeAudience(db, ownerId, mailingId, (trx) =>
    insertChosen(trx, selectRecipients(trx, ownerId, mailingId).where(matchesSearch(search))),
  );
}

export async function removeFromAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  ids: number[],
): Promise<AudienceChange> {
  return changeAudience(db, ownerId, mailingId, async (trx) => {
    const result = await trx
      .deleteFrom('mailing_recipients')
      .where('mailing_id', '=', mailingId)
      .where('recipient_id', '=', sql<number>`any(${ids}::bigint[])`)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  });
}

export async function clearAudience(db: Database, ownerId: number, mailingId: number): Promise<AudienceChange> {
  return changeAudience(db, ownerId, mailingId, async (trx) => {
    const result = await trx.deleteFrom('mailing_recipients').where('mailing_id', '=', mailingId).executeTakeFirst();
    return Number(result.numDeletedRows);
  });
}

/** Inserts what the query selects, and tells how many were not there yet; for audiences made by other statements as well. */
export async function insertChosen(db: Database, rows: ReturnType<typeof selectRecipients>): Promise<number> {
  const result = await db
    .insertInto('mailing_recipients')
    .columns(['mailing_id', 'recipient_id', 'owner_id'])
    .expression(rows)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0);
}

/** The owner's recipients as rows of a mailing's audience. */
export function selectRecipients(db: Database, ownerId: number, mailingId: number) {
  return db
    .selectFrom('recipients')
    .select([sql<number>`${mailingId}::bigint`.as('mailing_id'), 'recipients.id', 'recipients.owner_id'])
    .where('recipients.owner_id', '=', ownerId);
}

/** The lock keeps the mailing from starting with half of the change. */
async function changeAudience(
  db: Database,
  ownerId: number,
  mailingId: number,
  change: (trx: Transaction) => Promise<number>,
): Promise<AudienceChange> {
  return db.transaction().execute(async (trx) => {
    const mailing = await trx
      .selectFrom('mailings')
      .select('status')
      .where('owner_id', '=', ownerId)
      .where('id', '=', mailingId)
      .forShare()
      .executeTakeFirst();
    if (!mailing) return { ok: false, fault: 'gone' };
    if (mailing.status !== 'created') return { ok: false, fault: 'started' };
    return { ok: true, count: await change(trx) };
  });
}
