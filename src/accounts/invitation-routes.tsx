import { Hono } from 'hono';

import { parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { acceptInvitation, readInvitation } from './accept-invitation.js';
import { signUpForm } from './account.js';
import type { Auth } from './auth.js';
import { InvitationPage, InvitationRefusedPage } from './invitation-page.js';
import { passCookies } from './pass-cookies.js';
import { signIn } from './sign-in.js';
import { refuseTries } from './throttle-answer.js';
import { allowVisitor } from './throttle.js';

export function invitationRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/invitation', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const answer = await readInvitation(auth.db, token);
    if (!answer.ok) return c.html(<InvitationRefusedPage view={view} fault={answer.fault} />, 410);
    const form = { typed: { time_zone: DEFAULT_TIME_ZONE[view.locale] }, faults: {} };
    return c.html(<InvitationPage view={view} form={form} invitation={answer.invitation} token={token} />);
  });

  routes.post('/invitation', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const typed = await readForm(c);
    const answer = await readInvitation(auth.db, token);
    if (!answer.ok) return c.html(<InvitationRefusedPage view={view} fault={answer.fault} />, 410);
    const { email } = answer.invitation;
    // The address is the invitation's, whatever was sent along.
    const form = parseForm(signUpForm, { ...typed, email });
    if (!form.ok) {
      const state = { typed, faults: form.faults };
      return c.html(<InvitationPage view={view} form={state} invitation={answer.invitation} token={token} />, 422);
    }
    const allowance = await allowVisitor(auth, 'invitation', c.get('origin'));
    if (!allowance.ok) {
      const state = { typed, faults: refuseTries(c, allowance.seconds) };
      return c.html(<InvitationPage view={view} form={state} invitation={answer.invitation} token={token} />, 429);
    }
    const { name, password, time_zone: timeZone } = form.values;
    const newcomer = { name, password, timeZone, locale: view.locale };
    const accepted = await acceptInvitation(auth.db, token, newcomer, c.get('origin'));
    if (!accepted.ok) return c.html(<InvitationRefusedPage view={view} fault={accepted.fault} />, 410);
    const signedIn = await signIn(auth, { email, password, headers: c.req.raw.headers, origin: c.get('origin') });
    if (signedIn.ok) passCookies(c, signedIn.headers);
    return redirectWithFlash(c, '/', view.t('accounts.invitation.done', { name }));
  });
  return routes;
}

/** Preselected, since no script is needed here to choose another. */
const DEFAULT_TIME_ZONE = { ru: 'Europe/Moscow', en: 'UTC' } as const;
