import { Hono, type Context } from 'hono';

import { actorOf } from '../audit/actor.js';
import { recordAudit } from '../audit/audit-store.js';
import { found } from '../lib/errors.js';
import { parseId } from '../lib/ids.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import { readSessionKey, type Auth } from './auth.js';
import { passCookies } from './pass-cookies.js';
import { SessionsPage } from './session-page.js';
import { endSession, endSessions, listSessions } from './session-store.js';
import { requireUser } from './settings-routes.js';
import { signOut } from './sign-in.js';

/** Where a user is signed in. */
export function sessionRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.use('/settings/sessions', requireUser);
  routes.use('/settings/sessions/*', requireUser);

  const listOwn = (c: Context<WebEnv>) =>
    listSessions(auth.db, signedIn(c.get('view')).id, readSessionKey(auth, c.req.raw.headers) ?? '');

  const leave = async (c: Context<WebEnv>, text: string) => {
    passCookies(c, await signOut(auth, { headers: c.req.raw.headers, origin: c.get('origin') }));
    return redirectWithFlash(c, '/sign-in', text);
  };

  /** Ends what `end` ends, which says how many those were, and writes it down. */
  const endSome = async (c: Context<WebEnv>, end: Parameters<typeof endAndRecord>[2]) => endAndRecord(auth, c, end);

  routes.get('/settings/sessions', async (c) => {
    const view = c.get('view');
    return c.html(<SessionsPage view={view} sessions={await listOwn(c)} />);
  });

  routes.post('/settings/sessions/end-others', async (c) => {
    const own = (await listOwn(c)).find(({ isCurrent }) => isCurrent);
    const { id } = signedIn(c.get('view'));
    const count = await endSome(c, (trx) => endSessions(trx, id, { except: own?.id }));
    return redirectWithFlash(c, '/settings/sessions', c.get('view').t('security.sessions.othersEnded', { count }));
  });

  routes.post('/settings/sessions/end-all', async (c) => {
    const { id } = signedIn(c.get('view'));
    await endSome(c, (trx) => endSessions(trx, id));
    return leave(c, c.get('view').t('security.sessions.allEnded'));
  });

  routes.post('/settings/sessions/:id/end', async (c) => {
    const view = c.get('view');
    const id = parseId(c.req.param('id'));
    const session = found((await listOwn(c)).find((line) => line.id === id));
    if (session.isCurrent) return leave(c, view.t('accounts.signIn.signedOut'));
    await endSome(c, async (trx) => ((await endSession(trx, signedIn(view).id, session.id)) ? 1 : 0));
    return redirectWithFlash(c, '/settings/sessions', view.t('security.sessions.ended'));
  });
  return routes;
}
