import { Hono, type Context } from 'hono';

import { found } from '../lib/errors.js';
import { parseId } from '../lib/ids.js';
import { redirectWithFlash } from '../ui/flash.js';
import { forgetPages } from '../ui/revalidate.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import { readSessionKey, type Auth } from './auth.js';
import { endOwnSession, endOwnSessions } from './end-own-sessions.js';
import { passCookies } from './pass-cookies.js';
import { SessionsPage } from './session-page.js';
import { listSessions } from './session-store.js';
import { requireUser } from './settings-routes.js';
import { dropCookies } from './sign-in.js';

/** Where a user is signed in. */
export function sessionRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.use('/settings/sessions', requireUser);
  routes.use('/settings/sessions/*', requireUser);

  const listOwn = (c: Context<WebEnv>) =>
    listSessions(auth.db, signedIn(c.get('view')).id, readSessionKey(auth, c.req.raw.headers) ?? '');

  const leave = async (c: Context<WebEnv>, text: string) => {
    passCookies(c, await dropCookies(auth, c.req.raw.headers));
    forgetPages(c);
    return redirectWithFlash(c, '/sign-in', text);
  };

  routes.get('/settings/sessions', async (c) =>
    c.html(<SessionsPage view={c.get('view')} sessions={await listOwn(c)} />),
  );

  routes.post('/settings/sessions/end-others', async (c) => {
    const current = (await listOwn(c)).find(({ isCurrent }) => isCurrent);
    const count = await endOwnSessions(auth, ownerOf(c), { except: current?.id });
    return redirectWithFlash(c, '/settings/sessions', c.get('view').t('security.sessions.othersEnded', { count }));
  });

  routes.post('/settings/sessions/end-all', async (c) => {
    await endOwnSessions(auth, ownerOf(c));
    return leave(c, c.get('view').t('security.sessions.allEnded'));
  });

  routes.post('/settings/sessions/:id/end', async (c) => {
    const { t } = c.get('view');
    const id = parseId(c.req.param('id'));
    const session = found((await listOwn(c)).find((line) => line.id === id));
    await endOwnSession(auth, ownerOf(c), session.id);
    if (session.isCurrent) return leave(c, t('accounts.signIn.signedOut'));
    return redirectWithFlash(c, '/settings/sessions', t('security.sessions.ended'));
  });
  return routes;
}

function ownerOf(c: Context<WebEnv>) {
  const { id, email } = signedIn(c.get('view'));
  return { userId: id, name: email, ...c.get('origin') };
}
