import type { Database } from '../lib/database.js';
import type { OwnerName } from '../ui/owner-notice.js';
import { signedIn, type View } from '../ui/view.js';
import { findOwnerNames } from './user-store.js';

/** Whose thing a manager looks at; undefined where it is the visitor's own. */
export async function findOtherOwner(db: Database, view: View, ownerId: number): Promise<OwnerName | undefined> {
  if (ownerId === signedIn(view).id) return undefined;
  return (await findOwnerNames(db, [ownerId])).get(ownerId);
}
