import { Hono } from 'hono';

import { readForm, type Faults } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { normalizeEmail, toLocalPath } from './account.js';
import type { Auth } from './auth.js';
import { readRegistration } from './installation-store.js';
import { passCookies } from './pass-cookies.js';
import { forgetPendingAddress, readPendingAddress } from './pending-address.js';
import { SignInPage } from './sign-in-page.js';
import { signIn, signOut } from './sign-in.js';

export function signInRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  const mayRegister = async () => (await readRegistration(auth.db)) === 'open';

  routes.get('/sign-in', async (c) => {
    const view = c.get('view');
    const next = toLocalPath(c.req.query('next'));
    if (view.user) return c.redirect(next, 303);
    const form = { typed: { email: readPendingAddress(c, auth) ?? '' }, faults: {} };
    return c.html(<SignInPage view={view} mayRegister={await mayRegister()} form={form} next={next} />);
  });

  routes.post('/sign-in', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const next = toLocalPath(typed['next']);
    const faults = findMissing(typed);
    if (Object.keys(faults).length > 0) {
      return c.html(<SignInPage view={view} mayRegister={await mayRegister()} form={{ typed, faults }} next={next} />, 422);
    }
    const { email = '', password = '' } = typed;
    const result = await signIn(auth, normalizeEmail(email.trim()), password, c.req.header('user-agent'));
    if (!result.ok) {
      return c.html(<SignInPage view={view} mayRegister={await mayRegister()} form={{ typed, faults: {} }} next={next} refusal={result} />, 422);
    }
    passCookies(c, result.headers);
    forgetPendingAddress(c);
    return c.redirect(next, 303);
  });

  routes.post('/sign-out', async (c) => {
    passCookies(c, await signOut(auth, c.req.raw.headers));
    return redirectWithFlash(c, '/sign-in', c.get('view').t('accounts.signIn.signedOut'));
  });
  return routes;
}

/** Only emptiness is a fault of a field: what else is wrong with an address is answered as a wrong password is. */
function findMissing(typed: Record<string, string>): Faults {
  const missing = ['email', 'password'].filter((field) => (typed[field] ?? '').trim() === '');
  return Object.fromEntries(missing.map((field) => [field, { key: 'required' as const }]));
}
