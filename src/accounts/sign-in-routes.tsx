import { Hono, type Context } from 'hono';

import { emptyForm, readForm, type Faults } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import { forgetPages } from '../ui/revalidate.js';
import type { WebEnv } from '../ui/view.js';
import { normalizeEmail, toLocalPath } from './account.js';
import type { Auth } from './auth.js';
import { readRegistration } from './installation-store.js';
import { passCookies } from './pass-cookies.js';
import { forgetPendingAddress, readPendingAddress } from './pending-address.js';
import { CodePage } from './sign-in-code-page.js';
import { confirmCode, findWaitingUser } from './sign-in-code.js';
import { SignInPage, type SignInPageProps } from './sign-in-page.js';
import { signIn, signOut, type SignInRequest } from './sign-in.js';
import { refuseTries } from './throttle-answer.js';

export function signInRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  const show = async (
    c: Context<WebEnv>,
    page: Omit<SignInPageProps, 'view' | 'mayRegister'>,
    status: 200 | 422 | 429,
  ) => {
    const mayRegister = (await readRegistration(auth.db)) === 'open';
    return c.html(<SignInPage view={c.get('view')} mayRegister={mayRegister} {...page} />, status);
  };

  routes.get('/sign-in', async (c) => {
    const view = c.get('view');
    const next = toLocalPath(c.req.query('next'));
    if (view.user) return c.redirect(next, 303);
    const form = { typed: { email: readPendingAddress(c, auth) ?? '' }, faults: {} };
    return show(c, { form, next }, 200);
  });

  routes.post('/sign-in', async (c) => {
    const typed = await readForm(c);
    const next = toLocalPath(typed['next']);
    const faults = findMissing(typed);
    if (Object.keys(faults).length > 0) return show(c, { form: { typed, faults }, next }, 422);
    const { email = '', password = '', remember } = typed;
    const result = await signIn(auth, {
      ...requestOf(c),
      email: normalizeEmail(email.trim()),
      password,
      isRemembered: remember === 'on',
    });
    if (!result.ok) {
      if (result.fault === 'throttled') c.header('Retry-After', String(result.seconds));
      const status = result.fault === 'throttled' ? 429 : 422;
      return show(c, { form: { typed, faults: {} }, next, refusal: result }, status);
    }
    passCookies(c, result.headers);
    if (result.needsCode) return c.redirect(codePath(next), 303);
    forgetPendingAddress(c);
    return c.redirect(next, 303);
  });

  routes.get('/sign-in/code', async (c) => {
    const next = toLocalPath(c.req.query('next'));
    const user = await findWaitingUser(auth, c.req.raw.headers);
    if (!user) return c.redirect('/sign-in', 303);
    return c.html(<CodePage view={c.get('view')} form={emptyForm} email={user.email} next={next} />);
  });

  routes.post('/sign-in/code', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const { code = '', trust } = typed;
    const next = toLocalPath(typed['next']);
    const user = await findWaitingUser(auth, c.req.raw.headers);
    const result = await confirmCode(auth, { ...requestOf(c), code: code.slice(0, 100), isTrusted: trust === 'on' });
    if (result.ok) {
      passCookies(c, result.headers);
      forgetPendingAddress(c);
      return c.redirect(next, 303);
    }
    if (result.fault === 'over' || !user) {
      return redirectWithFlash(c, '/sign-in', view.t('security.code.over'), 'warning');
    }
    const isThrottled = result.fault === 'throttled';
    const faults = isThrottled ? refuseTries(c, result.seconds) : { code: { key: 'codeWrong' as const } };
    const form = { typed: { ...(trust === 'on' && { trust }) }, faults };
    return c.html(<CodePage view={view} form={form} email={user.email} next={next} />, isThrottled ? 429 : 422);
  });

  routes.post('/sign-out', async (c) => {
    passCookies(c, await signOut(auth, requestOf(c)));
    forgetPages(c);
    return redirectWithFlash(c, '/sign-in', c.get('view').t('accounts.signIn.signedOut'));
  });
  return routes;
}

function requestOf(c: Context<WebEnv>): SignInRequest {
  return { headers: c.req.raw.headers, origin: c.get('origin') };
}

function codePath(next: string): string {
  return next === '/' ? '/sign-in/code' : `/sign-in/code?next=${encodeURIComponent(next)}`;
}

/** Only emptiness is a fault of a field: what else is wrong with an address is answered as a wrong password is. */
function findMissing(typed: Record<string, string>): Faults {
  const missing = ['email', 'password'].filter((field) => (typed[field] ?? '').trim() === '');
  return Object.fromEntries(missing.map((field) => [field, { key: 'required' as const }]));
}
