/**
 * A new mailing for exactly those recipients whose deliveries ended in one state: expired, rejected, in doubt or cancelled; or for one of
 * them. Under the lock of the old mailing's row a second press finds what the first one made, and writes to nobody twice.
 */
import { sql } from 'kysely';

import { countRepeatable, selectRecipientIds } from '../delivery/delivery-store.js';
import type { Database, Transaction } from '../lib/database.js';
import { toRate, type RateColumns } from '../lib/rate.js';
import { addMessage } from '../messages/message-store.js';
import { insertChosen, selectRecipients } from './audience-store.js';
import { addMailing } from './mailing-store.js';
import { repeatWindow } from './mailing-times.js';
import type { MailingContent, RepeatableState } from './mailing.js';

export type RepeatResult =
  /** `missing`: how many could not be taken because the recipient was deleted. */
  { ok: true; id: number; already: boolean; count: number; missing: number } | { ok: false; fault: 'gone' | 'nobody' };

interface RepeatOrder {
  ownerId: number;
  mailingId: number;
  state: RepeatableState;
  deliveryId: number | null;
  now: Date;
}

interface Repeated extends MailingContent, RateColumns {
  messageId: number | null;
  start: Date;
  end: Date;
}

export async function repeatMailing(
  db: Database,
  ownerId: number,
  mailingId: number,
  state: RepeatableState,
  now: Date,
  deliveryId: number | null = null,
): Promise<RepeatResult> {
  return db.transaction().execute(async (trx) => {
    const order = { ownerId, mailingId, state, deliveryId, now };
    const old = await lockStarted(trx, order);
    if (!old) return { ok: false, fault: 'gone' };
    const { count, missing } = await countRepeatable(trx, order);
    if (count === 0) return { ok: false, fault: 'nobody' };
    const messageId = old.messageId ?? (await restoreMessage(trx, ownerId, old));
    const earlier = await findEqual(trx, order, messageId, count);
    if (earlier !== undefined) return { ok: true, id: earlier, already: true, count, missing };
    return { ok: true, id: await addRepeated(trx, order, old, messageId), already: false, count, missing };
  });
}

async function lockStarted(trx: Transaction, { ownerId, mailingId }: RepeatOrder): Promise<Repeated | undefined> {
  return trx
    .selectFrom('mailings')
    .innerJoin('mailing_contents', 'mailing_contents.mailing_id', 'mailings.id')
    .select([
      'mailings.message_id as messageId',
      'mailing_contents.subject',
      'mailing_contents.body',
      'mailings.first_sending_at as start',
      'mailings.ends_at as end',
      'mailings.letters_limit as lettersLimit',
      'mailings.limit_seconds as limitSeconds',
    ])
    .where('mailings.owner_id', '=', ownerId)
    .where('mailings.id', '=', mailingId)
    .forUpdate('mailings')
    .executeTakeFirst();
}

/** The message was deleted since: it is made anew from what was sent, once. */
async function restoreMessage(trx: Transaction, ownerId: number, { subject, body }: Repeated): Promise<number> {
  const same = await trx
    .selectFrom('messages')
    .select('id')
    .where('owner_id', '=', ownerId)
    .where(sql<string>`lower(subject)`, '=', sql<string>`lower(${subject})`)
    .where('subject', '=', subject)
    .where('body', '=', body)
    .limit(1)
    .executeTakeFirst();
  return same?.id ?? addMessage(trx, ownerId, { subject, body });
}

/** A mailing that waits for its start with this very message and these very recipients. */
async function findEqual(
  trx: Transaction,
  order: RepeatOrder,
  messageId: number,
  count: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ id: number }>`
    select m.id from mailings m
    where m.owner_id = ${order.ownerId} and m.message_id = ${messageId} and m.status = 'created' and m.audience = 'chosen'
      and m.disabled_at is null and m.start_fault is null
      and (select count(*) from mailing_recipients c where c.mailing_id = m.id) = ${count}
      and not exists (
        ${selectRecipientIds(trx, order)}
        except select c.recipient_id from mailing_recipients c where c.mailing_id = m.id
      )
    order by m.id desc limit 1`.execute(trx);
  return rows[0]?.id;
}

async function addRepeated(trx: Transaction, order: RepeatOrder, old: Repeated, messageId: number): Promise<number> {
  const { ownerId, mailingId, now } = order;
  const { start, end } = repeatWindow(now, old);
  const values = { messageId, firstSendingAt: start, endsAt: end, audience: 'chosen', rate: toRate(old) } as const;
  const added = await addMailing(trx, ownerId, values);
  if (!added.ok) throw new Error(`the message ${messageId} went away during the repetition of mailing ${mailingId}`);
  const ids = selectRecipientIds(trx, order);
  await insertChosen(trx, selectRecipients(trx, ownerId, added.id).where(sql<boolean>`recipients.id in (${ids})`));
  return added.id;
}
