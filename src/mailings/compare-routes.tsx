import { Hono } from 'hono';

import { ownersSeenBy } from '../accounts/permissions.js';
import { findOwnerNames } from '../accounts/user-store.js';
import type { Cache } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import { parseIds } from '../lib/ids.js';
import type { Owners } from '../lib/owners.js';
import { signedIn, visitorOf, type WebEnv } from '../ui/view.js';
import { ComparePage } from './compare-page.js';
import { findMailing } from './mailing-store.js';
import type { Mailing } from './mailing.js';
import { readCompared } from './read-report.js';
import { FEWEST_COMPARED, MOST_COMPARED } from './report.js';

/** Several mailings side by side: those that `id` names, once or often. Mounted before what takes any word for an id. */
export function compareRoutes({ db, cache }: { db: Database; cache: Cache }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/compare', async (c) => {
    const view = c.get('view');
    const user = signedIn(view);
    const owners = ownersSeenBy(user);
    const typed = [...new Set(c.req.queries('id') ?? [])];
    const chosen = typed.slice(0, MOST_COMPARED);
    const mailings = await findMailings(db, owners, chosen);
    const ids = mailings.map(({ id }) => id);
    const entry = { name: 'comparison', visitor: visitorOf(view), owners, params: { ids: ids.join() } };
    const figures = ids.length < FEWEST_COMPARED ? [] : await cache.read(entry, () => readCompared(db, owners, ids));
    const isOverseen = mailings.some(({ ownerId }) => ownerId !== user.id);
    const names = await findOwnerNames(db, isOverseen ? ownersOf(mailings) : []);
    const page = (
      <ComparePage
        view={view}
        compared={mailings.map((mailing, index) => ({
          mailing,
          counters: figures[index]?.counters,
          summary: figures[index]?.summary,
        }))}
        owners={names}
        missing={chosen.length - mailings.length}
        hasTooMany={typed.length > MOST_COMPARED}
        listHref={isOverseen ? '/oversight/mailings' : '/mailings'}
      />
    );
    return c.html(page, mailings.length < FEWEST_COMPARED ? 422 : 200);
  });

  return routes;
}

/** Those that the visitor may see, in the order in which they were chosen. */
async function findMailings(db: Database, owners: Owners, typed: string[]): Promise<Mailing[]> {
  const mailings = await Promise.all(parseIds(typed).map((id) => findMailing(db, owners, id)));
  return mailings.filter((mailing) => mailing !== undefined);
}

function ownersOf(mailings: Mailing[]): number[] {
  return [...new Set(mailings.map(({ ownerId }) => ownerId))];
}
