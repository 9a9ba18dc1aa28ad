import { Hono, type Context } from 'hono';

import { NotFoundError } from '../lib/errors.js';
import { emptyForm, readForm, type Faults } from '../lib/form.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import type { Auth } from './auth.js';
import { passCookies } from './pass-cookies.js';
import { isKey } from './second-factor-code.js';
import { KeyPage, RecoveryCodesPage, SecondFactorPage, type SecondFactorForm } from './second-factor-page.js';
import {
  beginSecondFactor,
  confirmSecondFactor,
  countRecoveryCodes,
  disableSecondFactor,
  renewRecoveryCodes,
  type Owner,
  type SecondFactorRefusal,
} from './second-factor.js';
import { requireUser } from './settings-routes.js';
import { refuseTries } from './throttle-answer.js';

const HOME = '/settings/second-factor';

export function secondFactorRoutes(auth: Auth): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  routes.use(HOME, requireUser);
  routes.use(`${HOME}/*`, requireUser);

  const refuse = async (c: Context<WebEnv>, name: SecondFactorForm, refusal: SecondFactorRefusal) => {
    const view = c.get('view');
    if (refusal.fault === 'changed')
      return redirectWithFlash(c, HOME, view.t('security.secondFactor.changed'), 'warning');
    const codesLeft = await countRecoveryCodes(auth, signedIn(view).id);
    const state = { typed: {}, faults: describeFaults(c, refusal, fieldOf(name)) };
    const page = <SecondFactorPage view={view} codesLeft={codesLeft} refused={{ name, state }} />;
    return c.html(page, statusOf(refusal));
  };

  routes.get(HOME, async (c) => {
    const view = c.get('view');
    return c.html(<SecondFactorPage view={view} codesLeft={await countRecoveryCodes(auth, signedIn(view).id)} />);
  });

  // Where a change of the language, or a reload, leads from the pages that answer a form.
  for (const step of ['begin', 'confirm', 'renew', 'disable'])
    routes.get(`${HOME}/${step}`, (c) => c.redirect(HOME, 303));

  routes.post(`${HOME}/begin`, async (c) => {
    const result = await beginSecondFactor(auth, ownerOf(c), await readPassword(c, 'begin'));
    if (!result.ok) return refuse(c, 'begin', result);
    return c.html(<KeyPage view={c.get('view')} keyText={result.key} form={emptyForm} />);
  });

  routes.post(`${HOME}/confirm`, async (c) => {
    const view = c.get('view');
    const { key = '', code = '' } = await readForm(c);
    if (!isKey(key)) throw new NotFoundError();
    const result = await confirmSecondFactor(auth, ownerOf(c), code.slice(0, 100));
    if (result.ok) {
      passCookies(c, result.headers);
      const success = view.t('security.secondFactor.enabled');
      return c.html(<RecoveryCodesPage view={view} codes={result.recoveryCodes} success={success} />);
    }
    if (result.fault === 'changed') return refuse(c, 'begin', result);
    const form = { typed: {}, faults: describeFaults(c, result, 'code') };
    return c.html(<KeyPage view={view} keyText={key} form={form} />, statusOf(result));
  });

  routes.post(`${HOME}/renew`, async (c) => {
    const view = c.get('view');
    const result = await renewRecoveryCodes(auth, ownerOf(c), await readPassword(c, 'renew'));
    if (!result.ok) return refuse(c, 'renew', result);
    const success = view.t('security.secondFactor.codesRenewed');
    return c.html(<RecoveryCodesPage view={view} codes={result.recoveryCodes} success={success} />);
  });

  routes.post(`${HOME}/disable`, async (c) => {
    const result = await disableSecondFactor(auth, ownerOf(c), await readPassword(c, 'disable'));
    if (!result.ok) return refuse(c, 'disable', result);
    passCookies(c, result.headers);
    return redirectWithFlash(c, HOME, c.get('view').t('security.secondFactor.disabled'));
  });
  return routes;
}

function ownerOf(c: Context<WebEnv>): Owner {
  const view = c.get('view');
  return { user: signedIn(view), locale: view.locale, headers: c.req.raw.headers, origin: c.get('origin') };
}

/** Several forms stand on one page: each has a field of its own name. */
function fieldOf(form: SecondFactorForm): string {
  return `${form}_password`;
}

async function readPassword(c: Context<WebEnv>, form: SecondFactorForm): Promise<string> {
  const typed = await readForm(c);
  return (typed[fieldOf(form)] ?? '').slice(0, 1000);
}

function describeFaults(c: Context<WebEnv>, refusal: SecondFactorRefusal, field: string): Faults {
  if (refusal.fault === 'throttled') return refuseTries(c, refusal.seconds);
  return refusal.fault === 'changed' ? {} : { [field]: { key: refusal.fault } };
}

function statusOf(refusal: SecondFactorRefusal): 422 | 429 {
  return refusal.fault === 'throttled' ? 429 : 422;
}
