import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';

/*
 * The address that this browser registered within the last hour, in a signed cookie: it fills in forms, and lets the visitor read the
 * confirmation letter for it in the built-in inbox. It is set for known addresses as well, so that it tells nothing about them.
 */

const COOKIE = 'vestnik_pending';
const LIFETIME_SECONDS = 3600;

interface Signer {
  secret: string;
  isSecure: boolean;
}

export function rememberPendingAddress(c: Context, { secret, isSecure }: Signer, email: string): void {
  const content = Buffer.from(JSON.stringify([email, Date.now() + LIFETIME_SECONDS * 1000])).toString('base64url');
  const value = `${content}.${sign(content, secret)}`;
  setCookie(c, COOKIE, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    secure: isSecure,
    maxAge: LIFETIME_SECONDS,
  });
}

export function readPendingAddress(c: Context, { secret }: Pick<Signer, 'secret'>): string | undefined {
  const [content = '', signature = ''] = (getCookie(c, COOKIE) ?? '').split('.');
  const expected = Buffer.from(sign(content, secret));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const [email, expiresAt] = JSON.parse(Buffer.from(content, 'base64url').toString()) as [string, number];
  return expiresAt > Date.now() ? email : undefined;
}

export function forgetPendingAddress(c: Context): void {
  if (getCookie(c, COOKIE) !== undefined) deleteCookie(c, COOKIE, { path: '/' });
}

function sign(content: string, secret: string): string {
  return createHmac('sha256', secret).update(`vestnik pending address\n${content}`).digest('base64url');
}
