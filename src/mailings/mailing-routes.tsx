import { Hono } from 'hono';

import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { WebEnv } from '../ui/view.js';

interface MailingDeps {
  db: Database;
  clock: Clock;
}

export function mailingRoutes(_deps: MailingDeps): Hono<WebEnv> {
  return new Hono<WebEnv>();
}
