import { Hono, type Context } from 'hono';

import { actorOf } from '../audit/actor.js';
import { findDelivery, readCounters } from '../delivery/delivery-store.js';
import { findNewestAttempt, type Doubts } from '../delivery/doubt-store.js';
import { found, NotFoundError } from '../lib/errors.js';
import { readForm } from '../lib/form.js';
import { parseId } from '../lib/ids.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { answerRepeat } from './answer-repeat.js';
import { keepDoubts, resendDoubts, type DecideResult } from './decide-doubts.js';
import { findByPath, type MailingDeps } from './mailing-path.js';
import { isWindowOpen, type Mailing } from './mailing.js';
import { repeatMailing } from './repeat-mailing.js';

/** What an owner decides about letters in doubt: one, or all. Each press is harmless when it comes twice. */
export function doubtRoutes({ db, clock }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  /** The deliveries that the path names, and where to go back to. */
  async function findDoubts(c: Context<WebEnv>, mailing: Mailing): Promise<{ doubts: Doubts; place: string }> {
    const seenAttemptId = parseId((await readForm(c))['seen']) ?? 0;
    const typed = c.req.param('deliveryId');
    if (typed === undefined)
      return { doubts: { mailingId: mailing.id, deliveryId: null, seenAttemptId }, place: `/mailings/${mailing.id}` };
    const id = parseId(typed);
    const delivery = found(id && (await findDelivery(db, mailing.ownerId, mailing.id, id)));
    const doubts = { mailingId: mailing.id, deliveryId: delivery.id, seenAttemptId };
    return { doubts, place: `/mailings/${mailing.id}/deliveries/${delivery.id}` };
  }

  async function resend(c: Context<WebEnv>) {
    const mailing = await findByPath(db, c);
    const { doubts, place } = await findDoubts(c, mailing);
    const result = await resendDoubts(db, actorOf(c), mailing.ownerId, doubts, clock.now());
    if (result.ok || result.fault === 'gone') return answerDecision(c, place, result, 'resent');
    const { deliveryId } = doubts;
    const repeated = await repeatMailing(db, mailing.ownerId, mailing.id, 'in_doubt', clock.now(), deliveryId);
    return answerRepeat(c, mailing.id, repeated);
  }

  async function leave(c: Context<WebEnv>) {
    const mailing = await findByPath(db, c);
    const { doubts, place } = await findDoubts(c, mailing);
    return answerDecision(c, place, await keepDoubts(db, actorOf(c), mailing.ownerId, doubts), 'left');
  }

  routes.get('/:id/in-doubt/resending', async (c) => {
    const view = c.get('view');
    const mailing = await findByPath(db, c);
    const counters = (await readCounters(db, signedIn(view).id, [mailing.id])).get(mailing.id);
    const count = counters ? counters.inDoubt - counters.inDoubtLeft : 0;
    if (count === 0) return answerDecision(c, `/mailings/${mailing.id}`, { ok: true, count }, 'resent');
    const seen = await findNewestAttempt(db, mailing.id);
    return c.html(resendingPage(view, mailing, { count, seen, isOpen: isWindowOpen(mailing, clock.now()) }));
  });

  routes.post('/:id/in-doubt/resending', (c) => resend(c));
  routes.post('/:id/in-doubt/leaving', (c) => leave(c));
  routes.post('/:id/deliveries/:deliveryId/resending', (c) => resend(c));
  routes.post('/:id/deliveries/:deliveryId/leaving', (c) => leave(c));

  return routes;
}

function answerDecision(c: Context<WebEnv>, place: string, result: DecideResult, done: 'resent' | 'left') {
  const view = c.get('view');
  if (!result.ok) throw new NotFoundError();
  const { count } = result;
  if (count === 0) return redirectWithFlash(c, place, view.t('mailings.flash.decided'), 'warning');
  return redirectWithFlash(c, place, view.t(`mailings.flash.${done}`, { count, number: formatNumber(view, count) }));
}

interface Resending {
  count: number;
  seen: number;
  isOpen: boolean;
}

function resendingPage(view: View, { id }: Mailing, { count, seen, isOpen }: Resending) {
  return (
    <ConfirmPage
      view={view}
      title={view.t('mailings.resending.title', { count, number: formatNumber(view, count) })}
      cancelHref={`/mailings/${id}`}
      action={`/mailings/${id}/in-doubt/resending`}
      submit={view.t('mailings.resending.submit')}
      fields={[['seen', String(seen)]]}
    >
      <p>{view.t('mailings.resending.twice')}</p>
      <p>{view.t(isOpen ? 'mailings.resending.atOnce' : 'mailings.resending.newMailing')}</p>
    </ConfirmPage>
  );
}
