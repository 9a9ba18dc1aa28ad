import { Hono, type Context } from 'hono';

import type { UserDetails } from '../accounts/user.js';
import { actorOf } from '../audit/actor.js';
import { ForbiddenError, NotFoundError } from '../lib/errors.js';
import { parseForm, readForm } from '../lib/form.js';
import type { Role } from '../lib/schema-accounts.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { changeRole, type ChangeRoleResult } from './change-role.js';
import { RoleConfirmPage, RolePage } from './role-page.js';
import { roleForm } from './user-forms.js';
import { nameUser } from './user-parts.js';
import { findPermitted, type UserDeps } from './user-path.js';

export function roleRoutes({ auth: { db } }: UserDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/role', async (c) => {
    const view = c.get('view');
    const user = await findPermitted(db, c, 'users.changeRole');
    const form = parseForm(roleForm, view.query);
    if (form.ok && form.values.role !== user.role)
      return c.html(<RoleConfirmPage view={view} user={user} role={form.values.role} />);
    return c.html(<RolePage view={view} user={user} form={{ typed: { role: suggest(user) }, faults: {} }} />);
  });

  routes.post('/:id/role', async (c) => {
    const view = c.get('view');
    const user = await findPermitted(db, c, 'users.changeRole');
    const typed = await readForm(c);
    const form = parseForm(roleForm, typed);
    if (!form.ok) return c.html(<RolePage view={view} user={user} form={{ typed, faults: form.faults }} />, 422);
    const { role } = form.values;
    return answer(c, user, role, await changeRole(db, actorOf(c), user.id, role));
  });
  return routes;
}

/** The role that is given most. */
function suggest({ role }: UserDetails): Role {
  return role === 'manager' ? 'user' : 'manager';
}

const REFUSALS = {
  already: 'users.flash.alreadyRole',
  blocked: 'users.flash.blockedRole',
  lastAdministrator: 'users.flash.lastAdministrator',
  unconfirmed: 'users.flash.unconfirmed',
} as const;

function answer(c: Context<WebEnv>, user: UserDetails, role: Role, result: ChangeRoleResult) {
  const { t } = c.get('view');
  const page = `/oversight/users/${user.id}`;
  if (result.ok) {
    const text = t('users.flash.roleChanged', { name: nameUser(user), role: t(`users.roles.${role}`) });
    return redirectWithFlash(c, page, text);
  }
  if (result.fault === 'gone') throw new NotFoundError();
  if (result.fault === 'forbidden') throw new ForbiddenError();
  return redirectWithFlash(c, page, t(REFUSALS[result.fault]), 'warning');
}
