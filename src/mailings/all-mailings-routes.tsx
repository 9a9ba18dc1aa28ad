import { Hono } from 'hono';

import { chooseOwner } from '../accounts/choose-owner.js';
import { findOwnerNames } from '../accounts/user-store.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import { FOUND_LIMIT } from '../ui/list.js';
import type { WebEnv } from '../ui/view.js';
import { AllMailingsPage } from './all-mailings-page.js';
import { countFoundMailings, listMailings } from './mailing-store.js';
import { MAILING_STATUSES } from './mailing.js';

/** Everybody's mailings, to look at. Mounted behind the permission to see them. */
export function allMailingsRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const choice = await chooseOwner(db, view);
    const list = parseListQuery(view.query, ['start'] as const, '-start');
    const status = MAILING_STATUSES.find((name) => name === view.query['status']) ?? null;
    const [page, found] = await Promise.all([
      listMailings(db, choice.owners, list, status),
      countFoundMailings(db, choice.owners, list.search, status, FOUND_LIMIT),
    ]);
    const [counters, owners] = await Promise.all([
      readCounters(
        db,
        choice.owners,
        page.rows.map(({ id }) => id),
      ),
      findOwnerNames(
        db,
        page.rows.map(({ ownerId }) => ownerId),
      ),
    ]);
    return c.html(
      <AllMailingsPage
        view={view}
        list={list}
        choice={choice}
        page={page}
        counters={counters}
        owners={owners}
        found={found}
      />,
    );
  });

  return routes;
}
