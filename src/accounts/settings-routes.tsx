import { Hono, type MiddlewareHandler } from 'hono';

import { actorOf } from '../audit/actor.js';
import { TooManyRequestsError } from '../lib/errors.js';
import { emptyForm, parseForm, readForm, type FormState } from '../lib/form.js';
import { translate } from '../lib/i18n.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { passwordChangeForm, settingsForm } from './account.js';
import type { Auth } from './auth.js';
import { findPendingEmail } from './one-time-link-store.js';
import { passCookies } from './pass-cookies.js';
import { changePassword } from './recover-password.js';
import { SecurityPage } from './security-page.js';
import { SettingsPage } from './settings-page.js';
import { allowOwnPassword } from './throttle.js';
import { changeSettings } from './user-store.js';

export function settingsRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/settings', requireUser, (c) => {
    const view = c.get('view');
    return c.html(<SettingsPage view={view} form={fillSettings(view)} />);
  });

  routes.post('/settings', requireUser, async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(settingsForm, typed);
    if (!form.ok) return c.html(<SettingsPage view={view} form={{ typed, faults: form.faults }} />, 422);
    const { time_zone: timeZone, ...values } = form.values;
    await changeSettings(auth.db, signedIn(view).id, { ...values, timeZone });
    return redirectWithFlash(c, '/settings', translate(values.locale)('settings.profile.saved'));
  });

  routes.get('/settings/security', requireUser, async (c) => {
    const view = c.get('view');
    const pendingEmail = await findPendingEmail(auth.db, signedIn(view).id);
    return c.html(<SecurityPage view={view} password={emptyForm} pendingEmail={pendingEmail} />);
  });

  routes.post('/settings/password', requireUser, async (c) => {
    const view = c.get('view');
    const form = parseForm(passwordChangeForm(signedIn(view).email), await readForm(c));
    const refuse = async (faults: FormState['faults']) => {
      const pendingEmail = await findPendingEmail(auth.db, signedIn(view).id);
      return c.html(<SecurityPage view={view} password={{ typed: {}, faults }} pendingEmail={pendingEmail} />, 422);
    };
    if (!form.ok) return refuse(form.faults);
    const allowance = await allowOwnPassword(auth, signedIn(view).id);
    if (!allowance.ok) throw new TooManyRequestsError(allowance.seconds);
    const { current_password: currentPassword, password: newPassword } = form.values;
    const result = await changePassword(auth, {
      headers: c.req.raw.headers,
      locale: view.locale,
      actor: actorOf(c),
      currentPassword,
      newPassword,
    });
    if (!result.ok) return refuse({ current_password: { key: result.fault } });
    await allowance.refund();
    passCookies(c, result.headers);
    return redirectWithFlash(c, '/settings/security', view.t('settings.security.passwordSaved'));
  });
  return routes;
}

/** These routes are mounted among those for visitors. */
export const requireUser: MiddlewareHandler<WebEnv> = async (c, next) =>
  c.get('view').user ? next() : c.redirect(`/sign-in?next=${c.req.method === 'GET' ? c.req.path : '/settings'}`, 303);

function fillSettings(view: View): FormState {
  const { name, timeZone, locale, theme } = signedIn(view);
  return { typed: { name, time_zone: timeZone, locale: locale ?? view.locale, theme }, faults: {} };
}
