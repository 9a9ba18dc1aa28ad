import { expect, test } from 'vitest';

import { describeConnectionError, type DatabaseFaultCode } from './database-fault.js';

const target = { host: 'db.example', port: 5433, user: 'shopkeeper', database: 'shop' };

function fail(code: string | undefined, message = 'the server said so'): Error {
  return Object.assign(new Error(message), code && { code });
}

test.each<[string, Error, DatabaseFaultCode, RegExp]>([
  ['nothing listening', fail('ECONNREFUSED'), 'cannot_connect', /at db\.example:5433: nothing listens there/],
  ['a missing socket', fail('ENOENT'), 'cannot_connect', /the socket does not exist/],
  ['a forbidden socket', fail('EACCES'), 'cannot_connect', /forbids it/],
  ['silence', fail('ETIMEDOUT'), 'cannot_connect', /does not answer/],
  [
    "the pool's own timeout",
    fail(undefined, 'timeout exceeded when trying to connect'),
    'cannot_connect',
    /does not answer/,
  ],
  ['no route', fail('EHOSTUNREACH'), 'cannot_connect', /no network route/],
  ['a cut connection', fail(undefined, 'Connection terminated unexpectedly'), 'cannot_connect', /cut at once/],
  ['an unknown host', fail('ENOTFOUND'), 'unknown_host', /the host "db\.example" is not known/],
  ['a name server that is down', fail('EAI_AGAIN'), 'unknown_host', /cannot be looked up now/],
  ['a wrong password', fail('28P01'), 'wrong_password', /refused the password of the user "shopkeeper"/],
  [
    'no password where one is wanted',
    fail(undefined, 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
    'wrong_password',
    /refused the password/,
  ],
  [
    'a login that pg_hba.conf refuses',
    fail('28000', 'no pg_hba.conf entry for host'),
    'refused_login',
    /no pg_hba\.conf entry for host; check/,
  ],
  [
    'a missing database',
    fail('3D000'),
    'unknown_database',
    /has no database "shop"; create it with: createdb --encoding=UTF8 shop/,
  ],
  ['a full server', fail('53300'), 'too_many_connections', /max_connections/],
  ['a server that starts', fail('57P03'), 'not_ready', /starting or stopping/],
  [
    'a missing right',
    fail('42501', 'permission denied for schema public'),
    'missing_right',
    /permission denied for schema public\.$/,
  ],
  [
    'a certificate signed by itself',
    fail('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'),
    'tls',
    /self-signed certificate; check sslmode/,
  ],
  [
    'a server without TLS',
    fail(undefined, 'The server does not support SSL connections'),
    'tls',
    /does not support SSL/,
  ],
  ['a malformed URL', fail('ERR_INVALID_URL', 'Invalid URL'), 'unexpected', /percent-encoded/],
  [
    'anything else',
    fail('XX000', 'cache lookup failed\nfor type 0.'),
    'unexpected',
    /at db\.example:5433: cache lookup failed for type 0\.$/,
  ],
])('explains %s in one sentence', (_title, error, code, sentence) => {
  const fault = describeConnectionError(error, target);
  expect(fault.code).toBe(code);
  expect(fault.message).toMatch(sentence);
  expect(fault.message).not.toContain('\n');
});

test('explains a host that refuses on every one of its addresses', () => {
  const error = new AggregateError([fail('ECONNREFUSED', 'connect ::1'), fail('ECONNREFUSED', 'connect 127.0.0.1')]);
  expect(describeConnectionError(error, { host: '::1', port: 5432 }).message).toMatch(
    /at \[::1\]:5432: nothing listens/,
  );
});
