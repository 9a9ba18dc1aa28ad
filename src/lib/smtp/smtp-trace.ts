import type { SmtpReply } from './smtp-outcome.js';
import type { SmtpCredentials } from './smtp-url.js';

/** What is said on a connection, as it is said; for people to read. No secret is in it. */
export type SmtpLine =
  | { from: 'client' | 'server'; text: string }
  /** The letter itself, or a part of it, as it goes on the wire. */
  | { from: 'client'; content: string }
  | { from: 'wire'; event: 'connected'; address: string }
  | { from: 'wire'; event: 'encrypted'; protocol: string; cipher: string };

/** Who hears what is said, and what is hidden from them. */
export interface Trace {
  onLine: (line: SmtpLine) => void;
  secrets: string[];
}

const HIDDEN = '***';
/** Shorter ones would make every word with such letters unreadable; a command that carries a secret is hidden by itself. */
const SHORTEST_SECRET = 4;

/** Every form in which a server could repeat the password or the token (RFC 4616, LOGIN, XOAUTH2). */
export function listSecrets(credentials: SmtpCredentials | null): string[] {
  if (!credentials) return [];
  const secret = credentials.kind === 'xoauth2' ? credentials.token : credentials.password;
  const forms = [encodeInitialResponse(credentials), encodeBase64(secret), secret];
  return forms.filter((form) => form.length >= SHORTEST_SECRET);
}

/** RFC 4616 for PLAIN; XOAUTH2 is Google's own, and Microsoft's. */
export function encodeInitialResponse(credentials: SmtpCredentials): string {
  const { user } = credentials;
  return credentials.kind === 'xoauth2'
    ? encodeBase64(`user=${user}\u0001auth=Bearer ${credentials.token}\u0001\u0001`)
    : encodeBase64(`\0${user}\0${credentials.password}`);
}

export function traceLines({ onLine, secrets }: Trace, from: 'client' | 'server', lines: string[]): void {
  for (const line of lines) onLine({ from, text: hideSecrets(line, secrets) });
}

export function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

/** A command that is not shown beyond its words: `AUTH PLAIN` of `AUTH PLAIN AGFu…`, nothing of a bare token. */
export function maskLogin(line: string): string {
  if (line === '') return line;
  const words = /^AUTH [A-Z0-9-]+(?= |$)/.exec(line)?.[0];
  if (words === line) return line;
  return words === undefined ? HIDDEN : `${words} ${HIDDEN}`;
}

/** As it stood on the wire, line by line (RFC 5321 4.2.1). */
export function formatReply({ code, text }: SmtpReply): string[] {
  const lines = text.split('\n');
  return lines.map((line, index) => `${code}${index === lines.length - 1 ? ' ' : '-'}${line}`);
}

export function encodeBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
