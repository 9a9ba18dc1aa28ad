import { Hono } from 'hono';

import type { Database } from '../lib/database.js';
import { readFailing } from '../relays/read-relays.js';
import type { WebEnv } from '../ui/view.js';
import { LiveOverview, OversightPage } from './oversight-page.js';
import { readInstallation, readRunning, readTotals } from './read-installation.js';

/** What goes on in the whole installation. Mounted behind the permission to see it. */
export function oversightRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const [installation, running, failing] = await Promise.all([
      readInstallation(db),
      readRunning(db),
      readFailing(db, view.now),
    ]);
    return c.html(<OversightPage view={view} installation={installation} running={running} failing={failing} />);
  });

  routes.get('/running-mailings', async (c) => {
    const [totals, running] = await Promise.all([readTotals(db), readRunning(db)]);
    if (running.mailings.length === 0) c.header('x-live', 'done');
    return c.html(<LiveOverview view={c.get('view')} totals={totals} running={running} />);
  });

  return routes;
}
