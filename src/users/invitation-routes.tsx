import { Hono, type Context } from 'hono';

import { readRegistration } from '../accounts/installation-store.js';
import { findInvitation, listInvitations } from '../accounts/invitation-store.js';
import type { Invitation } from '../accounts/invitation.js';
import { inviteUser, resendInvitation, revokeInvitation } from '../accounts/invite-user.js';
import { permit } from '../accounts/permit.js';
import { actorOf } from '../audit/actor.js';
import type { Database } from '../lib/database.js';
import { found } from '../lib/errors.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import { parseIntegerId } from '../lib/ids.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { View, WebEnv } from '../ui/view.js';
import { InvitationPage, RevocationPage } from './invitation-page.js';
import { invitationForm } from './user-forms.js';
import type { UserDeps } from './user-path.js';

const PATH = '/oversight/users/invitations';

export function invitationRoutes({ auth }: UserDeps): Hono<WebEnv> {
  const { db } = auth;
  const routes = new Hono<WebEnv>();
  routes.use(permit('users.invite'));

  routes.get('/', async (c) => {
    const view = c.get('view');
    const typed = { role: 'user', locale: view.locale };
    return c.html(await invitationPage(db, view, { typed, faults: {} }));
  });

  routes.post('/', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(invitationForm, typed);
    if (!form.ok) return c.html(await invitationPage(db, view, { typed, faults: form.faults }), 422);
    const invited = await inviteUser(auth, actorOf(c), form.values);
    if (invited.ok) return redirectWithFlash(c, PATH, view.t('users.flash.invited', { email: form.values.email }));
    // The page says it by itself, and shows no form.
    if (invited.fault === 'registrationClosed') return c.redirect(PATH, 303);
    return c.html(await invitationPage(db, view, { typed, faults: { email: { key: invited.fault } } }), 422);
  });

  routes.post('/:id/letter', async (c) => {
    const view = c.get('view');
    const { id, email } = await findByPath(db, c);
    if (!(await resendInvitation(auth, actorOf(c), id))) return answerGone(c);
    return redirectWithFlash(c, PATH, view.t('users.flash.resent', { email }));
  });

  routes.get('/:id/revocation', async (c) => {
    const invitation = await findByPath(db, c);
    return c.html(<RevocationPage view={c.get('view')} invitation={invitation} />);
  });

  routes.post('/:id/revocation', async (c) => {
    const view = c.get('view');
    const { id, email } = await findByPath(db, c);
    if (!(await revokeInvitation(db, actorOf(c), id))) return answerGone(c);
    return redirectWithFlash(c, PATH, view.t('users.flash.revoked', { email }));
  });
  return routes;
}

async function invitationPage(db: Database, view: View, form: FormState) {
  const [invitations, registration] = await Promise.all([listInvitations(db), readRegistration(db)]);
  return <InvitationPage view={view} form={form} invitations={invitations} isClosed={registration === 'closed'} />;
}

async function findByPath(db: Database, c: Context<WebEnv>): Promise<Invitation> {
  const id = parseIntegerId(c.req.param('id'));
  return found(id && (await findInvitation(db, id)));
}

function answerGone(c: Context<WebEnv>) {
  return redirectWithFlash(c, PATH, c.get('view').t('users.flash.invitationGone'), 'warning');
}
