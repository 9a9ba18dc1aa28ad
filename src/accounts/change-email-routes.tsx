import { Hono, type MiddlewareHandler } from 'hono';

import { actorOf } from '../audit/actor.js';
import { emptyForm, parseForm, readForm, type FormState } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import { emailChangeForm } from './account.js';
import type { Auth } from './auth.js';
import { EmailChangePage, EmailChangeRefusedPage } from './change-email-page.js';
import { changeEmail, findEmailChange, requestEmailChange } from './change-email.js';
import { findPendingEmail } from './one-time-link-store.js';
import { SecurityPage } from './security-page.js';
import { refuseTries } from './throttle-answer.js';
import { allowOwnPassword } from './throttle.js';

export function changeEmailRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.use('/settings/email', requireUser);
  routes.use('/email-change', requireUser);

  // Where a change of the language leads from the form that came back.
  routes.get('/settings/email', (c) => c.redirect('/settings/security', 303));

  routes.post('/settings/email', async (c) => {
    const view = c.get('view');
    const user = signedIn(view);
    const typed = await readForm(c);
    const form = parseForm(emailChangeForm, typed);
    const refuse = async (faults: FormState['faults'], status: 422 | 429 = 422) => {
      const pending = await findPendingEmail(auth.db, user.id);
      const page = <SecurityPage view={view} password={emptyForm} email={{ typed, faults }} pendingEmail={pending} />;
      return c.html(page, status);
    };
    if (!form.ok) return refuse(form.faults);
    const { email, email_password: currentPassword } = form.values;
    const allowance = await allowOwnPassword(auth, user.id);
    if (!allowance.ok) return refuse(refuseTries(c, allowance.seconds), 429);
    const result = await requestEmailChange(auth, user, { currentPassword, newEmail: email });
    if (result.ok || result.fault !== 'passwordWrong') await allowance.refund();
    if (!result.ok) return refuse({ [FIELD_OF[result.fault]]: { key: result.fault } });
    return redirectWithFlash(c, '/settings/security', view.t('accounts.emailChange.asked', { email }));
  });

  routes.get('/email-change', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const answer = await findEmailChange(auth, signedIn(view).id, token);
    if (answer.state !== 'valid') return c.html(<EmailChangeRefusedPage view={view} fault={answer.state} />, 410);
    return c.html(<EmailChangePage view={view} email={answer.link.email} token={token} />);
  });

  routes.post('/email-change', async (c) => {
    const view = c.get('view');
    const result = await changeEmail(auth, signedIn(view), c.req.query('token') ?? '', actorOf(c));
    if (!result.ok) return c.html(<EmailChangeRefusedPage view={view} fault={result.fault} />, 410);
    return redirectWithFlash(c, '/settings/security', view.t('accounts.emailChange.done', { email: result.email }));
  });
  return routes;
}

const FIELD_OF = { passwordWrong: 'email_password', emailSame: 'email' } as const;

/** Back to the link after signing in, also from another device than the one the change was asked for on. */
const requireUser: MiddlewareHandler<WebEnv> = async (c, next) => {
  const { user, path } = c.get('view');
  return user ? next() : c.redirect(`/sign-in?next=${encodeURIComponent(path)}`, 303);
};
