import type { Database } from '../lib/database.js';
import { countMailingsByOwner } from '../mailings/mailing-store.js';
import { countMessagesByOwner } from '../messages/message-store.js';
import { countRecipientsByOwner } from '../recipients/recipient-store.js';
import { NOTHING, type Belongings } from './belongings.js';

/** What each of these users owns. */
export async function readBelongings(db: Database, userIds: number[]): Promise<Map<number, Belongings>> {
  if (userIds.length === 0) return new Map();
  const [recipients, messages, mailings] = await Promise.all([
    countRecipientsByOwner(db, userIds),
    countMessagesByOwner(db, userIds),
    countMailingsByOwner(db, userIds),
  ]);
  const of = (id: number): Belongings => ({
    recipients: recipients.get(id) ?? NOTHING.recipients,
    messages: messages.get(id) ?? NOTHING.messages,
    mailings: mailings.get(id) ?? NOTHING.mailings,
  });
  return new Map(userIds.map((id) => [id, of(id)]));
}
