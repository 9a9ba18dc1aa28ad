import { randomUUID } from 'node:crypto';

import { serveStatic } from '@hono/node-server/serve-static';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { getCookie } from 'hono/cookie';
import { secureHeaders } from 'hono/secure-headers';

import { accountRoutes, type AccountDeps } from './accounts/account-routes.js';
import { readUser } from './accounts/auth.js';
import { permit } from './accounts/permit.js';
import { stillSignedIn } from './accounts/still-signed-in.js';
import { auditRoutes } from './audit/audit-routes.js';
import { mayReadInbox } from './inbox/inbox-access.js';
import { inboxRoutes } from './inbox/inbox-routes.js';
import { installationRoutes, type MailSettings } from './installation/installation-routes.js';
import type { Cache } from './lib/cache.js';
import { findClientAddress, type TrustedProxies } from './lib/client-address.js';
import type { Clock } from './lib/clock.js';
import type { Database } from './lib/database.js';
import { HttpError, TooLargeError, TooManyRequestsError } from './lib/errors.js';
import { preferLocale, isLocale, translate, type Locale } from './lib/i18n.js';
import type { Log } from './lib/log.js';
import { measure, timeRendering } from './lib/timing.js';
import { allMailingsRoutes } from './mailings/all-mailings-routes.js';
import { attemptListRoutes, mailingAttemptRoutes, ownAttemptRoutes } from './mailings/attempt-list-routes.js';
import { compareRoutes } from './mailings/compare-routes.js';
import { disablingRoutes } from './mailings/disabling-routes.js';
import type { LiveHub } from './mailings/live-hub.js';
import { liveRoutes } from './mailings/live-routes.js';
import { mailingRoutes } from './mailings/mailing-routes.js';
import { reportRoutes } from './mailings/report-routes.js';
import { allMessagesRoutes } from './messages/all-messages-routes.js';
import { messageRoutes } from './messages/message-routes.js';
import { answerMetrics, observeRequests } from './nodes/metrics-routes.js';
import type { Metrics } from './nodes/metrics.js';
import { nodeRoutes } from './nodes/node-routes.js';
import { onboardingRoutes } from './onboarding/onboarding-routes.js';
import { oversightRoutes } from './oversight/oversight-routes.js';
import { allRecipientsRoutes } from './recipients/all-recipients-routes.js';
import { recipientRoutes } from './recipients/recipient-routes.js';
import { relayRoutes } from './relays/relay-routes.js';
import { hasEnabledRelays } from './relays/relay-store.js';
import { refuseCrossSite } from './ui/cross-site.js';
import { renderFault } from './ui/fault-page.js';
import { readFlash } from './ui/flash.js';
import { findPeer } from './ui/peer.js';
import { letBrowsersKeep } from './ui/revalidate.js';
import type { View, WebEnv } from './ui/view.js';
import { userRoutes } from './users/user-routes.js';

export interface WebDeps extends AccountDeps {
  db: Database;
  cache: Cache;
  clock: Clock;
  log: Log;
  assets: View['assets'];
  /** The folder of the built browser files. */
  assetsFolder: string;
  trustedProxies: TrustedProxies;
  defaultLocale: Locale;
  lettersStayHere: boolean;
  mail: MailSettings;
  live: LiveHub;
  /** Absent: /metrics is not there. */
  metrics?: Metrics | undefined;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** Who is not signed in has only short forms to send. */
const MAX_GUEST_BODY_BYTES = 256 * 1024;

/** The site's index: the order of the middleware, and every route that is mounted. */
export function createWeb(deps: WebDeps): Hono<WebEnv> {
  const web = new Hono<WebEnv>();
  web.onError((error, c) => answerError(deps.log, error, c));
  web.notFound((c) => renderFault(c, 'not_found'));

  const assets = serveStatic({ root: deps.assetsFolder, precompressed: true });
  web.use(observeRequests(deps.metrics));
  web.use(compress());
  web.use(secureHeaders(HEADERS));
  web.get('/healthz', (c) => c.text('ok'));
  web.get('/metrics', answerMetrics(deps.metrics));
  web.get('/assets/*', cacheForever, assets, (c) => renderFault(c, 'not_found'));
  web.get('/icon.svg', cacheForDay, assets);

  if (deps.baseUrl.startsWith('https:')) web.use(secureCookies);
  web.use(identifyRequest(deps));
  web.use(letBrowsersKeep);
  web.use(readVisitor(deps));
  web.use(refuseCrossSite(deps.baseUrl));
  // After the visitor is known: the answer is a page in their language.
  web.use(limitBody);

  web.route('/', accountRoutes(deps));
  web.route('/inbox', inboxRoutes(deps));

  web.use(requireUser);
  web.route('/', onboardingRoutes(deps));
  web.route('/recipients', recipientRoutes(deps));
  web.route('/messages', messageRoutes(deps));
  web.route('/mailings', compareRoutes(deps));
  web.route('/mailings', liveRoutes(deps));
  web.route('/mailings', mailingRoutes({ ...deps, speeds: deps.live.speeds }));
  web.route('/mailings', reportRoutes(deps));
  web.route('/mailings', mailingAttemptRoutes(deps));
  web.route('/attempts', ownAttemptRoutes(deps));
  web.route('/mailings', disablingRoutes({ ...deps.auth, clock: deps.clock }));

  web.use('/oversight/*', permit('oversight.see'));
  web.use('/oversight/installation/*', permit('mailServers.manage'));
  web.route('/oversight/installation', installationRoutes(deps));
  web.use('/oversight/relays/*', permit('mailServers.manage'));
  web.route('/oversight/relays', relayRoutes(deps));
  web.route('/oversight', oversightRoutes(deps));
  web.route('/oversight/recipients', allRecipientsRoutes(deps));
  web.route('/oversight/messages', allMessagesRoutes(deps));
  web.route('/oversight/mailings', allMailingsRoutes(deps));
  web.route('/oversight/attempts', attemptListRoutes(deps));
  web.route('/oversight/nodes', nodeRoutes(deps));
  web.route('/oversight/audit', auditRoutes(deps));
  web.route('/oversight/users', userRoutes(deps));
  return web;
}

const limitUsers = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: refuseTooLarge });
const limitGuests = bodyLimit({ maxSize: MAX_GUEST_BODY_BYTES, onError: refuseTooLarge });

const limitBody: MiddlewareHandler<WebEnv> = (c, next) => (c.get('view').user ? limitUsers : limitGuests)(c, next);

const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'self'"],
  },
  xFrameOptions: 'SAMEORIGIN',
  referrerPolicy: 'same-origin',
  // Meaningless over plain HTTP on loopback; a proxy that ends TLS may add it for the whole host.
  strictTransportSecurity: false,
  // A letter's HTML in the built-in inbox comes with a stricter policy of its own.
  overwrite: false,
};

/** Over TLS every cookie is for TLS alone, whoever set it. */
const secureCookies: MiddlewareHandler = async (c, next) => {
  await next();
  const cookies = c.res.headers.getSetCookie();
  c.res.headers.delete('Set-Cookie');
  for (const cookie of cookies) {
    c.res.headers.append('Set-Cookie', /;\s*secure\b/i.test(cookie) ? cookie : `${cookie}; Secure`);
  }
};

function identifyRequest({ log, clock, trustedProxies }: WebDeps): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const begun = performance.now();
    c.set('requestId', randomUUID().slice(0, 8));
    c.set('origin', {
      address: findClientAddress(findPeer(c) ?? '', c.req.header('x-forwarded-for'), trustedProxies),
      userAgent: c.req.header('user-agent') ?? '',
    });
    const { html } = c;
    c.html = ((...page: Parameters<typeof html>) => timeRendering(() => html(...page))) as typeof html;
    c.header('Server-Timing', await measure(next));
    const milliseconds = performance.now() - begun;
    log.debug({
      requestId: c.get('requestId'),
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      at: clock.now(),
      milliseconds,
    });
  };
}

/** Finds out who asks, in which language, and lays the view of the page ready. */
function readVisitor(deps: WebDeps): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const user = await readUser(deps.auth, c.req.raw.headers);
    if (user) c.set('isStillSignedIn', stillSignedIn(deps.auth, c.req.raw.headers, user));
    const locale = user?.locale ?? chooseLocale(c, deps.defaultLocale);
    const url = new URL(c.req.url);
    c.set('view', {
      t: translate(locale),
      locale,
      timeZone: user?.timeZone ?? 'UTC',
      theme: user?.theme ?? 'auto',
      user,
      now: deps.clock.now(),
      path: url.pathname + url.search,
      query: Object.fromEntries(url.searchParams),
      flash: readFlash(c),
      lettersStayHere: deps.lettersStayHere,
      mailingsStayHere: deps.lettersStayHere && !(await hasEnabledRelays(deps.db)),
      mayReadInbox: mayReadInbox(c, user, deps),
      assets: deps.assets,
    });
    await next();
  };
}

function chooseLocale(c: Context, fallback: Locale): Locale {
  const remembered = getCookie(c, 'locale');
  return isLocale(remembered) ? remembered : preferLocale(c.req.header('accept-language'), fallback);
}

/** A browser shows the answer only when it has sent everything; beyond this much nobody is waited for. */
const MAX_DISCARDED_BYTES = 10 * MAX_BODY_BYTES;

async function refuseTooLarge({ req: { raw } }: Context): Promise<never> {
  let size = 0;
  if (raw.body && !raw.body.locked) {
    for await (const chunk of raw.body) {
      size += chunk.length;
      if (size > MAX_DISCARDED_BYTES) break;
    }
  }
  throw new TooLargeError();
}

const requireUser: MiddlewareHandler<WebEnv> = async (c, next) => {
  const { user, path } = c.get('view');
  if (user) return next();
  const next_ = c.req.method === 'GET' && path !== '/' ? `?next=${encodeURIComponent(path)}` : '';
  return c.redirect(`/sign-in${next_}`, 303);
};

/** The one place where an error becomes an answer. */
function answerError(log: Log, error: Error, c: Context<WebEnv>): Response | Promise<Response> {
  if (error instanceof TooManyRequestsError) c.header('Retry-After', String(error.retryAfter));
  if (error instanceof HttpError) return renderFault(c, error.code);
  log.error({ err: error, requestId: c.get('requestId'), method: c.req.method, path: c.req.path }, 'a request failed');
  return renderFault(c, 'unexpected');
}

/** Their names change with them. */
const cacheForever = keepFor('public, max-age=31536000, immutable');
/** Its name stays. */
const cacheForDay = keepFor('public, max-age=86400');

function keepFor(cacheControl: string): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    await next();
    if (c.res.ok) c.header('Cache-Control', cacheControl);
  };
}
