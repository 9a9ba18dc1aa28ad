// pure
import type { Counters, OwnerSums } from '../delivery/delivery.js';
import type { MailingStatus } from '../lib/schema.js';
import type { Mailing } from '../mailings/mailing.js';
import type { OwnerName } from '../ui/owner-notice.js';

/** What the overview of the whole installation tells. */
export interface Installation extends InstallationTotals {
  owners: ComparedOwner[];
}

export interface InstallationTotals {
  users: { active: number; unconfirmed: number; blocked: number };
  recipients: number;
  mailings: Record<MailingStatus, number>;
  /** The sums over all mailings. */
  letters: Counters;
}

export interface ComparedOwner extends Omit<OwnerSums, 'ownerId'> {
  owner: OwnerName;
  recipients: number;
}

export interface Running {
  mailings: RunningMailing[];
  /** More run than are shown. */
  hasMore: boolean;
}

export interface RunningMailing {
  mailing: Mailing;
  owner: OwnerName | undefined;
  /** Absent until the audience is frozen. */
  counters: Counters | undefined;
}

/** A fresh installation: nobody has anything yet. */
export function isEmpty({ recipients, mailings }: InstallationTotals): boolean {
  return recipients + mailings.created + mailings.running + mailings.finished === 0;
}
