import { Hono } from 'hono';

import type { Database } from '../lib/database.js';
import type { WebEnv } from '../ui/view.js';
import { LiveNodes, NodesPage } from './node-page.js';
import { readNodes } from './read-nodes.js';

/** Which processes there are, and what each does. Mounted behind the permission to see the oversight. */
export function nodeRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => c.html(<NodesPage view={c.get('view')} nodes={await readNodes(db)} />));

  routes.get('/live', async (c) => c.html(<LiveNodes view={c.get('view')} nodes={await readNodes(db)} />));

  return routes;
}
