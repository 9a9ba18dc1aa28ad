/**
 * The start: status created → running, with the message copied as it is at this moment. The worker that finds a running mailing
 * without `frozen_at` makes its deliveries. Both happen under the lock of the mailing's row, so a double click, two tabs or several
 * workers start it once; a crash before the commit leaves it created, and due as before.
 */
import { recordAudit } from '../audit/audit-store.js';
import { VESTNIK, type Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import type { MailingAudience, MailingStatus } from '../lib/schema.js';
import { isAudienceEmpty } from './audience-store.js';
import { nameMailing, type StartFault } from './mailing.js';

/** `blocked` is its owner. */
export type StartResult =
  | { ok: true; already?: true }
  | { ok: false; fault: 'no_recipients' | 'window_over' | 'disabled' | 'blocked' | 'gone' };

/** Starts it at once, whatever its first sending time. One that has started already is left as it is. */
export async function startMailing(
  db: Database,
  actor: Actor,
  ownerId: number,
  id: number,
  now: Date,
): Promise<StartResult> {
  return db.transaction().execute(async (trx): Promise<StartResult> => {
    const mailing = await selectStartable(trx)
      .where('mailings.owner_id', '=', ownerId)
      .where('mailings.id', '=', id)
      .forUpdate('mailings')
      .executeTakeFirst();
    if (!mailing) return { ok: false, fault: 'gone' };
    if (mailing.status !== 'created') return { ok: true, already: true };
    if (mailing.disabledAt !== null) return { ok: false, fault: 'disabled' };
    if (mailing.isOwnerBlocked) return { ok: false, fault: 'blocked' };
    const fault = await findStartFault(trx, mailing, now);
    if (fault) return { ok: false, fault };
    await markStarted(trx, actor, mailing, now);
    return { ok: true };
  });
}

/**
 * For the worker, over all owners: starts every mailing whose first sending time has come, and returns how many. One that cannot
 * start is marked with the reason and not looked at again until its owner changes it. Any number of workers may do this at once.
 */
export async function startDueMailings(db: Database, now: Date): Promise<number> {
  let count = 0;
  for (;;) {
    const result = await startNextDue(db, now);
    if (result === 'none') return count;
    if (result === 'started') count += 1;
  }
}

/** One transaction for each: a fault with one mailing keeps no other from its start. */
async function startNextDue(db: Database, now: Date): Promise<'started' | 'faulted' | 'none'> {
  return db.transaction().execute(async (trx) => {
    const mailing = await selectStartable(trx)
      .where('mailings.status', '=', 'created')
      .where('mailings.first_sending_at', '<=', now)
      .where('mailings.disabled_at', 'is', null)
      .where('mailings.start_fault', 'is', null)
      .where('users.blocked', '=', false)
      .where('users.deletion_requested_at', 'is', null)
      .orderBy('mailings.first_sending_at')
      .limit(1)
      .forUpdate('mailings')
      .skipLocked()
      .executeTakeFirst();
    if (!mailing) return 'none';
    const fault = await findStartFault(trx, mailing, now);
    if (fault === null) await markStarted(trx, VESTNIK, mailing, now);
    else await trx.updateTable('mailings').set({ start_fault: fault }).where('id', '=', mailing.id).execute();
    return fault === null ? 'started' : 'faulted';
  });
}

interface Startable {
  id: number;
  ownerId: number;
  status: MailingStatus;
  audience: MailingAudience;
  endsAt: Date;
  disabledAt: Date | null;
  isOwnerBlocked: boolean;
}

function selectStartable(trx: Transaction) {
  return trx
    .selectFrom('mailings')
    .innerJoin('users', 'users.id', 'mailings.owner_id')
    .select([
      'mailings.id',
      'mailings.owner_id as ownerId',
      'mailings.status',
      'mailings.audience',
      'mailings.ends_at as endsAt',
      'mailings.disabled_at as disabledAt',
      'users.blocked as isOwnerBlocked',
    ]);
}

async function findStartFault(trx: Transaction, mailing: Startable, now: Date): Promise<StartFault | null> {
  const { id, ownerId, audience, endsAt } = mailing;
  if (endsAt <= now) return 'window_over';
  return (await isAudienceEmpty(trx, ownerId, id, audience)) ? 'no_recipients' : null;
}

async function markStarted(trx: Transaction, actor: Actor, { id, ownerId }: Startable, now: Date): Promise<void> {
  const { subject } = await trx
    .insertInto('mailing_contents')
    .columns(['mailing_id', 'subject', 'body'])
    .expression((eb) =>
      eb
        .selectFrom('mailings')
        .innerJoin('messages', 'messages.id', 'mailings.message_id')
        .select(['mailings.id', 'messages.subject', 'messages.body'])
        .where('mailings.id', '=', id),
    )
    .returning('subject')
    .executeTakeFirstOrThrow();
  await trx
    .updateTable('mailings')
    .set({ status: 'running', started_at: now, start_fault: null, updated_at: now })
    .where('id', '=', id)
    .execute();
  await recordAudit(trx, actor, { action: 'mailing.started', ...nameMailing({ id, ownerId, subject }) });
}
