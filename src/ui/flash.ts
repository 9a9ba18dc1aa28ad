import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';

import type { Flash, WebEnv } from './view.js';

const COOKIE = 'flash';
const shape = z.object({ kind: z.enum(['success', 'warning']), text: z.string().max(500) });

/** Answers a form: to the page at `location`, which shows the sentence once. */
export function redirectWithFlash(
  c: Context<WebEnv>,
  location: string,
  text: string,
  kind: Flash['kind'] = 'success',
): Response {
  setCookie(c, COOKIE, JSON.stringify({ kind, text }), { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: 60 });
  return c.redirect(location, 303);
}

/** Takes the sentence out of the cookie; a page that loads parts of itself in the background leaves it. */
export function readFlash(c: Context): Flash | null {
  const text = getCookie(c, COOKIE);
  if (text === undefined || c.req.method !== 'GET' || c.req.header('x-fragment')) return null;
  deleteCookie(c, COOKIE, { path: '/' });
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
