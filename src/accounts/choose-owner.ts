import type { Database } from '../lib/database.js';
import { parseIntegerId } from '../lib/ids.js';
import type { OwnerChoice } from '../ui/owner-filter.js';
import type { OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { findOwnerNames, findUserByEmail } from './user-store.js';

/** Ids begin at 1, so nothing belongs to this one. */
const NOBODY = 0;

const MAX_ADDRESS = 320;

/** Reads the filter `owner` of a list over everybody's things: an id, or an address that somebody typed. */
export async function chooseOwner(db: Database, view: View): Promise<OwnerChoice> {
  const typed = (view.query['owner'] ?? '').trim();
  if (typed === '') return { typed, owners: 'everybody', owner: undefined };
  const owner = await findOwner(db, typed);
  return { typed, owners: owner?.id ?? NOBODY, owner };
}

async function findOwner(db: Database, typed: string): Promise<OwnerName | undefined> {
  const id = parseIntegerId(typed);
  if (id !== undefined) return (await findOwnerNames(db, [id])).get(id);
  const isAddress = typed.length <= MAX_ADDRESS && /^[^\p{Cc}\s]+@[^\p{Cc}\s]+$/u.test(typed);
  return isAddress ? findUserByEmail(db, typed.toLowerCase()) : undefined;
}
