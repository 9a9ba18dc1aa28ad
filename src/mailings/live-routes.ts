import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';

import { readSessionKey, type Auth } from '../accounts/auth.js';
import { NotFoundError } from '../lib/errors.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import type { LiveHub } from './live-hub.js';
import { lookOf } from './live-view.js';
import { findVisible, type MailingDeps } from './mailing-path.js';

interface LiveDeps extends MailingDeps {
  auth: Auth;
  live: LiveHub;
}

/** Seconds; the page asks by itself meanwhile. */
const RETRY_AFTER = 60;

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Nothing on the way may keep it, wait for its end, or compress it (nginx and those that follow it).
  'Cache-Control': 'private, no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** What changes on a running mailing's page, as server-sent events. */
export function liveRoutes({ db, auth, live }: LiveDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/events', async (c) => {
    const view = c.get('view');
    const mailing = await findVisible(db, c);
    const sessionKey = readSessionKey(auth, c.req.raw.headers);
    if (mailing.status === 'created' || sessionKey === undefined) throw new NotFoundError();
    // Nobody reads the body of a HEAD: its stream would never end.
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS);
    const events = live.open({
      mailing,
      userId: signedIn(view).id,
      sessionKey,
      look: lookOf(view, mailing.ownerId),
      abandon: () => breakOff(c),
    });
    return events ? c.body(events, 200, HEADERS) : c.body(null, 503, { 'Retry-After': String(RETRY_AFTER) });
  });

  return routes;
}

/** Without a server behind the request, as in tests, there is nothing to break off. */
function breakOff(c: Context<WebEnv>): void {
  const bindings = c.env as object | undefined;
  if (bindings && 'outgoing' in bindings) (bindings as HttpBindings).outgoing.destroy();
}
