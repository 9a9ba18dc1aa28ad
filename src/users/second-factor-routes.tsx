import { Hono } from 'hono';

import { actorOf } from '../audit/actor.js';
import { ForbiddenError, NotFoundError } from '../lib/errors.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { removeSecondFactor } from './remove-second-factor.js';
import { nameUser } from './user-parts.js';
import { findPermitted, type UserDeps } from './user-path.js';

export function secondFactorRoutes({ auth }: UserDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/second-factor/removal', async (c) => {
    const view = c.get('view');
    const user = await findPermitted(auth.db, c, 'users.removeSecondFactor');
    const page = `/oversight/users/${user.id}`;
    return c.html(
      <ConfirmPage
        view={view}
        title={view.t('users.secondFactor.title', { name: nameUser(user) })}
        cancelHref={page}
        action={`${page}/second-factor/removal`}
        submit={view.t('users.secondFactor.submit')}
      >
        <p>{view.t('users.secondFactor.text')}</p>
        <p>{view.t('users.secondFactor.check')}</p>
      </ConfirmPage>,
    );
  });

  routes.post('/:id/second-factor/removal', async (c) => {
    const { t } = c.get('view');
    const user = await findPermitted(auth.db, c, 'users.removeSecondFactor');
    const page = `/oversight/users/${user.id}`;
    const removed = await removeSecondFactor(auth, actorOf(c), user.id);
    if (removed.ok) return redirectWithFlash(c, page, t('users.flash.secondFactorRemoved', { name: nameUser(user) }));
    if (removed.fault === 'gone') throw new NotFoundError();
    if (removed.fault === 'forbidden') throw new ForbiddenError();
    return redirectWithFlash(c, page, t('users.flash.alreadyWithout'), 'warning');
  });
  return routes;
}
