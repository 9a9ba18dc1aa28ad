import { Hono } from 'hono';

import type { Database } from '../../src/lib/database.js';
import { HttpError } from '../../src/lib/errors.js';
import { translate, type Locale } from '../../src/lib/i18n.js';
import type { Role } from '../../src/lib/schema-accounts.js';
import { readFlash } from '../../src/ui/flash.js';
import type { WebEnv } from '../../src/ui/view.js';
import { Browser } from './account-site.js';
import { addUser } from './fixtures.js';

export interface SignedInSite {
  ownerId: number;
  site: Hono<WebEnv>;
  browser: Browser;
}

interface SiteOptions {
  locale?: Locale;
  now?: Date;
  ownerId?: number;
  role?: Role;
}

/** One feature's routes at `path`, as a visitor sees them who is signed in. */
export async function openSignedInSite(
  db: Database,
  path: string,
  routes: Hono<WebEnv>,
  options: SiteOptions = {},
): Promise<SignedInSite> {
  const { locale = 'en', now = new Date(), role = 'user' } = options;
  const ownerId = options.ownerId ?? (await addUser(db));
  const site = new Hono<WebEnv>();
  site.onError((error, c) => {
    if (error instanceof HttpError) return c.text(error.code, error.status);
    throw error;
  });
  site.use(async (c, next) => {
    const url = new URL(c.req.url);
    c.set('origin', { address: '203.0.113.1', userAgent: 'test browser' });
    c.set('view', {
      t: translate(locale),
      locale,
      timeZone: 'UTC',
      theme: 'auto',
      user: {
        id: ownerId,
        email: 'owner@example.com',
        name: 'Owner',
        role,
        locale,
        timeZone: 'UTC',
        theme: 'auto',
      },
      now,
      path: url.pathname + url.search,
      query: Object.fromEntries(url.searchParams),
      flash: readFlash(c),
      lettersStayHere: true,
      mailingsStayHere: true,
      mayReadInbox: true,
      assets: { script: '/main.js', styles: [] },
    });
    await next();
  });
  site.route(path, routes);
  return { ownerId, site, browser: new Browser(site) };
}
