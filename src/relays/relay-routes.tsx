import { Hono } from 'hono';
import { z } from 'zod';

import { actorOf } from '../audit/actor.js';
import { recordAudit } from '../audit/audit-store.js';
import { judgeTest } from '../installation/conversation.js';
import { LIMIT_SECONDS, sendTestLetter, TEST_LETTERS, writeTestLetter } from '../installation/test-letter.js';
import { found, NotFoundError, TooManyRequestsError } from '../lib/errors.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import { parseIntegerId, parseVersion } from '../lib/ids.js';
import { emailAddress } from '../lib/text.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { domainRoutes } from './domain-routes.js';
import { openRelay } from './open-relay.js';
import { readShownRelay } from './read-relays.js';
import { RelayFormPage } from './relay-form-page.js';
import { NEW_RELAY, relayForm, toRelayValues, typeRelay } from './relay-form.js';
import { RelayPage, RelayTestPage } from './relay-page.js';
import { findByPath, type RelayDeps } from './relay-path.js';
import { findRelay } from './relay-store.js';
import { relaySwitchRoutes } from './relay-switch-routes.js';
import type { RelaySettings } from './relay.js';
import { addRelay, changeRelay, type SaveRelayResult } from './save-relay.js';

const testForm = z.object({ to: emailAddress() });

/** Mounted behind the permission to manage mail servers. */
export function relayRoutes(deps: RelayDeps): Hono<WebEnv> {
  const { db, auth, mail, baseUrl } = deps;
  const saving = { db, secret: auth.secret };
  const routes = new Hono<WebEnv>();

  routes.route('/', domainRoutes(deps));

  routes.get('/new', (c) => c.html(<RelayFormPage view={c.get('view')} form={NEW_RELAY} />));

  routes.post('/', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const parsed = parseForm(relayForm, typed);
    if (!parsed.ok) return c.html(<RelayFormPage view={view} form={{ typed, faults: parsed.faults }} />, 422);
    const values = toRelayValues(parsed.values);
    const saved = await addRelay(saving, actorOf(c), values);
    if (!saved.ok) return c.html(<RelayFormPage view={view} form={explainUnsaved(typed, saved)} />, 422);
    const said = view.t('relays.flash.added', { name: values.name });
    return redirectWithFlash(c, `/oversight/relays/${saved.id}`, said);
  });

  routes.route('/', relaySwitchRoutes(deps));

  routes.get('/:id', async (c) => {
    const view = c.get('view');
    return c.html(await show(view, c.req.param('id'), { typed: { to: signedIn(view).email }, faults: {} }));
  });

  routes.get('/:id/edit', async (c) => {
    const relay = await findByPath(db, c);
    return c.html(<RelayFormPage view={c.get('view')} form={typeRelay(relay)} relay={relay} />);
  });

  routes.post('/:id', async (c) => {
    const view = c.get('view');
    const relay = await findByPath(db, c);
    const typed = await readForm(c);
    const parsed = parseForm(relayForm, typed);
    if (!parsed.ok)
      return c.html(<RelayFormPage view={view} form={{ typed, faults: parsed.faults }} relay={relay} />, 422);
    const opened = { id: relay.id, version: parseVersion(typed['version']) };
    const values = { ...toRelayValues(parsed.values), isEnabled: relay.isEnabled };
    const saved = await changeRelay(saving, actorOf(c), opened, values);
    if (saved.ok) return redirectWithFlash(c, `/oversight/relays/${relay.id}`, view.t('relays.flash.changed'));
    if (saved.fault === 'gone') throw new NotFoundError();
    if (saved.fault !== 'changed')
      return c.html(<RelayFormPage view={view} form={explainUnsaved(typed, saved)} relay={relay} />, 422);
    const now = found(await findRelay(db, relay.id));
    return c.html(<RelayFormPage view={view} form={overwriteForm(typed, now)} relay={now} conflict />, 409);
  });

  routes.post('/:id/test-letter', async (c) => {
    const view = c.get('view');
    const relay = await findByPath(db, c);
    const typed = await readForm(c);
    const form = parseForm(testForm, typed);
    if (!form.ok) return c.html(await show(view, String(relay.id), { typed, faults: form.faults }), 422);
    const opened = openRelay(relay, auth.secret);
    const path = `/oversight/relays/${relay.id}`;
    if (!opened.ok) return redirectWithFlash(c, path, view.t('relays.flash.unreadable'), 'warning');
    const { to } = form.values;
    const { isOver, secondsLeft } = await auth.limits.count(TEST_LETTERS, String(signedIn(view).id));
    if (isOver) throw new TooManyRequestsError(secondsLeft);
    const letter = writeTestLetter(view, { from: mail.from, to, baseUrl });
    const result = await sendTestLetter(opened.server, letter);
    await recordAudit(db, actorOf(c), {
      action: 'relay.tested',
      subject: { type: 'relay', id: relay.id, name: relay.name },
      details: { to, because: judgeTest(result.outcome) },
    });
    return c.html(<RelayTestPage view={view} relay={relay} to={to} result={result} />);
  });

  async function show(view: View, id: string, test: FormState) {
    const parsed = parseIntegerId(id);
    const shown = found(parsed && (await readShownRelay(saving, parsed, view.now)));
    return <RelayPage view={view} shown={shown} test={test} limitSeconds={LIMIT_SECONDS} />;
  }

  return routes;
}

function explainUnsaved(typed: Record<string, string>, { fault }: Extract<SaveRelayResult, { ok: false }>): FormState {
  if (fault === 'nameTaken') return { typed, faults: { name: { key: 'relayNameTaken' } } };
  return { typed, faults: { secret: { key: 'secretMissing' } } };
}

/** What was typed, against the version that is saved now: sending it again replaces that one knowingly. */
function overwriteForm(typed: Record<string, string>, { version }: RelaySettings): FormState {
  return { typed: { ...typed, version: String(version) }, faults: { form: { key: 'changed' } } };
}
