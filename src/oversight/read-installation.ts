import { countUsersByState } from '../accounts/user-list-store.js';
import { findOwnerNames } from '../accounts/user-store.js';
import { readCounters, sumCounters } from '../delivery/delivery-store.js';
import type { OwnerSums } from '../delivery/delivery.js';
import { sumCountersByOwner } from '../delivery/owner-sums-store.js';
import type { Database } from '../lib/database.js';
import { listMailings } from '../mailings/mailing-store.js';
import { countMailingsByStatus } from '../mailings/oversight-mailing-store.js';
import { countRecipients, countRecipientsByOwner, listLargestKeepers } from '../recipients/recipient-store.js';
import type { ComparedOwner, Installation, InstallationTotals, Running } from './oversight.js';

const SHOWN_OWNERS = 50;
const SHOWN_MAILINGS = 10;

export async function readInstallation(db: Database): Promise<Installation> {
  const [totals, owners] = await Promise.all([readTotals(db), compareOwners(db)]);
  return { ...totals, owners };
}

export async function readTotals(db: Database): Promise<InstallationTotals> {
  const [users, recipients, mailings, letters] = await Promise.all([
    countUsersByState(db),
    countRecipients(db, 'everybody'),
    countMailingsByStatus(db),
    sumCounters(db, 'everybody'),
  ]);
  return { users, recipients, mailings, letters };
}

/** What runs now, the newest first. */
export async function readRunning(db: Database): Promise<Running> {
  const list = { search: '', sort: 'start', descending: true, cursor: null } as const;
  const { rows } = await listMailings(db, 'everybody', list, 'running');
  const shown = rows.slice(0, SHOWN_MAILINGS);
  const [counters, owners] = await Promise.all([
    readCounters(
      db,
      'everybody',
      shown.map(({ id }) => id),
    ),
    findOwnerNames(
      db,
      shown.map(({ ownerId }) => ownerId),
    ),
  ]);
  const mailings = shown.map((mailing) => ({
    mailing,
    owner: owners.get(mailing.ownerId),
    counters: counters.get(mailing.id),
  }));
  return { mailings, hasMore: rows.length > shown.length };
}

/** Who had the most letters accepted; where there is room, who keeps recipients and has no mailing yet. */
async function compareOwners(db: Database): Promise<ComparedOwner[]> {
  const [senders, keepers] = await Promise.all([
    sumCountersByOwner(db, SHOWN_OWNERS),
    listLargestKeepers(db, SHOWN_OWNERS),
  ]);
  const known = new Set(senders.map(({ ownerId }) => ownerId));
  const others = keepers.filter((id) => !known.has(id)).map(ownNoMailings);
  const compared = [...senders, ...others].slice(0, SHOWN_OWNERS);
  const ids = compared.map(({ ownerId }) => ownerId);
  const [owners, recipients] = await Promise.all([findOwnerNames(db, ids), countRecipientsByOwner(db, ids)]);
  return compared.flatMap(({ ownerId, ...sums }) => {
    const owner = owners.get(ownerId);
    return owner ? [{ owner, recipients: recipients.get(ownerId) ?? 0, ...sums }] : [];
  });
}

function ownNoMailings(ownerId: number): OwnerSums {
  return { ownerId, mailings: 0, accepted: 0, unsuccessful: 0, lastStartedAt: null };
}
