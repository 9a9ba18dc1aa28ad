import { Hono } from 'hono';

import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { NotFoundError } from '../lib/errors.js';
import type { WebEnv } from '../ui/view.js';

export interface InboxDeps {
  db: Database;
  clock: Clock;
  lettersStayHere: boolean;
}

export function inboxRoutes(_deps: InboxDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.use(() => {
    throw new NotFoundError();
  });
  return routes;
}
