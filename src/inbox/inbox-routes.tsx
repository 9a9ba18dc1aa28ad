import { Hono, type Context } from 'hono';

import type { Database } from '../lib/database.js';
import { found, NotFoundError } from '../lib/errors.js';
import { parseId } from '../lib/ids.js';
import { parseListQuery } from '../lib/list.js';
import type { WebEnv } from '../ui/view.js';
import { findInboxScope, type InboxAccessDeps } from './inbox-access.js';
import { readLetter } from './inbox-letter.js';
import { LetterListPage, LetterListPart } from './inbox-page.js';
import { countLetters, findLetter, listLetters } from './inbox-store.js';
import { LETTER_SORTS, LETTER_VIEWS, type InboxScope, type StoredLetter } from './inbox.js';
import { LetterPage } from './letter-page.js';

interface InboxDeps extends InboxAccessDeps {
  db: Database;
}

/*
 * What a letter's HTML may do in its frame: show itself, with its own styles and the pictures that it carries, and open links
 * in new windows, which are ordinary ones again. No scripts, no forms, no requests to anywhere, no access to this site. The
 * frame's attribute says the same, and this header holds where the address is opened without the frame.
 */
const FRAME_POLICY = [
  'sandbox allow-popups allow-popups-to-escape-sandbox',
  "default-src 'none'",
  'img-src data:',
  "style-src 'unsafe-inline'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

export function inboxRoutes({ db, ...access }: InboxDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const scope = findScope(c);
    const list = parseListQuery(view.query, LETTER_SORTS, '-received');
    const [page, total, foundCount] = await Promise.all([
      listLetters(db, scope, list),
      countLetters(db, scope),
      list.search === '' ? null : countLetters(db, scope, list.search),
    ]);
    const props = { view, scope, list, page, total, found: foundCount };
    return c.html(c.req.header('x-fragment') ? <LetterListPart {...props} /> : <LetterListPage {...props} />);
  });

  routes.get('/:id', async (c) => {
    const view = c.get('view');
    const stored = await findByPath(c);
    const letter = await readLetter(stored);
    const asked = LETTER_VIEWS.find((name) => name === view.query['view']);
    const shown = asked ?? (letter.html === null ? 'text' : 'html');
    return c.html(<LetterPage view={view} stored={stored} letter={letter} shown={shown} />);
  });

  routes.get('/:id/html', async (c) => {
    const { html } = await readLetter(await findByPath(c));
    if (html === null) throw new NotFoundError();
    c.header('Content-Security-Policy', FRAME_POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    // What the letter begins with itself (a doctype, <html>, <head>) is passed over or merged by HTML's parser.
    return c.html(`<!doctype html><meta charset="utf-8"><base target="_blank">${html}`);
  });

  routes.get('/:id/letter.eml', async (c) => {
    const { id, source } = await findByPath(c);
    c.header('Content-Security-Policy', FRAME_POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Content-Type', 'message/rfc822');
    c.header('Content-Disposition', `attachment; filename="letter-${id}.eml"`);
    return c.body(new Uint8Array(source));
  });

  function findScope(c: Context<WebEnv>): InboxScope {
    return found(findInboxScope(c, c.get('view').user, access) ?? undefined);
  }

  async function findByPath(c: Context<WebEnv>): Promise<StoredLetter> {
    const scope = findScope(c);
    const id = parseId(c.req.param('id'));
    return found(id === undefined ? undefined : await findLetter(db, scope, id));
  }

  return routes;
}
