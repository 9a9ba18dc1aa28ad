import { Hono } from 'hono';

import { emptyForm, parseForm, readForm } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { signUpForm } from './account.js';
import type { Auth } from './auth.js';
import { createFirstAdministrator, isFirstAdministratorToken } from './first-administrator.js';
import { passCookies } from './pass-cookies.js';
import { signIn } from './sign-in.js';
import { SetupPage, SetupRefusedPage } from './sign-up-page.js';
import { hasAdministrator } from './user-store.js';

export function setupRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/setup', async (c) => {
    const view = c.get('view');
    const token = c.req.query('token') ?? '';
    const fault = await findFault(auth, token);
    if (fault) return c.html(<SetupRefusedPage view={view} fault={fault} />, STATUS[fault]);
    return c.html(<SetupPage view={view} form={emptyForm} token={token} />);
  });

  routes.post('/setup', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const token = c.req.query('token') ?? '';
    const fault = await findFault(auth, token);
    if (fault) return c.html(<SetupRefusedPage view={view} fault={fault} />, STATUS[fault]);
    const form = parseForm(signUpForm, typed);
    if (!form.ok) return c.html(<SetupPage view={view} form={{ typed, faults: form.faults }} token={token} />, 422);
    const { time_zone: timeZone, ...values } = form.values;
    const administrator = { ...values, timeZone, locale: view.locale };
    const created = await createFirstAdministrator(auth.db, administrator, c.get('origin'));
    if (created === 'used') return c.html(<SetupRefusedPage view={view} fault="used" />, STATUS.used);
    if (created === 'userExists') {
      const faults = { email: { key: created } };
      return c.html(<SetupPage view={view} form={{ typed, faults }} token={token} />, 422);
    }
    const { email, password } = values;
    const request = { headers: c.req.raw.headers, origin: c.get('origin') };
    const result = await signIn(auth, { ...request, email, password });
    if (result.ok) passCookies(c, result.headers);
    return redirectWithFlash(c, '/', view.t('accounts.setup.done', { name: values.name }));
  });
  return routes;
}

const STATUS = { mangled: 404, used: 410 } as const;

async function findFault(auth: Auth, token: string): Promise<'mangled' | 'used' | undefined> {
  if (!isFirstAdministratorToken(token, auth.secret)) return 'mangled';
  return (await hasAdministrator(auth.db)) ? 'used' : undefined;
}
