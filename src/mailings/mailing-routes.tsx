import { Hono, type Context } from 'hono';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import { actorOf } from '../audit/actor.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { NotFoundError } from '../lib/errors.js';
import { parseListQuery } from '../lib/list.js';
import { countMessages } from '../messages/message-store.js';
import { countRecipients } from '../recipients/recipient-store.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import { FOUND_LIMIT } from '../ui/list.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { audienceRoutes } from './audience-routes.js';
import { countAudience } from './audience-store.js';
import { removeMailing } from './control-mailing.js';
import { deliveryRoutes } from './delivery-routes.js';
import { doubtRoutes } from './doubt-routes.js';
import { mailingActionRoutes } from './mailing-action-routes.js';
import { mailingFormRoutes } from './mailing-form-routes.js';
import { MailingListPage } from './mailing-list-page.js';
import { CreatedMailingPage, CreatedMailingState, StartedMailingPage } from './mailing-page.js';
import { findByPath, findVisible, type MailingDeps } from './mailing-path.js';
import { MailingProgress } from './mailing-progress.js';
import { countFoundMailings, findMailingContent, hasMailings, listMailings } from './mailing-store.js';
import { MAILING_SORTS, MAILING_STATUSES, startsByItself, type Mailing } from './mailing.js';
import { rateRoutes } from './rate-routes.js';
import { readProgress } from './read-progress.js';
import type { SpeedBook } from './speed-book.js';

interface MailingRoutesDeps extends MailingDeps {
  /** What the live pages of this process have measured. */
  speeds: SpeedBook;
}

export function mailingRoutes(deps: MailingRoutesDeps): Hono<WebEnv> {
  const { db, speeds } = deps;
  const routes = new Hono<WebEnv>();

  routes.get('/', (c) => showList(db, c));
  routes.route('/', mailingFormRoutes(deps));
  routes.route('/', mailingActionRoutes(deps));
  routes.route('/', audienceRoutes(deps));
  routes.route('/', deliveryRoutes(deps));
  routes.route('/', doubtRoutes(deps));
  routes.route('/', rateRoutes(deps));

  routes.get('/:id', async (c) => {
    const mailing = await findVisible(db, c);
    return mailing.status === 'created' ? showCreated(db, c, mailing) : showStarted(db, speeds, c, mailing);
  });

  routes.get('/:id/progress', async (c) => {
    const view = c.get('view');
    const mailing = await findVisible(db, c);
    if (view.query['before'] === 'start') return showBeforeStart(db, c, mailing);
    if (mailing.status === 'created') throw new NotFoundError();
    if (mailing.status === 'finished') c.header('x-live', 'done');
    return c.html(<MailingProgress view={view} mailing={mailing} {...await readMeasured(db, speeds, view, mailing)} />);
  });

  routes.get('/:id/deletion', async (c) => {
    const view = c.get('view');
    const mailing = await findByPath(db, c);
    if (mailing.status === 'running') return refuseDeletion(c, mailing.id);
    const counters = (await readCounters(db, mailing.ownerId, [mailing.id])).get(mailing.id);
    return c.html(deletionPage(view, mailing, counters?.audience ?? 0));
  });

  routes.post('/:id/deletion', async (c) => {
    const view = c.get('view');
    const { id } = await findByPath(db, c);
    const deleted = await removeMailing(db, actorOf(c), signedIn(view).id, id);
    if (deleted.ok) return redirectWithFlash(c, '/mailings', view.t('mailings.flash.deleted'));
    if (deleted.fault === 'gone') throw new NotFoundError();
    return refuseDeletion(c, id);
  });

  return routes;
}

async function showList(db: Database, c: Context<WebEnv>) {
  const view = c.get('view');
  const { id: ownerId } = signedIn(view);
  const list = parseListQuery(view.query, MAILING_SORTS, '-start');
  const status = MAILING_STATUSES.find((name) => name === view.query['status']) ?? null;
  const [page, found, hasAny] = await Promise.all([
    listMailings(db, ownerId, list, status),
    countFoundMailings(db, ownerId, list.search, status, FOUND_LIMIT),
    hasMailings(db, ownerId),
  ]);
  const ids = page.rows.map(({ id }) => id);
  const [counters, lacks] = await Promise.all([
    readCounters(db, ownerId, ids),
    hasAny ? NOTHING : findLacks(db, ownerId),
  ]);
  return c.html(
    <MailingListPage
      view={view}
      list={list}
      page={page}
      counters={counters}
      found={found}
      isEmpty={!hasAny}
      lacks={lacks}
    />,
  );
}

const NOTHING = { message: false, recipients: false };

async function findLacks(db: Database, ownerId: number): Promise<typeof NOTHING> {
  const [messages, recipients] = await Promise.all([countMessages(db, ownerId, '', 1), countRecipients(db, ownerId)]);
  return { message: messages === 0, recipients: recipients === 0 };
}

async function showCreated(db: Database, c: Context<WebEnv>, mailing: Mailing) {
  const view = c.get('view');
  const audience = await countAudience(db, mailing.ownerId, mailing.id, mailing.audience);
  const owner = await findOtherOwner(db, view, mailing.ownerId);
  return c.html(<CreatedMailingPage view={view} mailing={mailing} owner={owner} audience={audience} />);
}

/** The live part of a created mailing; it ends when the mailing starts, or when it will not start by itself. */
async function showBeforeStart(db: Database, c: Context<WebEnv>, mailing: Mailing) {
  const view = c.get('view');
  if (!startsByItself(mailing)) {
    c.header('x-live', 'done');
    return c.body(null);
  }
  const audience = await countAudience(db, mailing.ownerId, mailing.id, mailing.audience);
  return c.html(<CreatedMailingState view={view} mailing={mailing} audience={audience} />);
}

async function showStarted(db: Database, speeds: SpeedBook, c: Context<WebEnv>, mailing: Mailing) {
  const view = c.get('view');
  const [owner, progress, content] = await Promise.all([
    findOtherOwner(db, view, mailing.ownerId),
    readMeasured(db, speeds, view, mailing),
    findMailingContent(db, mailing.ownerId, mailing.id),
  ]);
  return c.html(<StartedMailingPage view={view} mailing={mailing} owner={owner} content={content} {...progress} />);
}

async function readMeasured(db: Database, speeds: SpeedBook, view: View, mailing: Mailing) {
  const progress = await readProgress(db, mailing);
  const speed = progress.counters ? speeds.note(mailing.id, progress.counters, view.now) : null;
  return { ...progress, speed };
}

function refuseDeletion(c: Context<WebEnv>, id: number) {
  return redirectWithFlash(c, `/mailings/${id}`, c.get('view').t('mailings.flash.notDeletedRunning'), 'warning');
}

function deletionPage(view: View, { id, subject }: Mailing, deliveries: number) {
  return (
    <ConfirmPage
      view={view}
      title={view.t('mailings.deletion.title', { subject })}
      cancelHref={`/mailings/${id}`}
      action={`/mailings/${id}/deletion`}
      submit={view.t('mailings.deletion.submit')}
    >
      <p>{view.t('mailings.deletion.goesCreated')}</p>
      {deliveries > 0 && (
        <p>{view.t('mailings.deletion.goesFinished', { count: deliveries, number: formatNumber(view, deliveries) })}</p>
      )}
      <p>{view.t('mailings.deletion.keeps')}</p>
    </ConfirmPage>
  );
}
