import { Hono, type Context } from 'hono';

import { actorOf } from '../audit/actor.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import { toRate, typeRate } from '../lib/rate.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { WebEnv } from '../ui/view.js';
import { changeRate } from './change-rate.js';
import { findByPath, type MailingDeps } from './mailing-path.js';
import { mailingRateForm, type Mailing } from './mailing.js';
import { RatePage } from './rate-page.js';

/** The rate of a mailing that has started; before, it is changed with everything else. */
export function rateRoutes({ db }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/rate', async (c) => {
    const mailing = await findByPath(db, c);
    if (mailing.status === 'created') return c.redirect(`/mailings/${mailing.id}/edit`, 303);
    if (mailing.status === 'finished') return refuse(c, mailing);
    const form: FormState = { typed: typeRate(toRate(mailing)), faults: {} };
    return c.html(<RatePage view={c.get('view')} mailing={mailing} form={form} />);
  });

  routes.post('/:id/rate', async (c) => {
    const view = c.get('view');
    const mailing = await findByPath(db, c);
    const typed = await readForm(c);
    const parsed = parseForm(mailingRateForm, typed);
    if (!parsed.ok)
      return c.html(<RatePage view={view} mailing={mailing} form={{ typed, faults: parsed.faults }} />, 422);
    const isSaved = await changeRate(db, actorOf(c), mailing, parsed.values);
    if (!isSaved) return refuse(c, mailing);
    return redirectWithFlash(c, `/mailings/${mailing.id}`, view.t('mailings.rate.saved'));
  });

  return routes;
}

function refuse(c: Context<WebEnv>, { id }: Mailing) {
  return redirectWithFlash(c, `/mailings/${id}`, c.get('view').t('mailings.rate.finished'), 'warning');
}
