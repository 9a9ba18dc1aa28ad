import { Hono } from 'hono';

import { actorOf } from '../audit/actor.js';
import { found, NotFoundError } from '../lib/errors.js';
import { formatHost } from '../lib/host.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import type { View, WebEnv } from '../ui/view.js';
import { findByPath, showSmtpUrl, type RelayDeps } from './relay-path.js';
import { listRelays } from './relay-store.js';
import type { Relay } from './relay.js';
import { removeRelay, switchRelay } from './save-relay.js';

/** On, off, and away. What takes letters from a server says where they go then. */
export function relaySwitchRoutes({ db, mail }: RelayDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.post('/:id/switching-on', async (c) => {
    const { id, name } = await findByPath(db, c);
    if (!(await switchRelay(db, actorOf(c), id, true))) throw new NotFoundError();
    return redirectWithFlash(c, `/oversight/relays/${id}`, c.get('view').t('relays.flash.switchedOn', { name }));
  });

  routes.get('/:id/switching-off', async (c) => {
    const view = c.get('view');
    const { id, name, isEnabled } = await findByPath(db, c);
    const done = view.t('relays.flash.switchedOff', { name });
    if (!isEnabled) return redirectWithFlash(c, `/oversight/relays/${id}`, done);
    return c.html(
      <ConfirmPage
        view={view}
        title={view.t('relays.switchingOff.title', { name })}
        cancelHref={`/oversight/relays/${id}`}
        action={`/oversight/relays/${id}/switching-off`}
        submit={view.t('relays.switchingOff.submit')}
      >
        <p>{view.t('relays.switchingOff.text')}</p>
        <p>{await describeRest(view, id)}</p>
      </ConfirmPage>,
    );
  });

  routes.post('/:id/switching-off', async (c) => {
    const { id, name } = await findByPath(db, c);
    if (!(await switchRelay(db, actorOf(c), id, false))) throw new NotFoundError();
    return redirectWithFlash(c, `/oversight/relays/${id}`, c.get('view').t('relays.flash.switchedOff', { name }));
  });

  routes.get('/:id/deletion', async (c) => {
    const view = c.get('view');
    const relay = await findByPath(db, c);
    const { id, name, host, port, isEnabled } = relay;
    return c.html(
      <ConfirmPage
        view={view}
        title={view.t('relays.deletion.title', { name })}
        cancelHref={`/oversight/relays/${id}`}
        action={`/oversight/relays/${id}/deletion`}
        submit={view.t('relays.deletion.submit')}
      >
        <p>{view.t('relays.deletion.goes')}</p>
        <p>{view.t('relays.deletion.keeps', { server: `${formatHost(host)}:${port}` })}</p>
        {isEnabled && <p>{await describeRest(view, id)}</p>}
      </ConfirmPage>,
    );
  });

  routes.post('/:id/deletion', async (c) => {
    const { id } = await findByPath(db, c);
    const { name } = found(await removeRelay(db, actorOf(c), id));
    return redirectWithFlash(c, '/oversight/relays', c.get('view').t('relays.flash.deleted', { name }));
  });

  /** Where mailings go without this one. */
  async function describeRest(view: View, id: Relay['id']): Promise<string> {
    const others = (await listRelays(db)).filter((relay) => relay.id !== id);
    if (others.length > 0) return view.t('relays.last.others');
    return view.t(view.lettersStayHere ? 'relays.last.inbox' : 'relays.last.smtpUrl', { server: showSmtpUrl(mail) });
  }

  return routes;
}
