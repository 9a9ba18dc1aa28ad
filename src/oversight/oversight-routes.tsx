import { Hono } from 'hono';

import type { Database } from '../lib/database.js';
import type { WebEnv } from '../ui/view.js';
import { OversightPage, RunningMailings } from './oversight-page.js';
import { readInstallation, readRunning } from './read-installation.js';

/** What goes on in the whole installation. Mounted behind the permission to see it. */
export function oversightRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const [installation, running] = await Promise.all([readInstallation(db), readRunning(db)]);
    return c.html(<OversightPage view={c.get('view')} installation={installation} running={running} />);
  });

  routes.get('/running-mailings', async (c) => {
    const running = await readRunning(db);
    if (running.mailings.length === 0) c.header('x-live', 'done');
    return c.html(<RunningMailings view={c.get('view')} running={running} />);
  });

  return routes;
}
