import { Hono } from 'hono';

import { may } from '../accounts/permissions.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { readFailing } from '../relays/read-relays.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { RunningMailings } from './overview.js';
import { readRunning, readStart } from './read-start.js';
import { addSampleData, countSampleData, deleteSampleData, isAny, type SampleCounts } from './sample-data.js';
import { StartPage } from './start-page.js';

interface OnboardingDeps {
  db: Database;
  clock: Clock;
}

export function onboardingRoutes({ db, clock }: OnboardingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const [start, failing] = await Promise.all([
      readStart(db, signedIn(view).id),
      may(view.user, 'mailServers.manage') ? readFailing(db, view.now) : [],
    ]);
    return c.html(<StartPage view={view} start={start} failing={failing} />);
  });

  routes.get('/running-mailings', async (c) => {
    const view = c.get('view');
    const running = await readRunning(db, signedIn(view).id);
    if (running.length === 0) c.header('x-live', 'done');
    return c.html(<RunningMailings view={view} running={running} />);
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
