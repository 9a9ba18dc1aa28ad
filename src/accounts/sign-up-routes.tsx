import { Hono } from 'hono';

import { emptyForm, parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { emailForm, signUpForm } from './account.js';
import type { Auth } from './auth.js';
import { confirmAddress } from './confirm-address.js';
import { readRegistration } from './installation-store.js';
import { CONFIRMATION_HOURS } from './one-time-link.js';
import { readPendingAddress, rememberPendingAddress } from './pending-address.js';
import { SignInPage } from './sign-in-page.js';
import { CheckMailPage, ConfirmationRefusedPage, RegistrationRefusedPage, SignUpPage } from './sign-up-page.js';
import { sendConfirmationAgain, signUp } from './sign-up.js';
import { refuseTries } from './throttle-answer.js';
import { allowVisitor, mayReceiveLetter } from './throttle.js';

export function signUpRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  // Before anything typed is looked at: while registration is not open, there is nothing to be told about an address.
  routes.use('/sign-up', async (c, next) => {
    const view = c.get('view');
    const registration = await readRegistration(auth.db);
    if (registration === 'open' || (view.user && c.req.method === 'GET')) return next();
    return c.html(<RegistrationRefusedPage view={view} registration={registration} />, 403);
  });

  routes.get('/sign-up', (c) => {
    const view = c.get('view');
    if (view.user) return c.redirect('/', 303);
    return c.html(<SignUpPage view={view} form={emptyForm} />);
  });

  routes.post('/sign-up', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(signUpForm, typed);
    if (!form.ok) return c.html(<SignUpPage view={view} form={{ typed, faults: form.faults }} />, 422);
    const allowance = await allowVisitor(auth, 'registration', c.get('origin'));
    if (!allowance.ok) {
      const faults = refuseTries(c, allowance.seconds);
      return c.html(<SignUpPage view={view} form={{ typed, faults }} />, 429);
    }
    const { time_zone: timeZone, ...values } = form.values;
    // Whoever has had their letters learns nothing more by another.
    if (await mayReceiveLetter(auth, 'registration', values.email)) {
      await signUp(auth, { ...values, timeZone, locale: view.locale }, c.get('origin'));
    }
    rememberPendingAddress(c, auth, values.email);
    return c.redirect('/check-mail', 303);
  });

  routes.get('/check-mail', (c) => c.html(<CheckMailPage view={c.get('view')} email={readPendingAddress(c, auth)} />));

  routes.get('/confirmation', async (c) => {
    const view = c.get('view');
    const result = await confirmAddress(auth, c.req.query('token') ?? '', c.get('origin'));
    if (!result.ok && result.fault !== 'used') {
      const email = result.fault === 'expired' ? result.email : (readPendingAddress(c, auth) ?? '');
      const form = { typed: { email }, faults: {} };
      return c.html(
        <ConfirmationRefusedPage view={view} form={form} fault={result.fault} hours={CONFIRMATION_HOURS} />,
        410,
      );
    }
    const success = view.t(result.ok ? 'accounts.confirmation.done' : 'accounts.confirmation.used');
    const form = { typed: { email: result.email }, faults: {} };
    const mayRegister = (await readRegistration(auth.db)) === 'open';
    return c.html(<SignInPage view={view} mayRegister={mayRegister} form={form} success={success} />);
  });

  // Where a change of the language leads from the form that came back.
  routes.get('/confirmation/letter', (c) => c.redirect('/check-mail', 303));

  routes.post('/confirmation/letter', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(emailForm, typed);
    if (!form.ok) {
      const state = { typed, faults: form.faults };
      return c.html(
        <ConfirmationRefusedPage view={view} form={state} fault="mangled" hours={CONFIRMATION_HOURS} />,
        422,
      );
    }
    const allowance = await allowVisitor(auth, 'confirmation', c.get('origin'));
    if (!allowance.ok) {
      const state = { typed, faults: refuseTries(c, allowance.seconds) };
      return c.html(
        <ConfirmationRefusedPage view={view} form={state} fault="mangled" hours={CONFIRMATION_HOURS} />,
        429,
      );
    }
    const { email } = form.values;
    if (await mayReceiveLetter(auth, 'confirmation', email)) await sendConfirmationAgain(auth, email);
    rememberPendingAddress(c, auth, email);
    return redirectWithFlash(c, '/check-mail', view.t('accounts.checkMail.sentAgain'));
  });
  return routes;
}
