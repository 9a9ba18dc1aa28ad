// pure
import type { Counters } from '../delivery/delivery.js';
import type { Attention } from '../statistics/figures.js';
import type { ShownMailing } from '../statistics/shown-mailing.js';
import type { OwnerName } from '../ui/owner-notice.js';

/* What the overview of the whole installation tells; plain JSON, as the cache keeps it. */

export interface Installation {
  users: { active: number; unconfirmed: number; blocked: number };
  /** The sums over all mailings, whenever they ran. */
  letters: Counters;
  attention: Attention;
}

export interface Running {
  mailings: RunningMailing[];
  /** More run than are shown. */
  hasMore: boolean;
}

export interface RunningMailing extends ShownMailing {
  owner: OwnerName | null;
}

/** What an owner did in a range. */
export interface ComparedOwner {
  owner: OwnerName;
  /** Now. */
  recipients: number;
  started: number;
  accepted: number;
  unsuccessful: number;
  /** In the range before. */
  acceptedBefore: number;
  lastStartedAt: string | null;
}

/** What they can be sorted by; `last` is when one last started a mailing. */
export const OWNER_SORTS = ['accepted', 'unsuccessful', 'started', 'recipients', 'last'] as const;
export type OwnerSort = (typeof OWNER_SORTS)[number];

export function parseOwnerSort(text: string | undefined): OwnerSort {
  return OWNER_SORTS.find((sort) => sort === text) ?? 'accepted';
}

/** The most first; of equal ones those who sent more, and then in the order of their ids, so that the order is always the same. */
export function sortOwners<T extends Omit<ComparedOwner, 'owner' | 'acceptedBefore'> & { ownerId: number }>(
  owners: T[],
  sort: OwnerSort,
): T[] {
  const key = (owner: T) => (sort === 'last' ? Date.parse(owner.lastStartedAt ?? '') || 0 : owner[sort]);
  return owners.toSorted(
    (a, b) => key(b) - key(a) || b.accepted - a.accepted || b.recipients - a.recipients || a.ownerId - b.ownerId,
  );
}
