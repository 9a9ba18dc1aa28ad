import { Hono, type Context } from 'hono';

import { may } from '../accounts/permissions.js';
import type { Cache } from '../lib/cache.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { joinReads } from '../lib/join-reads.js';
import { readFailing } from '../relays/read-relays.js';
import type { FailingRelay } from '../relays/relay.js';
import { chooseRange, type Range } from '../statistics/range.js';
import { rangeParams, readShownFigures } from '../statistics/shown-figures.js';
import { renderPart } from '../ui/render-part.js';
import { visitorOf, type View, type WebEnv } from '../ui/view.js';
import { compareOwners } from './compare-owners.js';
import { LiveRunning, OversightPage } from './oversight-page.js';
import { parseOwnerSort, type OwnerSort } from './oversight.js';
import { OwnerTable } from './owner-table.js';
import { readInstallation, readRunning } from './read-installation.js';
import { readMachinery } from './read-machinery.js';

interface OversightDeps {
  db: Database;
  cache: Cache;
  auth: { secret: string };
  clock: Clock;
}

/** What goes on in the whole installation. Mounted behind the permission to see it. */
export function oversightRoutes(deps: OversightDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  // Every visitor is shown the same: those who come at once share the reads.
  const readAllFailing = joinReads(() => readFailing(deps.db, deps.clock.now()));

  routes.get('/', async (c) => showOverview(deps, c, () => readAllFailing('everybody')));

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
    const { mailings, html } = await readShownFigures(deps, view, 'everybody', range);
    if (mailings.running === 0) c.header('x-live', 'done');
    return c.html(html);
  });

  return routes;
}

async function showOverview(deps: OversightDeps, c: Context<WebEnv>, readAllFailing: () => Promise<FailingRelay[]>) {
  const { db, auth } = deps;
  const view = c.get('view');
  const choice = chooseRange(view.query, view.now, view.timeZone);
  const sort = parseOwnerSort(view.query['sort']);
  const [present, figures, owners, failing, machinery] = await Promise.all([
    readPresent(deps, view),
    readShownFigures(deps, view, 'everybody', choice.range),
    readOwnerTable(deps, view, choice.range, sort),
    readAllFailing(),
    may(view.user, 'mailServers.manage') ? readMachinery(db, auth.secret, view.now) : undefined,
  ]);
  return c.html(
    <OversightPage
      view={view}
      {...present}
      choice={choice}
      figures={figures}
      owners={owners}
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

function readOwnerTable({ db, cache }: OversightDeps, view: View, range: Range, sort: OwnerSort): Promise<string> {
  const entry = { ...everybodys(view, 'owners'), params: { ...rangeParams(range), sort } };
  return cache.read(entry, async () => {
    const owners = await compareOwners(db, range, sort);
    return renderPart(<OwnerTable view={view} owners={owners} range={range} sort={sort} />);
  });
}

function everybodys(view: View, name: string) {
  return { name: `oversight-${name}`, visitor: visitorOf(view), owners: 'everybody', params: {} } as const;
}
