import type { Context } from 'hono';

/** Puts what better-auth sets onto the answer of the page. */
export function passCookies(c: Context, headers: Headers): void {
  for (const cookie of headers.getSetCookie()) c.header('Set-Cookie', cookie, { append: true });
}
