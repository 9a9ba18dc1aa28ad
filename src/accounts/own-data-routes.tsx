import { Hono } from 'hono';
import { deleteCookie } from 'hono/cookie';

import { actorOf } from '../audit/actor.js';
import { recordAudit } from '../audit/audit-store.js';
import { TooManyRequestsError } from '../lib/errors.js';
import { emptyForm, readForm, type FormState } from '../lib/form.js';
import { download } from '../ui/download.js';
import { forgetPages } from '../ui/revalidate.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import type { Auth } from './auth.js';
import { deleteAccount, type Erasures } from './delete-account.js';
import { writeAccountExport } from './export-account.js';
import { AccountDeletionPage, FarewellPage, OwnDataPage } from './own-data-page.js';
import { readHoldings } from './read-holdings.js';
import { requireUser } from './settings-routes.js';
import { allowOwnPassword } from './throttle.js';
import { hasOtherAdministrator } from './user-access-store.js';

interface OwnDataDeps {
  auth: Auth;
  erasures: Erasures;
}

export function ownDataRoutes({ auth, erasures }: OwnDataDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();
  const { db } = auth;

  routes.get('/settings/data', requireUser, async (c) => {
    const view = c.get('view');
    return c.html(<OwnDataPage view={view} holdings={await readHoldings(db, signedIn(view).id)} />);
  });

  routes.post('/settings/data/export', requireUser, async (c) => {
    const view = c.get('view');
    const { id, email } = signedIn(view);
    const subject = { type: 'user', id, name: email } as const;
    await recordAudit(db, actorOf(c), { action: 'account.exported', ownerId: id, subject });
    const today = view.now.toTemporalInstant().toZonedDateTimeISO(view.timeZone).toPlainDate();
    const file = { name: `vestnik-${today.toString()}.json`, contentType: 'application/json; charset=utf-8' };
    return download(c, file, writeAccountExport(db, id, view.now));
  });

  routes.get('/settings/data/deletion', requireUser, async (c) => c.html(await showDeletion(c.get('view'), emptyForm)));

  routes.post('/settings/data/deletion', requireUser, async (c) => {
    const view = c.get('view');
    const { id } = signedIn(view);
    const { password = '' } = await readForm(c);
    const allowance = await allowOwnPassword(auth, id);
    if (!allowance.ok) throw new TooManyRequestsError(allowance.seconds);
    const request = { userId: id, password, locale: view.locale, actor: actorOf(c) };
    const result = await deleteAccount({ db, erasures }, request);
    if (result.ok || result.fault !== 'passwordWrong') await allowance.refund();
    if (result.ok) {
      deleteCookie(c, auth.sessionCookie, { path: '/', secure: auth.isSecure });
      forgetPages(c);
      return c.html(<FarewellPage view={{ ...view, user: null, mayReadInbox: false }} />);
    }
    const faults: FormState['faults'] = result.fault === 'passwordWrong' ? { password: { key: 'passwordWrong' } } : {};
    return c.html(await showDeletion(view, { typed: {}, faults }), 422);
  });

  async function showDeletion(view: View, form: FormState) {
    const { id, role } = signedIn(view);
    const isLastAdministrator = role === 'administrator' && !(await hasOtherAdministrator(db, id));
    const holdings = await readHoldings(db, id);
    return (
      <AccountDeletionPage view={view} holdings={holdings} form={form} isLastAdministrator={isLastAdministrator} />
    );
  }
  return routes;
}
