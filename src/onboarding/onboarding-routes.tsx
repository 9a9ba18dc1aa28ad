import { Hono, type Context } from 'hono';

import { may } from '../accounts/permissions.js';
import { findRelayFault } from '../delivery/relay-store.js';
import type { Cache } from '../lib/cache.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { countMessages } from '../messages/message-store.js';
import { countSampleMessages } from '../messages/sample-message-store.js';
import { readFailing } from '../relays/read-relays.js';
import { listKeysInUse } from '../relays/relay-store.js';
import { chooseRange } from '../statistics/range.js';
import { RunningList } from '../statistics/running-list.js';
import { readShownFigures } from '../statistics/shown-figures.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, visitorOf, type View, type WebEnv } from '../ui/view.js';
import { readRunning, readStart } from './read-start.js';
import { addSampleData, countSampleData, deleteSampleData, isAny, type SampleCounts } from './sample-data.js';
import { StartPage } from './start-page.js';

interface OnboardingDeps {
  db: Database;
  cache: Cache;
  clock: Clock;
}

export function onboardingRoutes(deps: OnboardingDeps): Hono<WebEnv> {
  const { db, cache, clock } = deps;
  const routes = new Hono<WebEnv>();

  routes.get('/', (c) => showStart(deps, c));

  routes.get('/running-mailings', async (c) => {
    const view = c.get('view');
    const { id } = signedIn(view);
    const entry = { name: 'running', visitor: visitorOf(view), owners: id, params: {} };
    const running = await cache.read(entry, () => readRunning(db, id));
    const isOver = view.query['before'] === 'start' ? running.length > 0 : running.length === 0;
    if (isOver) c.header('x-live', 'done');
    return c.html(<RunningList view={view} running={view.query['before'] === 'start' ? [] : running} />);
  });

  routes.get('/figures', async (c) => {
    const view = c.get('view');
    const { range } = chooseRange(view.query, view.now, view.timeZone);
    const { mailings, html } = await readShownFigures(deps, view, signedIn(view).id, range);
    if (mailings.running === 0) c.header('x-live', 'done');
    return c.html(html);
  });

  routes.post('/sample-data', async (c) => {
    const view = c.get('view');
    await addSampleData(db, signedIn(view).id, view.locale, clock.now());
    return redirectWithFlash(c, '/', view.t('onboarding.flash.added'));
  });

  routes.get('/sample-data/deletion', async (c) => {
    const view = c.get('view');
    const counts = await countSampleData(db, signedIn(view).id);
    if (!isAny(counts)) return redirectWithFlash(c, '/', view.t('onboarding.flash.none'), 'warning');
    return c.html(deletionPage(view, counts));
  });

  routes.post('/sample-data/deletion', async (c) => {
    const view = c.get('view');
    const { keptMessages } = await deleteSampleData(db, signedIn(view).id);
    if (keptMessages > 0)
      return redirectWithFlash(c, '/', view.t('onboarding.flash.deletedButKept', { count: keptMessages }), 'warning');
    return redirectWithFlash(c, '/', view.t('onboarding.flash.deleted'));
  });

  return routes;
}

async function showStart(deps: OnboardingDeps, c: Context<WebEnv>) {
  const { db, cache } = deps;
  const view = c.get('view');
  const { id } = signedIn(view);
  const choice = chooseRange(view.query, view.now, view.timeZone);
  const entry = { name: 'start', visitor: visitorOf(view), owners: id, params: {} };
  const [start, figures, sampleMessages, failing] = await Promise.all([
    cache.read(entry, () => readStart(db, id)),
    readShownFigures(deps, view, id, choice.range),
    countSampleMessages(db, id),
    may(view.user, 'mailServers.manage') ? readFailing(db, view.now) : [],
  ]);
  // Messages and mail servers raise no data version: what is told of them is read each time, where it is told.
  const [messageCount, relayFault] = await Promise.all([
    start.isNewcomer ? countMessages(db, id, '', 1) : 0,
    start.running.length > 0 && failing.length === 0 ? findRelayFault(db, await listKeysInUse(db)) : undefined,
  ]);
  return c.html(
    <StartPage
      view={view}
      start={start}
      choice={choice}
      figures={figures}
      hasSampleData={start.hasSamples || sampleMessages > 0}
      hasMessages={messageCount > 0}
      isHeldUp={relayFault !== undefined}
      failing={failing}
    />,
    Object.keys(choice.faults).length > 0 ? 422 : 200,
  );
}

function deletionPage(view: View, { recipients, messages, mailings }: SampleCounts) {
  return (
    <ConfirmPage
      view={view}
      title={view.t('onboarding.deletion.title')}
      cancelHref="/"
      action="/sample-data/deletion"
      submit={view.t('onboarding.deletion.submit')}
    >
      <p>{view.t('onboarding.deletion.goes')}</p>
      <ul class="deletion-list">
        <li>{view.t('onboarding.deletion.recipients', { count: recipients })}</li>
        <li>{view.t('onboarding.deletion.messages', { count: messages })}</li>
        <li>{view.t('onboarding.deletion.mailings', { count: mailings })}</li>
      </ul>
      <p>{view.t('onboarding.deletion.places')}</p>
      <p>{view.t('onboarding.deletion.keeps')}</p>
    </ConfirmPage>
  );
}
