import { Hono, type Context } from 'hono';

import type { Database } from '../lib/database.js';
import { NotFoundError } from '../lib/errors.js';
import { readForm, readFormList } from '../lib/form.js';
import { parseIds } from '../lib/ids.js';
import { parseListQuery } from '../lib/list.js';
import { countFoundRecipients, countRecipients } from '../recipients/recipient-store.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import { FOUND_LIMIT } from '../ui/list.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { AudiencePage } from './audience-page.js';
import {
  addFoundToAudience,
  addToAudience,
  clearAudience,
  countAudience,
  listAudience,
  removeFromAudience,
  type AudienceChange,
} from './audience-store.js';
import { formatAudience } from './mailing-parts.js';
import { findByPath, type MailingDeps } from './mailing-path.js';
import { AUDIENCE_SORTS, type AudienceSize, type Mailing } from './mailing.js';

export function audienceRoutes({ db }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/audience', async (c) => {
    const mailing = await findByPath(db, c);
    // From the start on, who gets it is written in the deliveries.
    if (mailing.status !== 'created') return c.redirect(`/mailings/${mailing.id}/deliveries`, 303);
    return showAudience(db, c, mailing);
  });

  routes.post('/:id/audience', async (c) => {
    const view = c.get('view');
    const { id } = await findByPath(db, c);
    const { act, q, query } = await readForm(c);
    const ids = parseIds(await readFormList(c, 'ids'));
    const back = `/mailings/${id}/audience${cleanQuery(query)}`;
    const { id: ownerId } = signedIn(view);
    if (act === 'add_found') {
      const { search } = parseListQuery({ q: q ?? '' }, AUDIENCE_SORTS, 'email');
      return answerChange(c, id, back, 'audienceAdded', await addFoundToAudience(db, ownerId, id, search));
    }
    if (act !== 'add' && act !== 'remove') throw new NotFoundError();
    if (ids.length === 0) return redirectWithFlash(c, back, view.t('mailings.flash.noneSelected'), 'warning');
    if (act === 'add') return answerChange(c, id, back, 'audienceAdded', await addToAudience(db, ownerId, id, ids));
    return answerChange(c, id, back, 'audienceRemoved', await removeFromAudience(db, ownerId, id, ids));
  });

  routes.get('/:id/audience/clearing', async (c) => {
    const view = c.get('view');
    const { id } = await findByPath(db, c);
    const chosen = await countAudience(db, signedIn(view).id, id, 'chosen');
    return c.html(clearingPage(view, id, chosen));
  });

  routes.post('/:id/audience/clearing', async (c) => {
    const { id } = await findByPath(db, c);
    const cleared = await clearAudience(db, signedIn(c.get('view')).id, id);
    return answerChange(c, id, `/mailings/${id}/audience`, 'audienceRemoved', cleared);
  });

  return routes;
}

async function showAudience(db: Database, c: Context<WebEnv>, mailing: Mailing) {
  const view = c.get('view');
  const { id: ownerId } = signedIn(view);
  const list = parseListQuery(view.query, AUDIENCE_SORTS, 'email');
  const onlyChosen = view.query['only'] === 'chosen';
  const [page, chosen, total, found] = await Promise.all([
    listAudience(db, ownerId, mailing.id, list, onlyChosen),
    countAudience(db, ownerId, mailing.id, 'chosen'),
    countRecipients(db, ownerId),
    list.search === '' ? null : countFoundRecipients(db, ownerId, list.search, FOUND_LIMIT),
  ]);
  const lists = { list, page, chosen, total, found, onlyChosen };
  return c.html(<AudiencePage view={view} mailing={mailing} {...lists} />);
}

function answerChange(
  c: Context<WebEnv>,
  id: number,
  back: string,
  done: 'audienceAdded' | 'audienceRemoved',
  changed: AudienceChange,
) {
  const view = c.get('view');
  if (!changed.ok && changed.fault === 'gone') throw new NotFoundError();
  if (!changed.ok) return redirectWithFlash(c, `/mailings/${id}`, view.t('mailings.flash.alreadyStarted'), 'warning');
  const { count } = changed;
  return redirectWithFlash(c, back, view.t(`mailings.flash.${done}`, { count, number: formatNumber(view, count) }));
}

/** The list's own state and nothing else: the text comes from a form, and ends in an address. */
function cleanQuery(text = ''): string {
  const given = new URLSearchParams(text);
  const kept = ['q', 'only', 'after', 'before'].flatMap((name) =>
    given
      .getAll(name)
      .slice(0, 1)
      .map((value) => [name, value]),
  );
  return kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
}

function clearingPage(view: View, id: number, chosen: AudienceSize) {
  return (
    <ConfirmPage
      view={view}
      title={view.t('mailings.clearing.title')}
      cancelHref={`/mailings/${id}/audience`}
      action={`/mailings/${id}/audience/clearing`}
      submit={view.t('mailings.clearing.submit')}
    >
      <p>{view.t('mailings.clearing.text', { count: chosen.count, number: formatAudience(view, chosen) })}</p>
    </ConfirmPage>
  );
}
