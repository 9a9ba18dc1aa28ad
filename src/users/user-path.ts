import type { Context } from 'hono';

import type { Auth } from '../accounts/auth.js';
import { refuseUnlessPermitted } from '../accounts/permit.js';
import { findUserDetails } from '../accounts/user-list-store.js';
import type { UserDetails } from '../accounts/user.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { found } from '../lib/errors.js';
import { parseIntegerId } from '../lib/ids.js';
import type { WebEnv } from '../ui/view.js';

export interface UserDeps {
  auth: Pick<Auth, 'db' | 'letters' | 'baseUrl' | 'defaultLocale'>;
  clock: Clock;
}

/** The user of the address; not found where there is none. */
export async function findByPath(db: Database, c: Context<WebEnv>): Promise<UserDetails> {
  const id = parseIntegerId(c.req.param('id'));
  return found(id && (await findUserDetails(db, id)));
}

/** The same, for who may do this to that user. */
export async function findPermitted(
  db: Database,
  c: Context<WebEnv>,
  action: 'users.block' | 'users.changeRole' | 'users.removeSecondFactor',
): Promise<UserDetails> {
  const user = await findByPath(db, c);
  refuseUnlessPermitted(c.get('view'), action, { id: user.id, role: user.role });
  return user;
}
