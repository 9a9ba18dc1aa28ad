import { hash } from 'node:crypto';

import type { Context, MiddlewareHandler } from 'hono';

import type { WebEnv } from './view.js';

/** Shows what anybody gets who is not signed in; a registration that was closed meanwhile refuses the form all the same. */
const PUBLIC_PAGES = ['/sign-in', '/sign-up', '/recovery'];

/**
 * How long a browser keeps an answer. A person's page is theirs alone and asked for again each time, by the mark of what they have: the
 * answer to that is a 304 without a body, so that going back is instant. Never `no-store`, which would also keep browsers from showing a
 * page again as it was left.
 */
export const letBrowsersKeep: MiddlewareHandler<WebEnv> = async (c, next) => {
  await next();
  const isOrdinary = isPage(c) && !c.res.headers.has('Cache-Control');
  if (isOrdinary && PUBLIC_PAGES.includes(c.req.path) && !c.get('view').user) {
    c.header('Cache-Control', 'private, max-age=60');
    c.header('Vary', 'Cookie, Accept-Language');
  }
  if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'private, no-cache');
  if (isOrdinary) await answerUnchanged(c);
};

/** With the answer that ends a session: whoever comes next to this browser finds no page of theirs by going back. */
export function forgetPages(c: Context): void {
  c.header('Clear-Site-Data', '"cache"');
}

/** Not what shows a sentence once or hands out a cookie, which a later answer would not. */
function isPage(c: Context): boolean {
  const { status, headers } = c.res;
  const isHtml = headers.get('Content-Type')?.startsWith('text/html') ?? false;
  return c.req.method === 'GET' && status === 200 && isHtml && !headers.has('Set-Cookie');
}

/** Weak, as it is of the page before it is compressed. */
async function answerUnchanged(c: Context): Promise<void> {
  const body = await c.res.text();
  const tag = `W/"${hash('sha1', body, 'base64url')}"`;
  const { headers } = c.res;
  headers.set('ETag', tag);
  const isKnown = listTags(c.req.header('If-None-Match')).includes(tag);
  if (isKnown) headers.delete('Content-Type');
  c.res = undefined;
  c.res = isKnown ? new Response(null, { status: 304, headers }) : new Response(body, { status: 200, headers });
}

function listTags(header = ''): string[] {
  return header.match(/W\/"[^"]*"/g) ?? [];
}
