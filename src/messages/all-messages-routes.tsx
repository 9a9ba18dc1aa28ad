import { Hono } from 'hono';

import { chooseOwner } from '../accounts/choose-owner.js';
import { findOwnerNames } from '../accounts/user-store.js';
import type { Database } from '../lib/database.js';
import { parseListQuery, type ListQuery } from '../lib/list.js';
import { FOUND_LIMIT } from '../ui/list.js';
import type { OwnerChoice } from '../ui/owner-filter.js';
import type { View, WebEnv } from '../ui/view.js';
import { AllMessagesPage } from './all-messages-page.js';
import { countMessages, listMessages } from './message-store.js';
import { MESSAGE_SORTS, type MessageSort } from './message.js';

/** Everybody's messages, to look at. Mounted behind the permission to see them. */
export function allMessagesRoutes({ db }: { db: Database }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const choice = await chooseOwner(db, view);
    const list = readList(view, choice);
    const [page, count] = await Promise.all([
      listMessages(db, choice.owners, list),
      countMessages(db, choice.owners, list.search, FOUND_LIMIT),
    ]);
    const owners = await findOwnerNames(
      db,
      page.rows.map(({ ownerId }) => ownerId),
    );
    return c.html(
      <AllMessagesPage view={view} list={list} choice={choice} page={page} owners={owners} count={count} />,
    );
  });

  return routes;
}

function readList(view: View, { owners }: OwnerChoice): ListQuery<MessageSort> {
  if (owners === 'everybody') return parseListQuery(view.query, ['written'], '-written');
  return parseListQuery(view.query, MESSAGE_SORTS, '-updated');
}
