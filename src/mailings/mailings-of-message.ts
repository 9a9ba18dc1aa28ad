import type { Database } from '../lib/database.js';

/** The mailings that have not started and so still need one of these messages. */
export async function listMailingsUsingMessages(
  db: Database,
  ownerId: number,
  messageIds: number[],
): Promise<{ id: number; messageId: number; firstSendingAt: Date }[]> {
  if (messageIds.length === 0) return [];
  return db
    .selectFrom('mailings')
    .select(['id', 'message_id as messageId', 'first_sending_at as firstSendingAt'])
    .where('owner_id', '=', ownerId)
    .where('status', '=', 'created')
    .where('message_id', 'in', messageIds)
    .orderBy('first_sending_at')
    .$narrowType<{ messageId: number }>()
    .execute();
}
