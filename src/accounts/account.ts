import { domainToASCII } from 'node:url';

import { z } from 'zod';

import { LOCALES } from '../lib/i18n.js';
import { emailAddress, singleLine } from '../lib/text.js';
import { isTimeZone } from '../ui/format.js';
import { COMMON_PASSWORDS } from './common-passwords.js';

export const MIN_PASSWORD = 10;
export const MAX_PASSWORD = 128;
export const THEMES = ['auto', 'light', 'dark'] as const;

/** In lower case, with an international domain in its ASCII form; only what better-auth takes for an address, too. */
const accountEmail = emailAddress()
  .transform(normalizeEmail)
  .pipe(z.email({ error: 'email' }));

const password = z
  .string({ error: 'required' })
  .min(MIN_PASSWORD, 'passwordShort')
  .max(MAX_PASSWORD, 'tooLong')
  .refine((text) => !COMMON_PASSWORDS.has(text.toLowerCase()), { error: 'passwordCommon' });

const name = singleLine(200).refine((text) => text !== '', { error: 'required' });
const timeZone = z.string({ error: 'timeZone' }).refine(isTimeZone, { error: 'timeZone' });

export const signUpForm = z
  .object({ name, email: accountEmail, password, time_zone: timeZone.catch('UTC') })
  .refine(hasOwnPassword, { path: ['password'], error: 'passwordCommon' });

export const emailForm = z.object({ email: accountEmail });
/** For the user with this address. */
export const newPasswordForm = (email: string) =>
  z
    .object({ password })
    .refine((typed) => hasOwnPassword({ email, ...typed }), { path: ['password'], error: 'passwordCommon' });
export const emailChangeForm = z.object({
  email: accountEmail,
  email_password: z.string({ error: 'required' }).refine((text) => text !== '', { error: 'required' }),
});
/** For the user with this address. */
export const passwordChangeForm = (email: string) =>
  z
    .object({
      current_password: z.string({ error: 'required' }).refine((text) => text !== '', { error: 'required' }),
      password,
    })
    .refine((typed) => hasOwnPassword({ email, ...typed }), { path: ['password'], error: 'passwordCommon' });

export const settingsForm = z.object({
  name,
  time_zone: timeZone,
  locale: z.enum(LOCALES, { error: 'choice' }),
  theme: z.enum(THEMES, { error: 'choice' }),
});

export function normalizeEmail(email: string): string {
  const [, local = email, domain] = /^(.*)@(.*)$/s.exec(email) ?? [];
  return (domain === undefined ? local : `${local}@${domainToASCII(domain)}`).toLowerCase();
}

/** Where a form's hidden `next` may lead: a path of this site, whatever a browser makes of backslashes and line breaks; otherwise `/`. */
export function toLocalPath(next: string | undefined): string {
  if (next === undefined || !/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(next) || next.length > 2000) return '/';
  const base = 'http://site.invalid';
  if (!URL.canParse(next, base)) return '/';
  const url = new URL(next, base);
  // `/.//host` is on this site, but what is left of it after resolving is not.
  return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search + url.hash : '/';
}

function hasOwnPassword({ email, password }: { email: string; password: string }): boolean {
  const guess = password.toLowerCase();
  return guess !== email && guess !== email.split('@')[0];
}
