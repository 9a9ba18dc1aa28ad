import { findOwnerNames } from '../accounts/user-store.js';
import { sumAttemptsByOwner } from '../delivery/attempt-totals-store.js';
import type { Database } from '../lib/database.js';
import { sumMailingsByOwner } from '../mailings/mailing-overview-store.js';
import { countRecipientsByOwner, listLargestKeepers } from '../recipients/recipient-store.js';
import { sumUnsuccessful } from '../statistics/figures.js';
import type { Range } from '../statistics/range.js';
import { sortOwners, type ComparedOwner, type OwnerSort } from './oversight.js';

const SHOWN_OWNERS = 50;

/** Who did the most in a range, by what is asked for. Who has mailings, or keeps the most recipients, is there with zeros too. */
export async function compareOwners(db: Database, range: Range, sort: OwnerSort): Promise<ComparedOwner[]> {
  const [sums, mailings, keepers] = await Promise.all([
    sumAttemptsByOwner(db, range, range.before),
    sumMailingsByOwner(db, range),
    listLargestKeepers(db, SHOWN_OWNERS),
  ]);
  const attempts = new Map(sums.map((one) => [one.ownerId, one]));
  const started = new Map(mailings.map((one) => [one.ownerId, one]));
  const ids = [...new Set([...attempts.keys(), ...started.keys(), ...keepers])];
  const recipients = await countRecipientsByOwner(db, ids);
  const figures = ids.map((ownerId) => {
    const own = attempts.get(ownerId);
    return {
      ownerId,
      recipients: recipients.get(ownerId) ?? 0,
      started: started.get(ownerId)?.started ?? 0,
      accepted: own?.accepted ?? 0,
      unsuccessful: own ? sumUnsuccessful(own) : 0,
      acceptedBefore: own?.acceptedBefore ?? 0,
      lastStartedAt: started.get(ownerId)?.lastStartedAt?.toISOString() ?? null,
    };
  });
  const shown = sortOwners(figures, sort).slice(0, SHOWN_OWNERS);
  const names = await findOwnerNames(
    db,
    shown.map(({ ownerId }) => ownerId),
  );
  return shown.flatMap(({ ownerId, ...compared }) => {
    const owner = names.get(ownerId);
    return owner ? [{ owner, ...compared }] : [];
  });
}
