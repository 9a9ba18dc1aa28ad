// pure
import type { Counters } from '../delivery/delivery.js';
import { describeMailing, type Mailing, type MailingState } from '../mailings/mailing.js';

/** A mailing as overviews list it: plain JSON, as the cache keeps it. */
export interface ShownMailing {
  id: number;
  ownerId: number;
  subject: string;
  state: MailingState;
  firstSendingAt: string;
  /** Absent until the audience is frozen. */
  counters: Counters | null;
}

export function showMailing(mailing: Mailing, counters: Counters | undefined): ShownMailing {
  const { id, ownerId, subject, firstSendingAt } = mailing;
  return {
    id,
    ownerId,
    subject,
    state: describeMailing(mailing),
    firstSendingAt: firstSendingAt.toISOString(),
    counters: counters ?? null,
  };
}
