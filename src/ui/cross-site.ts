import type { MiddlewareHandler } from 'hono';

import { renderFault } from './fault-page.js';
import type { WebEnv } from './view.js';

/**
 * Refuses writing requests that another site's page sent (CSRF), without tokens: browsers tell where a request comes from in
 * Sec-Fetch-Site, older ones in Origin. A request that tells neither comes from no browser's form and is refused as well.
 */
export function refuseCrossSite(baseUrl: string): MiddlewareHandler<WebEnv> {
  const ownOrigin = new URL(baseUrl).origin;
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    const site = c.req.header('sec-fetch-site');
    if (site === 'same-origin') return next();
    if (site === undefined && isOwnOrigin(c.req.header('origin'), ownOrigin, c.req.header('host'))) return next();
    return renderFault(c, 'cross_site');
  };
}

function isOwnOrigin(origin: string | undefined, ownOrigin: string, host: string | undefined): boolean {
  if (origin === undefined || !URL.canParse(origin)) return false;
  return origin === ownOrigin || new URL(origin).host === host;
}
