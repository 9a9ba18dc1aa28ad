import { Hono } from 'hono';

import { emptyForm, parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { emailForm, newPasswordForm } from './account.js';
import type { Auth } from './auth.js';
import { RECOVERY_MINUTES } from './one-time-link.js';
import { readPendingAddress } from './pending-address.js';
import { findRecovery, requestRecovery, setNewPassword } from './recover-password.js';
import { NewPasswordPage, RecoveryPage, RecoverySentPage } from './recovery-page.js';
import { refuseTries } from './throttle-answer.js';
import { allowVisitor, mayReceiveLetter } from './throttle.js';

export function recoveryRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/recovery', (c) => {
    const form = { typed: { email: readPendingAddress(c, auth) ?? '' }, faults: {} };
    return c.html(<RecoveryPage view={c.get('view')} form={form} />);
  });

  routes.post('/recovery', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(emailForm, typed);
    if (!form.ok) return c.html(<RecoveryPage view={view} form={{ typed, faults: form.faults }} />, 422);
    const { email } = form.values;
    const allowance = await allowVisitor(auth, 'recovery', c.get('origin'));
    if (!allowance.ok) {
      const faults = refuseTries(c, allowance.seconds);
      return c.html(<RecoveryPage view={view} form={{ typed, faults }} />, 429);
    }
    if (await mayReceiveLetter(auth, 'recovery', email)) await requestRecovery(auth, email);
    return c.html(<RecoverySentPage view={view} email={email} minutes={RECOVERY_MINUTES} />);
  });

  routes.get('/recovery/new', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const answer = await findRecovery(auth, token);
    if (answer.state !== 'valid')
      return c.html(<RecoveryPage view={view} form={emptyForm} fault={answer.state} />, 410);
    return c.html(<NewPasswordPage view={view} form={emptyForm} token={token} link={answer.link} />);
  });

  routes.post('/recovery/new', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const typed = await readForm(c);
    const answer = await findRecovery(auth, token);
    if (answer.state !== 'valid')
      return c.html(<RecoveryPage view={view} form={emptyForm} fault={answer.state} />, 410);
    const form = parseForm(newPasswordForm(answer.link.email), typed);
    if (!form.ok) {
      const state = { typed: {}, faults: form.faults };
      return c.html(<NewPasswordPage view={view} form={state} token={token} link={answer.link} />, 422);
    }
    const result = await setNewPassword(auth, token, form.values.password, c.get('origin'));
    if (!result.ok) return c.html(<RecoveryPage view={view} form={emptyForm} fault={result.fault} />, 410);
    return redirectWithFlash(c, '/sign-in', view.t('accounts.recovery.done'));
  });
  return routes;
}
