import { sumCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { countAllMailings } from '../mailings/all-mailings-store.js';
import { countAllMessages } from '../messages/all-messages-store.js';
import { countRecipients } from '../recipients/recipient-store.js';

/** How much a user keeps here. */
export interface Holdings {
  recipients: number;
  messages: number;
  mailings: number;
  runningMailings: number;
  deliveries: number;
  attempts: number;
}

export async function readHoldings(db: Database, userId: number): Promise<Holdings> {
  const [recipients, messages, mailings, counters] = await Promise.all([
    countRecipients(db, userId),
    countAllMessages(db, userId),
    countAllMailings(db, userId),
    sumCounters(db, userId),
  ]);
  const { attemptsAccepted, attemptsDeferred, attemptsRejected, attemptsInDoubt } = counters;
  return {
    recipients,
    messages,
    mailings: mailings.all,
    runningMailings: mailings.running,
    deliveries: counters.audience,
    attempts: attemptsAccepted + attemptsDeferred + attemptsRejected + attemptsInDoubt,
  };
}
