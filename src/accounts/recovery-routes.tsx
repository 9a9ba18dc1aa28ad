import { Hono } from 'hono';

import { emptyForm, parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { emailForm, newPasswordForm } from './account.js';
import { RECOVERY_MINUTES, type Auth } from './auth.js';
import { readPendingAddress } from './pending-address.js';
import { isRecoveryToken, requestRecovery, setNewPassword } from './recover-password.js';
import { NewPasswordPage, RecoveryPage, RecoverySentPage } from './recovery-page.js';

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
    await requestRecovery(auth, email);
    return c.html(<RecoverySentPage view={view} email={email} minutes={RECOVERY_MINUTES} />);
  });

  routes.get('/recovery/new', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    if (!(await isRecoveryToken(auth, token)))
      return c.html(<RecoveryPage view={view} form={emptyForm} invalid />, 410);
    return c.html(<NewPasswordPage view={view} form={emptyForm} token={token} />);
  });

  routes.post('/recovery/new', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const form = parseForm(newPasswordForm, await readForm(c));
    if (!form.ok)
      return c.html(<NewPasswordPage view={view} form={{ typed: {}, faults: form.faults }} token={token} />, 422);
    const isSet = await setNewPassword(auth, token, form.values.password);
    if (!isSet) return c.html(<RecoveryPage view={view} form={emptyForm} invalid />, 410);
    return redirectWithFlash(c, '/sign-in', view.t('accounts.recovery.done'));
  });
  return routes;
}
