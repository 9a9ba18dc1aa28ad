import { Hono, type Context } from 'hono';
import { z } from 'zod';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import { refuseUnlessPermitted } from '../accounts/permit.js';
import { actorOf } from '../audit/actor.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Clock } from '../lib/clock.js';
import { ForbiddenError, NotFoundError } from '../lib/errors.js';
import { emptyForm, parseForm, readForm, type FormState } from '../lib/form.js';
import { multiLine } from '../lib/text.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { disableMailing, enableMailing, type DisableDeps, type DisableResult } from './disable-mailing.js';
import { DisablingPage, EnablingPage } from './disabling-page.js';
import { findVisible } from './mailing-path.js';
import type { Mailing } from './mailing.js';

interface DisablingDeps extends DisableDeps {
  clock: Clock;
}

type What = 'disabling' | 'enabling';

const ACTIONS = { disabling: 'mailings.disable', enabling: 'mailings.enable' } as const;

const MAX_REASON = 500;
const reasonForm = z.object({
  reason: multiLine(MAX_REASON).refine((text) => text.trim() !== '', { error: 'required' }),
});

/** For managers: what is done to somebody's mailing, and why. */
export function disablingRoutes(deps: DisablingDeps): Hono<WebEnv> {
  const { clock } = deps;
  const routes = new Hono<WebEnv>();

  routes.get('/:id/disabling', (c) => showForm(deps, c, 'disabling', emptyForm));
  routes.get('/:id/enabling', (c) => showForm(deps, c, 'enabling', emptyForm));

  routes.post('/:id/disabling', async (c) => {
    const { id } = await findOverseen(deps, c, 'disabling');
    const typed = await readForm(c);
    const parsed = parseForm(reasonForm, typed);
    if (!parsed.ok) return showForm(deps, c, 'disabling', { typed, faults: parsed.faults });
    const disabled = await disableMailing(deps, actorOf(c), { id, reason: parsed.values.reason, now: clock.now() });
    return answer(c, id, 'disabling', disabled);
  });

  routes.post('/:id/enabling', async (c) => {
    const { id } = await findOverseen(deps, c, 'enabling');
    const typed = await readForm(c);
    const parsed = parseForm(reasonForm, typed);
    if (!parsed.ok) return showForm(deps, c, 'enabling', { typed, faults: parsed.faults });
    const enabled = await enableMailing(deps, actorOf(c), { id, reason: parsed.values.reason });
    return answer(c, id, 'enabling', enabled);
  });

  return routes;
}

async function findOverseen({ db }: DisablingDeps, c: Context<WebEnv>, what: What): Promise<Mailing> {
  const mailing = await findVisible(db, c);
  refuseUnlessPermitted(c.get('view'), ACTIONS[what], { ownerId: mailing.ownerId });
  return mailing;
}

async function showForm(deps: DisablingDeps, c: Context<WebEnv>, what: What, form: FormState) {
  const view = c.get('view');
  const mailing = await findOverseen(deps, c, what);
  const isDisabled = mailing.disabledAt !== null;
  if (mailing.status === 'finished') return answer(c, mailing.id, what, { ok: false, fault: 'finished' });
  if (isDisabled !== (what === 'enabling')) return answer(c, mailing.id, what, { ok: false, fault: 'already' });
  const [owner, counters] = await Promise.all([
    findOtherOwner(deps.db, view, mailing.ownerId),
    readCounters(deps.db, mailing.ownerId, [mailing.id]),
  ]);
  const page = { view, mailing, owner, form };
  const status = form === emptyForm ? 200 : 422;
  if (what === 'enabling') return c.html(<EnablingPage {...page} />, status);
  return c.html(<DisablingPage {...page} counters={counters.get(mailing.id)} />, status);
}

function answer(c: Context<WebEnv>, id: number, what: What, result: DisableResult) {
  const { t } = c.get('view');
  if (result.ok) return redirectWithFlash(c, `/mailings/${id}`, t(`mailings.${what}.done`));
  if (result.fault === 'gone') throw new NotFoundError();
  if (result.fault === 'forbidden') throw new ForbiddenError();
  return redirectWithFlash(c, `/mailings/${id}`, t(`mailings.${what}.${result.fault}`), 'warning');
}
