import { countUsersByState } from '../accounts/user-list-store.js';
import { findOwnerNames } from '../accounts/user-store.js';
import { readCounters, sumCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { listMailings } from '../mailings/mailing-store.js';
import { readAttention } from '../statistics/read-figures.js';
import { showMailing } from '../statistics/shown-mailing.js';
import type { Installation, Running } from './oversight.js';

const SHOWN_MAILINGS = 10;

export async function readInstallation(db: Database): Promise<Installation> {
  const [users, letters, attention] = await Promise.all([
    countUsersByState(db),
    sumCounters(db, 'everybody'),
    readAttention(db, 'everybody'),
  ]);
  return { users, letters, attention };
}

/** What runs now, the newest first. */
export async function readRunning(db: Database): Promise<Running> {
  const list = { search: '', sort: 'start', descending: true, cursor: null } as const;
  const { rows } = await listMailings(db, 'everybody', list, 'running');
  const shown = rows.slice(0, SHOWN_MAILINGS);
  const ids = shown.map(({ id }) => id);
  const ownerIds = shown.map(({ ownerId }) => ownerId);
  const [counters, owners] = await Promise.all([
    readCounters(db, 'everybody', ids),
    findOwnerNames(db, [...new Set(ownerIds)]),
  ]);
  const mailings = shown.map((mailing) => ({
    ...showMailing(mailing, counters.get(mailing.id)),
    owner: owners.get(mailing.ownerId) ?? null,
  }));
  return { mailings, hasMore: rows.length > shown.length };
}
