import { domainToASCII } from 'node:url';

/**
 * `none`: never encrypt. `opportunistic`: STARTTLS where offered, whoever's certificate it is. `required`: STARTTLS or
 * nothing. `implicit`: TLS from the first byte (RFC 8314 3.3).
 */
export type TlsMode = 'none' | 'opportunistic' | 'required' | 'implicit';

/** `xoauth2`: an access token of Google's or Microsoft's kind, as it is; nobody renews it here. */
export type SmtpCredentials =
  | { kind: 'password'; user: string; password: string }
  | { kind: 'xoauth2'; user: string; token: string };

export interface SmtpServerAddress {
  host: string;
  port: number;
  tls: TlsMode;
  /** Whether `required` and `implicit` TLS refuse a certificate that does not prove the host's name. */
  verifyCertificate: boolean;
  credentials: SmtpCredentials | null;
  /** How many connections the URL asks for, null where it says nothing. */
  connections: number | null;
}

export type SmtpUrlFaultCode =
  | 'malformed_url'
  | 'unknown_protocol'
  | 'no_host'
  | 'bad_port'
  | 'bad_credentials'
  | 'unknown_option'
  | 'bad_option';

/** The error never repeats the URL: it may hold a password. */
export interface SmtpUrlFault {
  code: SmtpUrlFaultCode;
  error: string;
}

export type ParsedSmtpUrl = { ok: true; server: SmtpServerAddress } | { ok: false; fault: SmtpUrlFault };

const SUBMISSION_PORT = 587; // RFC 6409
const SUBMISSIONS_PORT = 465; // RFC 8314
const SMTP_PORT = 25;
const MOST_CONNECTIONS = 1000;
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/**
 * Reads `smtp://user:password@host:port` or `smtps://…`, with `?tls=required|opportunistic|none`, `?verify=false`,
 * `?connections=N`, `?auth=xoauth2` (the password is the token then). Reserved characters in the user and the password
 * are percent-encoded.
 */
export function parseSmtpUrl(text: string): ParsedSmtpUrl {
  const url = URL.parse(text.trim());
  if (!url)
    return refuse(
      'malformed_url',
      'this is no URL such as smtp://user:password@host:587; percent-encode special characters in the password',
    );
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:')
    return refuse('unknown_protocol', 'the URL must begin with smtp:// or smtps://');
  const host = readHost(url);
  if (host === '') return refuse('no_host', 'the URL names no valid host');
  if ((url.pathname !== '' && url.pathname !== '/') || url.hash !== '') {
    return refuse(
      'malformed_url',
      'nothing but options may follow the host; percent-encode "/" and "#" in the password',
    );
  }
  if (url.port === '0') return refuse('bad_port', 'the port must be between 1 and 65535');
  const login = readCredentials(url);
  if (!login.ok) return login;
  const options = readOptions(url);
  if (!options.ok) return options;
  const { credentials } = login;
  return { ok: true, server: { host, port: readPort(url, credentials !== null), credentials, ...options.options } };
}

/** An IPv6 address without its brackets, an international name in its ASCII form; empty where neither. */
function readHost(url: URL): string {
  if (url.hostname.startsWith('[')) return url.hostname.slice(1, -1);
  try {
    return domainToASCII(decodeURIComponent(url.hostname));
  } catch {
    return '';
  }
}

function readPort(url: URL, hasCredentials: boolean): number {
  if (url.port !== '') return Number(url.port);
  if (url.protocol === 'smtps:') return SUBMISSIONS_PORT;
  return hasCredentials ? SUBMISSION_PORT : SMTP_PORT;
}

function readCredentials(
  url: URL,
): { ok: true; credentials: SmtpCredentials | null } | { ok: false; fault: SmtpUrlFault } {
  if (url.username === '' && url.password === '') return { ok: true, credentials: null };
  try {
    const [user, secret] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (user === '') return refuse('bad_credentials', 'the URL has a password but no user');
    // RFC 4616 2: NUL separates the parts of PLAIN; U+0001 does so in XOAUTH2.
    if (CONTROL_CHARACTER.test(user + secret))
      return refuse('bad_credentials', 'user and password may hold no control characters');
    if (!url.searchParams.getAll('auth').includes('xoauth2'))
      return { ok: true, credentials: { kind: 'password', user, password: secret } };
    if (secret === '') return refuse('bad_credentials', 'auth=xoauth2 needs a token in the place of the password');
    return { ok: true, credentials: { kind: 'xoauth2', user, token: secret } };
  } catch {
    return refuse('bad_credentials', 'user and password must be percent-encoded UTF-8');
  }
}

type Options = Pick<SmtpServerAddress, 'tls' | 'verifyCertificate' | 'connections'>;

function readOptions(url: URL): { ok: true; options: Options } | { ok: false; fault: SmtpUrlFault } {
  const isImplicit = url.protocol === 'smtps:';
  const options: Options = {
    tls: isImplicit ? 'implicit' : 'opportunistic',
    verifyCertificate: true,
    connections: null,
  };
  const facts = { isImplicit, hasCredentials: url.username !== '' };
  for (const [name, value] of url.searchParams) {
    const fault = readOption(options, name, value, facts);
    if (fault) return { ok: false, fault };
  }
  return { ok: true, options };
}

function readOption(
  options: Options,
  name: string,
  value: string,
  { isImplicit, hasCredentials }: { isImplicit: boolean; hasCredentials: boolean },
): SmtpUrlFault | null {
  switch (name) {
    case 'tls':
      if (isImplicit)
        return value === 'required'
          ? null
          : { code: 'bad_option', error: 'smtps:// is always encrypted: leave tls= out' };
      if (value !== 'required' && value !== 'opportunistic' && value !== 'none') {
        return { code: 'bad_option', error: 'tls= must be required, opportunistic or none' };
      }
      options.tls = value;
      return null;
    case 'verify':
      if (value !== 'true' && value !== 'false') return { code: 'bad_option', error: 'verify= must be true or false' };
      options.verifyCertificate = value === 'true';
      return null;
    case 'connections':
      options.connections = /^\d{1,4}$/.test(value) ? Number(value) : 0;
      if (options.connections >= 1 && options.connections <= MOST_CONNECTIONS) return null;
      return { code: 'bad_option', error: `connections= must be between 1 and ${MOST_CONNECTIONS}` };
    case 'auth':
      if (value !== 'password' && value !== 'xoauth2')
        return { code: 'bad_option', error: 'auth= must be password or xoauth2' };
      return hasCredentials ? null : { code: 'bad_option', error: 'auth= needs a user and a password in the URL' };
    default:
      return { code: 'unknown_option', error: 'the URL has an option other than tls, verify, connections and auth' };
  }
}

function refuse(code: SmtpUrlFaultCode, error: string): { ok: false; fault: SmtpUrlFault } {
  return { ok: false, fault: { code, error } };
}
