import { Hono } from 'hono';

import { actorOf } from '../audit/actor.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import { toRate } from '../lib/rate.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatLimit } from '../ui/rate.js';
import type { View, WebEnv } from '../ui/view.js';
import { showDomain } from './domain-limits.js';
import { limitDomain, unlimitDomain } from './limit-domain.js';
import { readRelayOverview } from './read-relays.js';
import { domainLimitForm, typeDomainLimit } from './relay-form.js';
import { RelayListPage } from './relay-list-page.js';
import { showSmtpUrl, type RelayDeps } from './relay-path.js';
import { findDomainLimit } from './relay-store.js';

const LIST = '/oversight/relays';

/** The list of relays, and the limits of domains that stand on it. */
export function domainRoutes({ db, mail, auth }: RelayDeps): Hono<WebEnv> {
  const smtpUrl = showSmtpUrl(mail);
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const limit = await findDomainLimit(db, view.query['domain'] ?? '');
    return c.html(await show(view, typeDomainLimit(limit)));
  });

  routes.post('/domains', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const parsed = parseForm(domainLimitForm, typed);
    if (!parsed.ok) return c.html(await show(view, { typed, faults: parsed.faults }), 422);
    const { domain, letters, per } = parsed.values;
    await limitDomain(db, actorOf(c), domain, { letters, seconds: per });
    return redirectWithFlash(c, LIST, view.t('relays.flash.limitSaved', { domain: showDomain(domain) }));
  });

  routes.get('/domains/removal', async (c) => {
    const view = c.get('view');
    const limit = await findDomainLimit(db, view.query['domain'] ?? '');
    if (!limit) return redirectWithFlash(c, LIST, view.t('relays.flash.limitGone'), 'warning');
    const domain = showDomain(limit.domain);
    return c.html(
      <ConfirmPage
        view={view}
        title={view.t('relays.removal.title', { domain })}
        cancelHref={LIST}
        action={`${LIST}/domains/removal`}
        submit={view.t('relays.removal.submit')}
        fields={[['domain', limit.domain]]}
      >
        <p>{view.t('relays.removal.text', { limit: formatLimit(view, toRate(limit)) })}</p>
      </ConfirmPage>,
    );
  });

  routes.post('/domains/removal', async (c) => {
    const { t } = c.get('view');
    const { domain = '' } = await readForm(c);
    const isRemoved = await unlimitDomain(db, actorOf(c), domain);
    if (!isRemoved) return redirectWithFlash(c, LIST, t('relays.flash.limitGone'), 'warning');
    return redirectWithFlash(c, LIST, t('relays.flash.limitRemoved', { domain: showDomain(domain) }));
  });

  async function show(view: View, domainForm: FormState) {
    const overview = await readRelayOverview({ db, secret: auth.secret }, view.now);
    return <RelayListPage view={view} overview={overview} smtpUrl={smtpUrl} domainForm={domainForm} />;
  }

  return routes;
}
