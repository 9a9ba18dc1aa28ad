import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findFreePort } from '../vestnik-process.js';
import { buildJail, giveFolder } from './jail.js';
import {
  findServerFile,
  makeServerFolder,
  openMailServer,
  whyAbsent,
  type MailServer,
  type MailServerOptions,
} from './mail-server.js';

const SMTPD = '/usr/sbin/smtpd';
const DELIVERER = '/usr/libexec/opensmtpd/mail.maildir';
export const opensmtpdAbsence = whyAbsent(findServerFile(SMTPD), 'opensmtpd');

const DAEMON = { name: 'opensmtpd', id: 61_002 };
const QUEUE = { name: 'opensmtpq', id: 61_003 };
const MAIL = { name: 'mail', id: 61_004 };

/**
 * Without TLS, and so without logins: the build of Debian 12, with OpenSSL 3, breaks every handshake off
 * (https://github.com/OpenSMTPD/OpenSMTPD/issues/1239).
 */
export async function startOpenSmtpd(options: MailServerOptions): Promise<MailServer> {
  const folder = await makeServerFolder('opensmtpd');
  const port = await findFreePort();
  await buildJail(folder, [SMTPD, DELIVERER, '/bin/sh'], [DAEMON, QUEUE, MAIL]);
  await mkdir(join(folder, 'var/lib/opensmtpd/empty'), { recursive: true });
  await mkdir(join(folder, 'var/spool'), { recursive: true });
  await giveFolder(folder, 'mail', MAIL);
  await writeFile(
    join(folder, 'etc/mailboxes'),
    options.mailboxes.map((address) => `${address} ${MAIL.name}\n`).join(''),
  );
  await writeFile(join(folder, 'etc/smtpd.conf'), composeConfiguration(options, port));
  await chmod(join(folder, 'etc/smtpd.conf'), 0o600);
  return openMailServer({
    folder,
    command: ['chroot', folder, SMTPD, '-d', '-f', '/etc/smtpd.conf'],
    port,
    mailFolder: join(folder, 'mail'),
    queues: [join(folder, 'var/spool/smtpd/queue')],
    isQueued: () => true,
  });
}

function composeConfiguration({ sizeLimit, refusals = {} }: MailServerOptions, port: number): string {
  const filters = Object.entries(refusals).map(
    ([address, reply], index) =>
      `filter refusal${index} phase rcpt-to match rcpt-to { "${address}" } reject "${reply}"`,
  );
  const chain = filters.map((_, index) => `, refusal${index}`).join('');
  return `
table mailboxes file:/etc/mailboxes
filter nobody phase rcpt-to match rcpt-to { "nobody@example.com" } reject "550 5.1.1 Nobody"
${filters.join('\n')}
filter refusals chain { nobody${chain} }
smtp max-message-size ${sizeLimit ?? 10_000_000}
listen on 127.0.0.1 port ${port} hostname mx.example.com filter refusals
action deliver maildir "/mail/%{rcpt}" virtual <mailboxes>
match from any for domain { "example.com", "xn--80a1acny.xn--p1ai" } action deliver
`;
}
