// pure
import { domainToASCII } from 'node:url';

import { z } from 'zod';

/* What people type, checked at the edge. A message of zod's is the name of a text under common.faults. */

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** One line: no CR, LF, NUL or other control characters, which could end a header (RFC 5322, section 2.2). */
export function singleLine(max: number) {
  return z
    .string({ error: 'required' })
    .trim()
    .max(max, { error: 'tooLong', abort: true })
    .refine((text) => !CONTROL.test(text), { error: 'controlCharacter' });
}

/** Several lines, ended by LF alone; tabs are allowed. */
export function multiLine(max: number) {
  return (
    z
      .string({ error: 'required' })
      .transform((text) => text.replaceAll(/\r\n?/g, '\n').trimEnd())
      // What comes after reads the text by patterns: nothing of any size.
      .pipe(z.string().max(max, { error: 'tooLong', abort: true }))
      .refine((text) => !CONTROL_BUT_LINES.test(text), { error: 'controlCharacter' })
  );
}

/** An address as people have it: one @, no quoting, a domain with a dot (or localhost), at most 254 octets (RFC 5321, section 4.5.3.1.3). */
export function emailAddress() {
  return singleLine(254)
    .refine((text) => text !== '', { error: 'required', abort: true })
    .refine(isEmailAddress, { error: 'email' });
}

export function isEmailAddress(text: string): boolean {
  const match = /^(?<local>[^\s@<>"(),:;\\[\]]+)@(?<domain>[^\s@<>"(),:;\\[\]/]+)$/u.exec(text);
  const { local = '', domain = '' } = match?.groups ?? {};
  if (local === '' || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false;
  if (Buffer.byteLength(local) > 64 || CONTROL.test(text)) return false;
  const ascii = domainToASCII(domain);
  if (ascii === 'localhost') return true;
  return /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(ascii);
}
