import { Hono, type Context } from 'hono';

import { may } from '../accounts/permissions.js';
import type { Cache } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import { readFailing } from '../relays/read-relays.js';
import { chooseRange } from '../statistics/range.js';
import { rangeParams, readCachedFigures } from '../statistics/read-figures.js';
import { visitorOf, type View, type WebEnv } from '../ui/view.js';
import { compareOwners } from './compare-owners.js';
import { AllFigures, LiveRunning, OversightPage } from './oversight-page.js';
import { parseOwnerSort } from './oversight.js';
import { readInstallation, readRunning } from './read-installation.js';
import { readMachinery } from './read-machinery.js';

interface OversightDeps {
  db: Database;
  cache: Cache;
  auth: { secret: string };
}

/** What goes on in the whole installation. Mounted behind the permission to see it. */
export function oversightRoutes(deps: OversightDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', (c) => showOverview(deps, c));

  routes.get('/running-mailings', async (c) => {
    const view = c.get('view');
    const { running, installation } = await readPresent(deps, view);
    const isRunning = running.mailings.length > 0;
    const isAwaited = view.query['before'] === 'start';
    if (isRunning === isAwaited) c.header('x-live', 'done');
    return isAwaited ? c.html('') : c.html(<LiveRunning view={view} running={running} installation={installation} />);
  });

  routes.get('/figures', async (c) => {
    const view = c.get('view');
    const { range } = chooseRange(view.query, view.now, view.timeZone);
    const figures = await readCachedFigures(deps, view, 'everybody', range);
    if (figures.mailings.running === 0) c.header('x-live', 'done');
    return c.html(<AllFigures view={view} figures={figures} range={range} />);
  });

  return routes;
}

async function showOverview(deps: OversightDeps, c: Context<WebEnv>) {
  const { db, cache, auth } = deps;
  const view = c.get('view');
  const choice = chooseRange(view.query, view.now, view.timeZone);
  const sort = parseOwnerSort(view.query['sort']);
  const owners = { ...everybodys(view, 'owners'), params: { ...rangeParams(choice.range), sort } };
  const [present, figures, compared, failing, machinery] = await Promise.all([
    readPresent(deps, view),
    readCachedFigures(deps, view, 'everybody', choice.range),
    cache.read(owners, () => compareOwners(db, choice.range, sort)),
    readFailing(db, view.now),
    may(view.user, 'mailServers.manage') ? readMachinery(db, auth.secret, view.now) : undefined,
  ]);
  return c.html(
    <OversightPage
      view={view}
      {...present}
      choice={choice}
      figures={figures}
      owners={compared}
      sort={sort}
      failing={failing}
      machinery={machinery}
    />,
    Object.keys(choice.faults).length > 0 ? 422 : 200,
  );
}

function readPresent({ db, cache }: OversightDeps, view: View) {
  return cache.read(everybodys(view, 'present'), async () => {
    const [installation, running] = await Promise.all([readInstallation(db), readRunning(db)]);
    return { installation, running };
  });
}

function everybodys(view: View, name: string) {
  return { name: `oversight-${name}`, visitor: visitorOf(view), owners: 'everybody', params: {} } as const;
}
