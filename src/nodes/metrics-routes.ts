import { createHash, timingSafeEqual } from 'node:crypto';

import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';

import type { Metrics } from './metrics.js';

/** Before everything else, so that all of a request counts. Costs some microseconds. */
export function observeRequests(metrics: Metrics | undefined): MiddlewareHandler {
  if (!metrics) return (_c, next) => next();
  return async (c, next) => {
    const begun = performance.now();
    await next();
    const seconds = (performance.now() - begun) / 1000;
    metrics.observeRequest({ method: c.req.method, route: findPattern(c), status: c.res.status, seconds });
  };
}

/** Answers 404 where there are no metrics, as if the address were not there. */
export function answerMetrics(metrics: Metrics | undefined): (c: Context) => Promise<Response> {
  return async (c) => {
    if (!metrics) return c.text('Not found', 404);
    const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (token === undefined || !isSame(token, metrics.token)) {
      return c.text('Unauthorized', 401, { 'WWW-Authenticate': 'Bearer' });
    }
    return c.text(await metrics.read(), 200, { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
  };
}

/** For a process without pages. */
export function createMetricsWeb(metrics: Metrics | undefined): Hono {
  return new Hono().get('/healthz', (c) => c.text('ok')).get('/metrics', answerMetrics(metrics));
}

/** That of the last handler; where none but middleware is meant, its pattern. */
function findPattern(c: Context): string {
  return routePath(c, -1);
}

/** Digests have one length, whatever was sent. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
