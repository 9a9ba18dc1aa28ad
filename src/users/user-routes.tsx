import { Hono } from 'hono';

import { countFoundUsers, listUsers } from '../accounts/user-list-store.js';
import { ROLES, USER_SORTS, USER_STATES, type UserDetails, type UserFilter } from '../accounts/user.js';
import { readOwnerHalt } from '../delivery/delivery-store.js';
import type { Halt } from '../delivery/delivery.js';
import type { Database } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import { FOUND_LIMIT } from '../ui/list.js';
import type { WebEnv } from '../ui/view.js';
import { NOTHING } from './belongings.js';
import { blockRoutes } from './block-routes.js';
import { invitationRoutes } from './invitation-routes.js';
import { readBelongings } from './read-belongings.js';
import { roleRoutes } from './role-routes.js';
import { secondFactorRoutes } from './second-factor-routes.js';
import { UserListPage } from './user-list-page.js';
import { HaltState, UserPage } from './user-page.js';
import { findByPath, type UserDeps } from './user-path.js';

/** Mounted behind the permission to oversee. */
export function userRoutes(deps: UserDeps): Hono<WebEnv> {
  const { db } = deps.auth;
  const routes = new Hono<WebEnv>();
  routes.route('/invitations', invitationRoutes(deps));
  routes.route('/', blockRoutes(deps));
  routes.route('/', roleRoutes(deps));
  routes.route('/', secondFactorRoutes(deps));

  routes.get('/', async (c) => {
    const view = c.get('view');
    const list = parseListQuery(view.query, USER_SORTS, '-created');
    const filter = readFilter(view.query);
    const [page, foundCount] = await Promise.all([
      listUsers(db, list, filter),
      countFoundUsers(db, list.search, filter, FOUND_LIMIT),
    ]);
    const belongings = await readBelongings(
      db,
      page.rows.map(({ id }) => id),
    );
    return c.html(<UserListPage view={view} list={list} page={page} belongings={belongings} found={foundCount} />);
  });

  routes.get('/:id', async (c) => {
    const user = await findByPath(db, c);
    const [belongings, halt] = await Promise.all([readBelongings(db, [user.id]), readHaltOf(db, user)]);
    const owned = belongings.get(user.id) ?? NOTHING;
    return c.html(<UserPage view={c.get('view')} user={user} belongings={owned} halt={halt} />);
  });

  // A live part of the page before.
  routes.get('/:id/halt', async (c) => {
    const halt = await readHaltOf(db, await findByPath(db, c));
    if (halt?.done !== false) c.header('x-live', 'done');
    return c.html(halt ? <HaltState view={c.get('view')} halt={halt} /> : '');
  });
  return routes;
}

async function readHaltOf(db: Database, { id, blockedAt }: UserDetails): Promise<Halt | undefined> {
  return blockedAt ? readOwnerHalt(db, id, blockedAt) : undefined;
}

function readFilter(parameters: Record<string, string>): UserFilter {
  return {
    role: ROLES.find((role) => role === parameters['role']) ?? null,
    state: USER_STATES.find((state) => state === parameters['state']) ?? null,
  };
}
