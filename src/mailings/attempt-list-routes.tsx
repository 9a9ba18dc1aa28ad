import { Hono } from 'hono';

import { chooseOwner } from '../accounts/choose-owner.js';
import { findOwnerNames } from '../accounts/user-store.js';
import { ATTEMPT_FILTERS, ATTEMPT_SORTS } from '../delivery/delivery.js';
import { countAttempts, listAttempts } from '../delivery/oversight-attempt-store.js';
import type { Database } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import type { WebEnv } from '../ui/view.js';
import { AttemptListPage } from './attempt-list-page.js';
import { findSubjects } from './oversight-mailing-store.js';

/** All attempts at everybody's mailings. Mounted behind the permission to see them. */
export function attemptListRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const choice = await chooseOwner(db, view);
    const list = parseListQuery(view.query, ATTEMPT_SORTS, '-time');
    const filter = ATTEMPT_FILTERS.find((name) => name === view.query['outcome']) ?? null;
    const [page, count] = await Promise.all([
      listAttempts(db, choice.owners, filter, list),
      countAttempts(db, choice.owners, filter),
    ]);
    const [subjects, owners] = await Promise.all([
      findSubjects(
        db,
        page.rows.map(({ mailingId }) => mailingId),
      ),
      findOwnerNames(
        db,
        page.rows.map(({ ownerId }) => ownerId),
      ),
    ]);
    return c.html(
      <AttemptListPage
        view={view}
        list={list}
        choice={choice}
        page={page}
        subjects={subjects}
        owners={owners}
        count={count}
      />,
    );
  });

  return routes;
}
