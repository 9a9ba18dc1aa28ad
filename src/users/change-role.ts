import { revokeInvitationsBy } from '../accounts/invite-user.js';
import { may } from '../accounts/permissions.js';
import { endSessions } from '../accounts/session-store.js';
import { hasOtherAdministrator, setRole } from '../accounts/user-access-store.js';
import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import type { Role } from '../lib/schema-accounts.js';
import { governUser, type GovernFault } from './govern-user.js';

/** `unconfirmed`: whoever registered with that address may not have it. */
export type ChangeRoleResult =
  | { ok: true; from: Role }
  | { ok: false; fault: GovernFault | 'lastAdministrator' | 'unconfirmed' | 'blocked' | 'already' };

/** The user signs in again, with the new role. */
export async function changeRole(db: Database, actor: Actor, id: number, role: Role): Promise<ChangeRoleResult> {
  return governUser<ChangeRoleResult>(db, actor, 'users.changeRole', id, async (trx, user) => {
    if (user.role === role) return { ok: false, fault: 'already' };
    if (user.role === 'administrator' && !(await hasOtherAdministrator(trx, id)))
      return { ok: false, fault: 'lastAdministrator' };
    const isRaised = role !== 'user' && user.role !== 'administrator';
    if (isRaised && !user.isConfirmed) return { ok: false, fault: 'unconfirmed' };
    if (isRaised && user.blocked) return { ok: false, fault: 'blocked' };
    await setRole(trx, id, role);
    await endSessions(trx, id);
    if (!may({ id, role }, 'users.invite')) await revokeInvitationsBy(trx, actor, id);
    await recordAudit(trx, actor, {
      action: 'user.role_changed',
      ownerId: id,
      subject: { type: 'user', id, name: user.email },
      details: { from: user.role, to: role },
    });
    return { ok: true, from: user.role };
  });
}
