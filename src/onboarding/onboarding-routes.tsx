import { Hono } from 'hono';

import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { Layout } from '../ui/layout.js';
import type { WebEnv } from '../ui/view.js';

interface OnboardingDeps {
  db: Database;
  clock: Clock;
}

export function onboardingRoutes(_deps: OnboardingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', (c) => {
    const view = c.get('view');
    return c.html(<Layout view={view} title={view.t('common.places.start')} />);
  });

  return routes;
}
