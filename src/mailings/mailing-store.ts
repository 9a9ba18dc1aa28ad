import { sql, type SqlBool, type Updateable } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import { containsText, keyset, PAGE_SIZE, toPage, type ListQuery, type Page, type SortKey } from '../lib/list.js';
import { countByOwner, type OwnerCounts } from '../lib/owner-counts.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import type { Rate } from '../lib/rate.js';
import type { LimitSeconds, MailingStatus, Schema } from '../lib/schema.js';
import type { Mailing, MailingContent, MailingSort, MailingValues } from './mailing.js';

const SORT_KEYS: Record<MailingSort, SortKey> = {
  start: { expression: sql`mailings.first_sending_at`, type: 'timestamptz' },
  created: { expression: sql`mailings.created_at`, type: 'timestamptz' },
};

const SUBJECT = sql<string>`coalesce(mailing_contents.subject, messages.subject, '')`;

const COLUMNS = [
  'mailings.id',
  'mailings.owner_id as ownerId',
  'mailings.message_id as messageId',
  SUBJECT.as('subject'),
  'mailings.status',
  'mailings.audience',
  'mailings.first_sending_at as firstSendingAt',
  'mailings.ends_at as endsAt',
  'mailings.started_at as startedAt',
  'mailings.frozen_at as frozenAt',
  'mailings.finished_at as finishedAt',
  'mailings.start_fault as startFault',
  'mailings.paused_at as pausedAt',
  'mailings.pause_reason as pauseReason',
  'mailings.continued_at as continuedAt',
  'mailings.stopped_at as stoppedAt',
  'mailings.disabled_at as disabledAt',
  'users.name as disabledByName',
  'mailings.disabled_reason as disabledReason',
  'mailings.letters_limit as lettersLimit',
  'mailings.limit_seconds as limitSeconds',
  'mailings.version',
  'mailings.created_at as createdAt',
  'mailings.updated_at as updatedAt',
] as const;

export type SaveMailingResult =
  | { ok: true; id: number }
  | { ok: false; fault: 'messageUnknown' | 'changed' | 'started' | 'gone' };

export type DeleteMailingResult = { ok: true } | { ok: false; fault: 'running' | 'gone' };

export async function listMailings(
  db: Database,
  owners: Owners,
  list: ListQuery<MailingSort>,
  status: MailingStatus | null,
): Promise<Page<Mailing>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, SORT_KEYS[list.sort], sql`mailings.id`);
  const rows = await selectMailings(db)
    .select([...COLUMNS, cursorValue.as('cursor_value')])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where(matches(list.search, status))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

/** How many match, counted up to `limit + 1`. */
export async function countFoundMailings(
  db: Database,
  owners: Owners,
  search: string,
  status: MailingStatus | null,
  limit: number,
): Promise<number> {
  const found = selectMailings(db)
    .select('mailings.id')
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where(matches(search, status))
    .limit(limit + 1);
  const row = await db
    .selectFrom(found.as('found'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function countMailingsByOwner(db: Database, ownerIds: number[]): Promise<OwnerCounts> {
  return countByOwner(db, 'mailings', ownerIds);
}

export async function hasMailings(db: Database, ownerId: number): Promise<boolean> {
  return (await countFoundMailings(db, ownerId, '', null, 0)) > 0;
}

export async function findMailing(db: Database, owners: Owners, id: number): Promise<Mailing | undefined> {
  return selectMailings(db)
    .select(COLUMNS)
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailings.id', '=', id)
    .executeTakeFirst();
}

/** The message as it was at the start; undefined before. */
export async function findMailingContent(
  db: Database,
  ownerId: number,
  id: number,
): Promise<MailingContent | undefined> {
  return db
    .selectFrom('mailing_contents')
    .innerJoin('mailings', 'mailings.id', 'mailing_contents.mailing_id')
    .select(['mailing_contents.subject', 'mailing_contents.body'])
    .where('mailings.owner_id', '=', ownerId)
    .where('mailings.id', '=', id)
    .executeTakeFirst();
}

/** Those that have not started and would send this message: it cannot be deleted from under them. */
export async function listMailingsUsingMessage(db: Database, ownerId: number, messageId: number): Promise<Mailing[]> {
  return selectMailings(db)
    .select(COLUMNS)
    .where('mailings.owner_id', '=', ownerId)
    .where('mailings.message_id', '=', messageId)
    .where('mailings.status', '=', 'created')
    .orderBy('mailings.first_sending_at')
    .execute();
}

/** Another owner's message is answered like one that does not exist. */
export async function addMailing(db: Database, ownerId: number, values: MailingValues): Promise<SaveMailingResult> {
  const row = await db
    .insertInto('mailings')
    .columns(['owner_id', 'message_id', 'first_sending_at', 'ends_at', 'audience', 'letters_limit', 'limit_seconds'])
    .expression((eb) =>
      eb
        .selectFrom('messages')
        .select([
          'messages.owner_id',
          'messages.id',
          sql<Date>`${values.firstSendingAt}::timestamptz`.as('first_sending_at'),
          sql<Date>`${values.endsAt}::timestamptz`.as('ends_at'),
          sql<MailingValues['audience']>`${values.audience}::mailing_audience`.as('audience'),
          sql<number | null>`${values.rate?.letters ?? null}::integer`.as('letters_limit'),
          sql<LimitSeconds | null>`${values.rate?.seconds ?? null}::integer`.as('limit_seconds'),
        ])
        .where('messages.owner_id', '=', ownerId)
        .where('messages.id', '=', values.messageId)
        .forKeyShare(),
    )
    .returning('id')
    .executeTakeFirst();
  return row ? { ok: true, id: row.id } : { ok: false, fault: 'messageUnknown' };
}

/** Saves only over the version that the form was opened with, and only before the start. */
export async function changeMailing(
  db: Database,
  ownerId: number,
  id: number,
  version: number,
  values: MailingValues,
): Promise<SaveMailingResult> {
  const row = await db
    .updateTable('mailings')
    .from('messages')
    .set({
      message_id: sql`messages.id`,
      first_sending_at: values.firstSendingAt,
      ends_at: values.endsAt,
      audience: values.audience,
      ...toRateColumns(values.rate),
      start_fault: null,
      version: version + 1,
      updated_at: sql`now()`,
    })
    .whereRef('messages.owner_id', '=', 'mailings.owner_id')
    .where('messages.id', '=', values.messageId)
    .where('mailings.owner_id', '=', ownerId)
    .where('mailings.id', '=', id)
    .where('mailings.version', '=', version)
    .where('mailings.status', '=', 'created')
    .returning('mailings.id')
    .executeTakeFirst();
  return row ? { ok: true, id: row.id } : explainUnsaved(await findMailing(db, ownerId, id), version);
}

/** At any time until it is finished, which is told by false. */
export async function setMailingRate(db: Database, ownerId: number, id: number, rate: Rate | null): Promise<boolean> {
  const row = await db
    .updateTable('mailings')
    .set({ ...toRateColumns(rate), version: sql<number>`version + 1`, updated_at: sql`now()` })
    .where('owner_id', '=', ownerId)
    .where('id', '=', id)
    .where('status', '<>', 'finished')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

function toRateColumns(rate: Rate | null) {
  return { letters_limit: rate?.letters ?? null, limit_seconds: rate?.seconds ?? null };
}

function explainUnsaved(mailing: Mailing | undefined, version: number): SaveMailingResult {
  if (!mailing) return { ok: false, fault: 'gone' };
  if (mailing.status !== 'created') return { ok: false, fault: 'started' };
  return { ok: false, fault: mailing.version === version ? 'messageUnknown' : 'changed' };
}

/** Its audience, deliveries and attempts go along. A running one has to be stopped first. */
export async function deleteMailing(db: Database, ownerId: number, id: number): Promise<DeleteMailingResult> {
  const row = await db
    .deleteFrom('mailings')
    .where('owner_id', '=', ownerId)
    .where('id', '=', id)
    .where('status', '<>', 'running')
    .returning('id')
    .executeTakeFirst();
  if (row) return { ok: true };
  return { ok: false, fault: (await findMailing(db, ownerId, id)) ? 'running' : 'gone' };
}

/** Until the transaction ends nobody else starts, marks or deletes it. */
export async function lockMailing(trx: Transaction, owners: Owners, id: number): Promise<Mailing | undefined> {
  return selectMailings(trx)
    .select(COLUMNS)
    .where(belongsTo(owners, 'mailings.owner_id'))
    .where('mailings.id', '=', id)
    .forUpdate('mailings')
    .executeTakeFirst();
}

export type MailingMarks = Pick<
  Updateable<Schema['mailings']>,
  'paused_at' | 'pause_reason' | 'continued_at' | 'stopped_at' | 'disabled_at' | 'disabled_by' | 'disabled_reason'
>;

/** Meaningful under `lockMailing`. */
export async function markMailing(trx: Transaction, id: number, marks: MailingMarks): Promise<void> {
  await trx.updateTable('mailings').set(marks).where('id', '=', id).execute();
}

function selectMailings(db: Database) {
  return db
    .selectFrom('mailings')
    .leftJoin('messages', 'messages.id', 'mailings.message_id')
    .leftJoin('mailing_contents', 'mailing_contents.mailing_id', 'mailings.id')
    .leftJoin('users', 'users.id', 'mailings.disabled_by');
}

/** An owner's mailings are few enough to look through; the pattern for one or two letters wants a space before each word. */
function matches(search: string, status: MailingStatus | null) {
  const bySearch = containsText(sql`lower(' ' || ${SUBJECT})`, search);
  return status === null ? bySearch : sql<SqlBool>`${bySearch} and mailings.status = ${status}`;
}
