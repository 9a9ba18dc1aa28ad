import { sql, type SqlBool } from 'kysely';

import type { Database } from '../lib/database.js';
import { keyset, PAGE_SIZE, toPage, type ListQuery, type Page, type SortKey } from '../lib/list.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import { ATTEMPT, sumCounters } from './delivery-store.js';
import type { AttemptFilter, Counters, OverseenAttempt } from './delivery.js';

/* Attempts over all mailings, as managers see them. */

/** Attempts are numbered in the order in which they are written down. */
const BY_ID: SortKey = { expression: sql`attempts.id`, type: 'bigint' };

/**
 * At a million attempts, everybody's are read backwards along the primary key, or along attempts_unsuccessful_idx. One owner's may be
 * a few among the million, so of each of the owner's mailings with such attempts a page is read, and the newest of those are kept:
 * 20 ms for a thousand mailings, where reading everybody's backwards took 400 ms.
 */
export async function listAttempts(
  db: Database,
  owners: Owners,
  filter: AttemptFilter | null,
  list: ListQuery,
): Promise<Page<OverseenAttempt>> {
  const { where, orderBy, cursorValue, cursor } = keyset(list, BY_ID, sql`attempts.id`);
  const page = db
    .selectFrom('attempts')
    .selectAll('attempts')
    .where(hasOutcome(filter))
    .where(where)
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1);
  const attempts =
    owners === 'everybody'
      ? db.selectFrom(page.as('attempts')).innerJoin('mailings', 'mailings.id', 'attempts.mailing_id')
      : db
          .selectFrom('mailings')
          .innerJoin('mailing_counters', 'mailing_counters.mailing_id', 'mailings.id')
          .innerJoinLateral(page.where(sql<SqlBool>`attempts.mailing_id = mailings.id`).as('attempts'), (join) =>
            join.onTrue(),
          )
          .where(hasCounted(filter));
  const rows = await attempts
    .select([
      ...ATTEMPT,
      'attempts.mailing_id as mailingId',
      'mailings.owner_id as ownerId',
      cursorValue.as('cursor_value'),
    ])
    .where(belongsTo(owners, 'mailings.owner_id'))
    .orderBy(orderBy)
    .limit(PAGE_SIZE + 1)
    .execute();
  return toPage(rows, cursor);
}

/** From the books of the mailings, which count every attempt. */
export async function countAttempts(db: Database, owners: Owners, filter: AttemptFilter | null): Promise<number> {
  const counters = await sumCounters(db, owners);
  return COUNTED[filter ?? 'all'].reduce((sum, column) => sum + counters[column], 0);
}

const COUNTED = {
  all: ['attemptsAccepted', 'attemptsDeferred', 'attemptsRejected', 'attemptsInDoubt'],
  accepted: ['attemptsAccepted'],
  unsuccessful: ['attemptsDeferred', 'attemptsRejected', 'attemptsInDoubt'],
  deferred: ['attemptsDeferred'],
  rejected: ['attemptsRejected'],
  in_doubt: ['attemptsInDoubt'],
} as const satisfies Record<AttemptFilter | 'all', (keyof Counters)[]>;

/** What is not accepted says so in the words of the partial index. */
function hasOutcome(filter: AttemptFilter | null) {
  if (filter === null) return sql<SqlBool>`true`;
  if (filter === 'accepted') return sql<SqlBool>`attempts.outcome = 'accepted'`;
  const isUnsuccessful = sql<SqlBool>`attempts.outcome <> 'accepted'`;
  return filter === 'unsuccessful'
    ? isUnsuccessful
    : sql<SqlBool>`(${isUnsuccessful} and attempts.outcome = ${filter})`;
}

/** A mailing without such attempts is not read through in vain. */
function hasCounted(filter: AttemptFilter | null) {
  const columns = COUNTED[filter ?? 'all'].map((column) => sql.ref(COLUMNS[column]));
  return sql<SqlBool>`${sql.join(columns, sql` + `)} > 0`;
}

const COLUMNS = {
  attemptsAccepted: 'mailing_counters.attempts_accepted',
  attemptsDeferred: 'mailing_counters.attempts_deferred',
  attemptsRejected: 'mailing_counters.attempts_rejected',
  attemptsInDoubt: 'mailing_counters.attempts_in_doubt',
} as const;
