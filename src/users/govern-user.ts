import { may, type Action } from '../accounts/permissions.js';
import { findUserToGovern, lockRoles, type GovernedUser } from '../accounts/user-access-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';

export type GovernFault = 'gone' | 'forbidden';

type Governed<Result> = Result | { ok: false; fault: GovernFault };

/**
 * Changes what a user may do, one such change after another: under the lock the actor's own role and block are read anew, so that
 * who was demoted or blocked a moment ago changes nobody any more. `change` gets the user as they are by then.
 */
export async function governUser<Result>(
  db: Database,
  actor: Actor,
  action: Extract<Action, 'users.block' | 'users.changeRole' | 'users.removeSecondFactor'>,
  id: number,
  change: (trx: Transaction, user: GovernedUser) => Promise<Result>,
): Promise<Governed<Result>> {
  return db.transaction().execute(async (trx): Promise<Governed<Result>> => {
    await lockRoles(trx);
    const user = await findUserToGovern(trx, id);
    if (!user) return { ok: false, fault: 'gone' };
    if (!(await mayNow(trx, actor, action, user))) return { ok: false, fault: 'forbidden' };
    return change(trx, user);
  });
}

/** Who has the terminal of the server is nobody's inferior. */
async function mayNow(trx: Transaction, actor: Actor, action: Action, user: GovernedUser): Promise<boolean> {
  if (actor.userId === null) return true;
  const now = await findUserToGovern(trx, actor.userId);
  return now !== undefined && !now.blocked && may(now, action, user);
}
