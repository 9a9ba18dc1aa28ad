import { randomInt } from 'node:crypto';

/* The second factor's codes as people see and type them: six digits from an app, or a recovery code that was kept on paper. */

export type TypedCode = { kind: 'app' | 'recovery'; code: string };

const RECOVERY_CODES = 10;
const HALF = 5;
/** Without what is taken for something else on paper: 0 and o, 1 and l and i. */
const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';

/** 49 bits each. */
export function makeRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => `${pickLetters(HALF)}-${pickLetters(HALF)}`);
}

/** Spaces, capitals and the hyphen are the typist's business; undefined where it can be neither. */
export function readTypedCode(typed: string): TypedCode | undefined {
  const code = typed.toLowerCase().replaceAll(/[\s-]/g, '');
  if (/^\d{6}$/.test(code)) return { kind: 'app', code };
  if (!/^[a-z0-9]{10}$/.test(code)) return undefined;
  return { kind: 'recovery', code: `${code.slice(0, HALF)}-${code.slice(HALF)}` };
}

/** Whether it is a key as `readKey` finds it. */
export function isKey(text: string): boolean {
  return /^[A-Z2-7]{16,128}$/.test(text);
}

/** The key, in Base32 (RFC 4648), out of an address as authenticator apps read it. */
export function readKey(uri: string): string {
  return (new URL(uri).searchParams.get('secret') ?? '').replaceAll('=', '');
}

/** As authenticator apps read it; six digits, thirty seconds and SHA-1 are what they take where nothing else is said. */
export function writeKeyUri(key: string, email: string): string {
  return `otpauth://totp/${encodeURIComponent(`Vestnik:${email}`)}?secret=${key}&issuer=Vestnik`;
}

function pickLetters(count: number): string {
  return Array.from({ length: count }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
