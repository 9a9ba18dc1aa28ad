import { Hono } from 'hono';

import { chooseOwner } from '../accounts/choose-owner.js';
import { findOwnerNames } from '../accounts/user-store.js';
import type { Database } from '../lib/database.js';
import { parseListQuery, type ListQuery } from '../lib/list.js';
import { FOUND_LIMIT } from '../ui/list.js';
import type { OwnerChoice } from '../ui/owner-filter.js';
import type { View, WebEnv } from '../ui/view.js';
import { AllRecipientsPage } from './all-recipients-page.js';
import { countFoundRecipients, countRecipients, listRecipients } from './recipient-store.js';
import { RECIPIENT_SORTS, type RecipientSort } from './recipient.js';

/** Everybody's recipients, to look at. Mounted behind the permission to see them. */
export function allRecipientsRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const choice = await chooseOwner(db, view);
    const list = readList(view, choice);
    const [page, total, found] = await Promise.all([
      listRecipients(db, choice.owners, list),
      countRecipients(db, choice.owners),
      list.search === '' ? null : countFoundRecipients(db, choice.owners, list.search, FOUND_LIMIT),
    ]);
    const owners = await findOwnerNames(
      db,
      page.rows.map(({ ownerId }) => ownerId),
    );
    return c.html(
      <AllRecipientsPage
        view={view}
        list={list}
        choice={choice}
        page={page}
        owners={owners}
        total={total}
        found={found}
      />,
    );
  });

  return routes;
}

function readList(view: View, { owners }: OwnerChoice): ListQuery<RecipientSort> {
  if (owners === 'everybody') return parseListQuery(view.query, ['added'], '-added');
  return parseListQuery(view.query, RECIPIENT_SORTS, '-created');
}
