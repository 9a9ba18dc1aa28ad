import { Hono, type Context } from 'hono';

import { actorOf } from '../audit/actor.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Counters } from '../delivery/delivery.js';
import { NotFoundError } from '../lib/errors.js';
import { readForm } from '../lib/form.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { answerRepeat } from './answer-repeat.js';
import { continueMailing, pauseMailing, stopMailing, type ControlResult } from './control-mailing.js';
import { findByPath, type MailingDeps } from './mailing-path.js';
import { REPEATABLE_STATES, type Mailing } from './mailing.js';
import { repeatMailing } from './repeat-mailing.js';
import { startMailing } from './start-mailing.js';

/** What is done to a mailing by one press. Each is harmless when pressed twice. */
export function mailingActionRoutes({ db, clock }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.post('/:id/start', async (c) => {
    const view = c.get('view');
    const { id } = await findByPath(db, c);
    const started = await startMailing(db, actorOf(c), signedIn(view).id, id, clock.now());
    if (started.ok) return redirectWithFlash(c, `/mailings/${id}`, view.t('mailings.flash.started'));
    if (started.fault === 'gone') throw new NotFoundError();
    return redirectWithFlash(c, `/mailings/${id}`, view.t(`mailings.flash.${started.fault}`), 'warning');
  });

  routes.post('/:id/pause', async (c) => {
    const { id } = await findByPath(db, c);
    const paused = await pauseMailing(db, actorOf(c), signedIn(c.get('view')).id, id, clock.now());
    return answerControl(c, id, paused, 'paused');
  });

  routes.post('/:id/continue', async (c) => {
    const { id } = await findByPath(db, c);
    const continued = await continueMailing(db, actorOf(c), signedIn(c.get('view')).id, id, clock.now());
    return answerControl(c, id, continued, 'continued');
  });

  routes.get('/:id/stop', async (c) => {
    const view = c.get('view');
    const mailing = await findByPath(db, c);
    if (mailing.status !== 'running')
      return answerControl(c, mailing.id, { ok: false, fault: 'notRunning' }, 'stopped');
    const counters = await readCounters(db, signedIn(view).id, [mailing.id]);
    return c.html(stopPage(view, mailing, counters.get(mailing.id)));
  });

  routes.post('/:id/stop', async (c) => {
    const { id } = await findByPath(db, c);
    const stopped = await stopMailing(db, actorOf(c), signedIn(c.get('view')).id, id, clock.now());
    return answerControl(c, id, stopped, 'stopped');
  });

  routes.post('/:id/repeat', async (c) => {
    const { id } = await findByPath(db, c);
    const { state: typed } = await readForm(c);
    const state = REPEATABLE_STATES.find((name) => name === typed);
    if (!state) throw new NotFoundError();
    return answerRepeat(c, id, await repeatMailing(db, signedIn(c.get('view')).id, id, state, clock.now()));
  });

  return routes;
}

function answerControl(
  c: Context<WebEnv>,
  id: number,
  result: ControlResult,
  done: 'paused' | 'continued' | 'stopped',
) {
  const { t } = c.get('view');
  if (result.ok) return redirectWithFlash(c, `/mailings/${id}`, t(`mailings.flash.${done}`));
  if (result.fault === 'gone') throw new NotFoundError();
  return redirectWithFlash(c, `/mailings/${id}`, t('mailings.flash.notRunning'), 'warning');
}

function stopPage(view: View, { id }: Mailing, counters: Counters | undefined) {
  const { accepted = 0, waiting = 0 } = counters ?? {};
  return (
    <ConfirmPage
      view={view}
      title={view.t('mailings.stopping.title')}
      cancelHref={`/mailings/${id}`}
      action={`/mailings/${id}/stop`}
      submit={view.t('mailings.stopping.submit')}
    >
      <p>{view.t('mailings.stopping.sent', { count: accepted, number: formatNumber(view, accepted) })}</p>
      <p>{view.t('mailings.stopping.waiting', { count: waiting, number: formatNumber(view, waiting) })}</p>
      <p>{view.t('mailings.stopping.text')}</p>
    </ConfirmPage>
  );
}
