import { Hono } from 'hono';

import { accountRoutes } from '../../src/accounts/account-routes.js';
import { createAuth, readUser, type Auth } from '../../src/accounts/auth.js';
import type { Database } from '../../src/lib/database.js';
import { HttpError } from '../../src/lib/errors.js';
import { translate } from '../../src/lib/i18n.js';
import type { SystemLetter } from '../../src/lib/system-mail.js';
import { readFlash } from '../../src/ui/flash.js';
import type { Origin, WebEnv } from '../../src/ui/view.js';

export interface AccountSite {
  auth: Auth;
  /** What was queued, oldest first. */
  letters: SystemLetter[];
  /** A browser: it keeps its cookies. */
  openBrowser(from?: Partial<Origin>): Browser;
}

/** The account pages behind as much of the site as they need; letters are only collected. */
export function openAccountSite(db: Database, { baseUrl = 'http://localhost:3000' } = {}): AccountSite {
  const letters: SystemLetter[] = [];
  const auth = createAuth({
    db,
    secret: 'a secret of the tests, long enough',
    baseUrl,
    letters: { send: (letter) => Promise.resolve(void letters.push(letter)) },
  });
  const site = new Hono<WebEnv>();
  site.onError((error, c) => {
    if (error instanceof HttpError) return c.text(error.code, error.status);
    throw error;
  });
  site.use(async (c, next) => {
    const user = await readUser(auth, c.req.raw.headers);
    const url = new URL(c.req.url);
    const locale = user?.locale ?? 'en';
    c.set('origin', {
      address: c.req.header('x-test-address') ?? '203.0.113.1',
      userAgent: c.req.header('user-agent') ?? 'test browser',
    });
    c.set('view', {
      t: translate(locale),
      locale,
      timeZone: user?.timeZone ?? 'UTC',
      theme: user?.theme ?? 'auto',
      user,
      now: new Date(),
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
  site.route('/', accountRoutes({ auth, baseUrl: auth.baseUrl, erasures: { send: () => Promise.resolve() } }));
  site.get('/', (c) => c.json(c.get('view').user));
  return { auth, letters, openBrowser: (from) => new Browser(site, from) };
}

export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #site: Hono<WebEnv>;
  readonly #origin: Record<string, string>;

  constructor(site: Hono<WebEnv>, { address, userAgent }: Partial<Origin> = {}) {
    this.#site = site;
    this.#origin = { ...(address && { 'x-test-address': address }), ...(userAgent && { 'user-agent': userAgent }) };
  }

  async get(path: string): Promise<Answer> {
    return this.#request(path, {});
  }

  async post(path: string, fields: Record<string, string>): Promise<Answer> {
    return this.#request(path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  async #request(path: string, init: RequestInit): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await this.#site.request(path, { ...init, headers: { ...this.#origin, cookie } });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
      response,
    };
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

export interface Answer {
  status: number;
  location: string | null;
  text: string;
  response: Response;
}
