import { Hono } from 'hono';
import { setCookie } from 'hono/cookie';

import { readForm } from '../lib/form.js';
import { isLocale } from '../lib/i18n.js';
import type { WebEnv } from '../ui/view.js';
import { toLocalPath } from './account.js';
import type { Auth } from './auth.js';
import { changeEmailRoutes } from './change-email-routes.js';
import type { Erasures } from './delete-account.js';
import { invitationRoutes } from './invitation-routes.js';
import { ownDataRoutes } from './own-data-routes.js';
import { recoveryRoutes } from './recovery-routes.js';
import { secondFactorRoutes } from './second-factor-routes.js';
import { sessionRoutes } from './session-routes.js';
import { settingsRoutes } from './settings-routes.js';
import { setupRoutes } from './setup-routes.js';
import { signInRoutes } from './sign-in-routes.js';
import { signUpRoutes } from './sign-up-routes.js';

export interface AccountDeps {
  auth: Auth;
  baseUrl: string;
  erasures: Erasures;
}

const YEAR_SECONDS = 365 * 86_400;

/** Mounted at the root, before what needs a user: all but the settings is for visitors. */
export function accountRoutes(deps: AccountDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.route('/', signUpRoutes(deps.auth));
  routes.route('/', signInRoutes(deps.auth));
  routes.route('/', recoveryRoutes(deps.auth));
  routes.route('/', settingsRoutes(deps.auth));
  routes.route('/', sessionRoutes(deps.auth));
  routes.route('/', secondFactorRoutes(deps.auth));
  routes.route('/', changeEmailRoutes(deps.auth));
  routes.route('/', invitationRoutes(deps.auth));
  routes.route('/', ownDataRoutes(deps));
  routes.route('/', setupRoutes(deps.auth));

  routes.post('/locale', async (c) => {
    const { locale, next } = await readForm(c);
    if (isLocale(locale)) {
      const isSecure = deps.auth.isSecure;
      setCookie(c, 'locale', locale, {
        path: '/',
        httpOnly: true,
        sameSite: 'Lax',
        secure: isSecure,
        maxAge: YEAR_SECONDS,
      });
    }
    return c.redirect(toLocalPath(next), 303);
  });
  return routes;
}
