export interface ConnectionTarget {
  host?: string | undefined;
  port?: number | undefined;
  user?: string | undefined;
  database?: string | undefined;
}

export type DatabaseFaultCode =
  | 'cannot_connect'
  | 'unknown_host'
  | 'wrong_password'
  | 'refused_login'
  | 'unknown_database'
  | 'too_many_connections'
  | 'not_ready'
  | 'tls'
  | 'server_too_old'
  | 'wrong_encoding'
  | 'extension_unavailable'
  | 'missing_right'
  | 'unexpected';

export interface DatabaseFault {
  code: DatabaseFaultCode;
  /** One sentence for the person who starts Vestnik; never holds a password. */
  message: string;
}

/** Turns what Node.js or pg throws while connecting into one clear sentence. */
export function describeConnectionError(error: unknown, target: ConnectionTarget): DatabaseFault {
  const { code, message } = readError(error);
  const place = describePlace(target);
  const user = quote(target.user);
  const database = quote(target.database);
  switch (code) {
    case 'ECONNREFUSED':
      return cannotConnect(place, 'nothing listens there; is PostgreSQL running, and are host and port right?');
    case 'ENOENT':
      return cannotConnect(place, 'the socket does not exist; is PostgreSQL running, and is the folder right?');
    case 'EACCES':
    case 'EPERM':
      return cannotConnect(place, 'the operating system forbids it to this user.');
    case 'ETIMEDOUT':
      return cannotConnect(place, 'it does not answer; a firewall may stand between.');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return cannotConnect(place, 'no network route leads there.');
    case 'ECONNRESET':
    case 'EPIPE':
      return cannotConnect(place, 'the connection was cut at once; is it really PostgreSQL?');
    case 'ENOTFOUND':
      return {
        code: 'unknown_host',
        message: `Cannot connect to PostgreSQL: the host ${quote(target.host)} is not known; check the host in DATABASE_URL.`,
      };
    case 'EAI_AGAIN':
      return {
        code: 'unknown_host',
        message: `Cannot connect to PostgreSQL: the name of the host ${quote(target.host)} cannot be looked up now; check the network's name server.`,
      };
    case '28P01':
    case 'NO_PASSWORD':
      return {
        code: 'wrong_password',
        message: `PostgreSQL at ${place} refused the password of the user ${user}; check user and password in DATABASE_URL.`,
      };
    case '28000':
      return {
        code: 'refused_login',
        message: `PostgreSQL at ${place} lets the user ${user} not in: ${message}; check the user in DATABASE_URL and the server's pg_hba.conf.`,
      };
    case '3D000':
      return {
        code: 'unknown_database',
        message: `PostgreSQL at ${place} has no database ${database}; create it with: createdb --encoding=UTF8 ${target.database ?? 'vestnik'}`,
      };
    case '53300':
      return {
        code: 'too_many_connections',
        message: `PostgreSQL at ${place} has no connection left; close other programs' connections or raise its max_connections.`,
      };
    case '57P01':
    case '57P02':
    case '57P03':
      return { code: 'not_ready', message: `PostgreSQL at ${place} is starting or stopping; try again in a moment.` };
    case '42501':
      return { code: 'missing_right', message: `The database user ${user} lacks a right at ${place}: ${message}.` };
    case 'TLS':
      return {
        code: 'tls',
        message: `No secure connection to PostgreSQL at ${place}: ${message}; check sslmode in DATABASE_URL and the server's certificate.`,
      };
    case 'ERR_INVALID_URL':
      return {
        code: 'unexpected',
        message:
          'DATABASE_URL cannot be read; it looks like postgresql://user:password@host:5432/database, with special characters percent-encoded.',
      };
    case undefined:
    default:
      return { code: 'unexpected', message: `Cannot use PostgreSQL at ${place}: ${message}.` };
  }
}

function cannotConnect(place: string, reason: string): DatabaseFault {
  return { code: 'cannot_connect', message: `Cannot connect to PostgreSQL at ${place}: ${reason}` };
}

function describePlace({ host, port }: ConnectionTarget): string {
  if (!host) return 'the given address';
  if (host.startsWith('/')) return host;
  return `${host.includes(':') ? `[${host}]` : host}:${port ?? 5432}`;
}

function quote(name: string | undefined): string {
  return name ? `"${name}"` : '(not given)';
}

const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** pg gives some faults no code, only a sentence; those get one here. */
const CODES_BY_MESSAGE: [RegExp, string][] = [
  [/timeout exceeded when trying to connect|connection timeout|timeout expired/i, 'ETIMEDOUT'],
  [/connection terminated unexpectedly/i, 'ECONNRESET'],
  [/password must be a (non-empty )?string/i, 'NO_PASSWORD'],
  [/does not support SSL|SSL connection/i, 'TLS'],
];

function readError(error: unknown): { code: string | undefined; message: string } {
  // "localhost" is tried on IPv6 and IPv4: the faults of both come as one AggregateError.
  if (error instanceof AggregateError && error.errors.length > 0) return readError(error.errors.at(-1));
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const message = error.message
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const given = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (given && TLS_CODES.test(given)) return { code: 'TLS', message };
  return { code: given ?? CODES_BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1], message };
}
