import { expect, test } from 'vitest';

import { parseServer } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerOptions } from '../../test/support/smtp-server.js';
import { describeFault } from '../delivery/relay.js';
import { SmtpConnection } from '../lib/smtp/smtp-connection.js';
import { judgeFault } from './conversation.js';

const LOGIN = { user: 'robot', pass: 'geheim' };

/** The text that is kept of what stops a connection, or the first letter. */
async function meetFault(options: SmtpServerOptions, toUrl: (url: string) => string): Promise<string> {
  await using server = await startSmtpServer(options);
  const timeouts = { connect: 500, greeting: 500, command: 500 };
  const opened = await SmtpConnection.open({ ...parseServer(toUrl(server.url)), timeouts });
  if (!opened.ok) return describeFault(opened.outcome);
  const outcome = await opened.connection.send({
    from: 'a@example.com',
    to: 'b@example.com',
    data: 'Subject: x\r\n\r\n',
  });
  await opened.connection.close(0);
  return describeFault(outcome);
}

const same = (url: string) => url;
const garbage = 'HTTP/1.1 400 Bad Request\r\n\r\n';

test.each<[string, string, SmtpServerOptions, (url: string) => string]>([
  ['login', 'a wrong password', { auth: LOGIN }, (url) => url.replace(':geheim@', ':wrong@')],
  ['needsLogin', 'a login that is wanted', { auth: LOGIN }, (url) => url.replace(/\/\/.*@/, '//')],
  ['noLogin', 'a login that is not offered', {}, (url) => url.replace('//', '//robot:geheim@')],
  ['noTls', 'no encryption where it is demanded', {}, (url) => `${url}?tls=required`],
  ['tls', 'a certificate of another name', { tls: 'implicit' }, (url) => url.replace('?verify=false', '')],
  ['notSmtp', 'no SMTP', { faults: ({ stage }) => (stage === 'connect' ? { garbage } : undefined) }, same],
  ['timeout', 'silence', { faults: ({ stage }) => (stage === 'connect' ? 'stall' : undefined) }, same],
  ['closed', 'a server that hangs up', { faults: ({ stage }) => (stage === 'ehlo' ? 'drop' : undefined) }, same],
  [
    'sender',
    'a sender that is refused',
    { faults: ({ stage }) => (stage === 'mail' ? { reply: '550 5.1.8 no such sender' } : undefined) },
    same,
  ],
])('reads %s from the text that is kept of %s', async (verdict, _what, options, toUrl) => {
  const fault = await meetFault(options, toUrl);
  expect([fault, judgeFault(fault)]).toEqual([fault, verdict]);
});

test('reads from the text that nobody listened', async () => {
  const server = await startSmtpServer();
  const { url } = server;
  await server.close();
  const opened = await SmtpConnection.open(parseServer(url));
  expect(opened.ok).toBe(false);
  expect(opened.ok || judgeFault(describeFault(opened.outcome))).toBe('unreachable');
});

test.each(['421 4.3.2 come back later', '451 4.3.0 oops', '', 'something else'])(
  'says nothing of its own about %j',
  (fault) => {
    expect(judgeFault(fault)).toBeUndefined();
  },
);
