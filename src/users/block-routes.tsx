import { Hono, type Context } from 'hono';

import type { UserDetails } from '../accounts/user.js';
import { actorOf } from '../audit/actor.js';
import { ForbiddenError, NotFoundError } from '../lib/errors.js';
import { emptyForm, parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { BlockPage, UnblockPage } from './block-page.js';
import { blockUser, unblockUser, type BlockResult } from './block-user.js';
import { reasonForm } from './user-forms.js';
import { nameUser } from './user-parts.js';
import { findPermitted, type UserDeps } from './user-path.js';

export function blockRoutes({ auth, clock }: UserDeps): Hono<WebEnv> {
  const { db } = auth;
  const routes = new Hono<WebEnv>();

  routes.get('/:id/block', async (c) => {
    const user = await findPermitted(db, c, 'users.block');
    if (user.blocked) return answer(c, user, { ok: false, fault: 'already' }, 'blocked');
    return c.html(<BlockPage view={c.get('view')} user={user} form={emptyForm} />);
  });

  routes.post('/:id/block', async (c) => {
    const user = await findPermitted(db, c, 'users.block');
    const typed = await readForm(c);
    const form = parseForm(reasonForm, typed);
    if (!form.ok)
      return c.html(<BlockPage view={c.get('view')} user={user} form={{ typed, faults: form.faults }} />, 422);
    const { reason } = form.values;
    return answer(c, user, await blockUser(auth, actorOf(c), { id: user.id, reason, now: clock.now() }), 'blocked');
  });

  routes.get('/:id/unblock', async (c) => {
    const user = await findPermitted(db, c, 'users.block');
    if (!user.blocked) return answer(c, user, { ok: false, fault: 'already' }, 'unblocked');
    return c.html(<UnblockPage view={c.get('view')} user={user} form={emptyForm} />);
  });

  routes.post('/:id/unblock', async (c) => {
    const user = await findPermitted(db, c, 'users.block');
    const typed = await readForm(c);
    const form = parseForm(reasonForm, typed);
    if (!form.ok)
      return c.html(<UnblockPage view={c.get('view')} user={user} form={{ typed, faults: form.faults }} />, 422);
    const { reason } = form.values;
    return answer(c, user, await unblockUser(auth, actorOf(c), { id: user.id, reason }), 'unblocked');
  });
  return routes;
}

const ALREADY = { blocked: 'users.flash.alreadyBlocked', unblocked: 'users.flash.alreadyUnblocked' } as const;

function answer(c: Context<WebEnv>, user: UserDetails, result: BlockResult, done: 'blocked' | 'unblocked') {
  const { t } = c.get('view');
  const page = `/oversight/users/${user.id}`;
  if (result.ok) return redirectWithFlash(c, page, t(`users.flash.${done}`, { name: nameUser(user) }));
  switch (result.fault) {
    case 'gone':
      throw new NotFoundError();
    case 'forbidden':
      throw new ForbiddenError();
    case 'already':
      return redirectWithFlash(c, page, t(ALREADY[done]), 'warning');
    case 'lastAdministrator':
      return redirectWithFlash(c, page, t('users.flash.lastAdministrator'), 'warning');
  }
}
