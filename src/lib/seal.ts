import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/*
 * Passwords at rest: AES-256-GCM under a key derived from the installation's secret. Sealed text says what it is for, its context,
 * without holding it: put into another row, or beside another host, it opens no more.
 */

export type Opened = { ok: true; text: string } | { ok: false; fault: 'unreadable' };

/** Of the text's form, not of the program. */
const VERSION = 'v1';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
// NIST SP 800-38D, section 8.2.2: 96 random bits, for fewer than 2^32 texts under one key.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `v1.` and base64url of nonce, content and tag. The same text never seals to the same twice. */
export function seal(secret: string, context: string, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, deriveKey(secret), nonce).setAAD(Buffer.from(context));
  const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return `${VERSION}.${Buffer.concat([nonce, content, cipher.getAuthTag()]).toString('base64url')}`;
}

/** Unreadable: sealed with another secret or for another context, damaged, or of a form that is not known. */
export function openSealed(secret: string, context: string, sealed: string): Opened {
  const [version, encoded = '', ...rest] = sealed.split('.');
  const bytes = Buffer.from(encoded, 'base64url');
  if (version !== VERSION || rest.length > 0 || bytes.length < NONCE_BYTES + TAG_BYTES) return UNREADABLE;
  const decipher = createDecipheriv(ALGORITHM, deriveKey(secret), bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const content = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
  try {
    return { ok: true, text: Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8') };
  } catch {
    return UNREADABLE;
  }
}

const UNREADABLE: Opened = { ok: false, fault: 'unreadable' };

/** RFC 5869. The secret is random already, so it needs no salt; the purpose keeps this key apart from others of the same secret. */
function deriveKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `vestnik sealed texts ${VERSION}`, KEY_BYTES));
}
