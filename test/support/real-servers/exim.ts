import { existsSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findFreePort } from '../vestnik-process.js';
import { buildJail, giveFolder } from './jail.js';
import {
  LOGIN,
  composeLoginUrl,
  copyCertificate,
  findServerFile,
  makeServerFolder,
  openMailServer,
  whyAbsent,
  type FullMailServer,
  type MailServerOptions,
} from './mail-server.js';

const EXIM = '/usr/sbin/exim4';
export const eximAbsence = whyAbsent(findServerFile(EXIM), 'exim4-daemon-light');

/** Debian's build gives up its rights for this user. */
const USER = { name: 'Debian-exim', id: 61_001 };

export async function startExim(options: MailServerOptions): Promise<FullMailServer> {
  const folder = await makeServerFolder('exim');
  const [port, loginPort] = [await findFreePort(), await findFreePort()];
  await buildJail(folder, [EXIM], [USER]);
  await chmod(join(folder, EXIM), 0o755);
  for (const path of ['spool', 'mail', 'log']) await giveFolder(folder, path, USER);
  await mkdir(join(folder, 'etc/exim4'));
  await copyCertificate(folder);
  // It is read after the rights are given up.
  await chmod(join(folder, 'key.pem'), 0o644);
  await writeFile(
    join(folder, 'etc/mailboxes'),
    options.mailboxes.map((address) => `${address}: ${address}\n`).join(''),
  );
  await writeFile(join(folder, 'etc/exim4/exim4.conf'), composeConfiguration(options, port, loginPort), {
    mode: 0o644,
  });
  const refusals = new Map(Object.entries(options.refusals ?? {}));
  const writeRefusals = () =>
    writeFileSync(join(folder, 'etc/refusals'), Array.from(refusals, ([to, reply]) => `${to}: ${reply}\n`).join(''));
  writeRefusals();
  const server = await openMailServer({
    folder,
    command: ['chroot', folder, EXIM, '-bdf', '-q5s'],
    port,
    mailFolder: join(folder, 'mail'),
    queues: [join(folder, 'spool/input')],
    isQueued,
  });
  const refuse = (address: string, reply: string | null) => {
    if (reply === null) refusals.delete(address);
    else refusals.set(address, reply);
    writeRefusals();
  };
  return { ...server, refuse, loginUrl: (password) => composeLoginUrl(loginPort, password) };
}

/** When a letter is delivered its content goes (-D), then its head (-H): one that is killed in between leaves a head, for ever. */
function isQueued(path: string): boolean {
  return path.endsWith('-H') && existsSync(path.replace(/-H$/, '-D'));
}

function composeConfiguration(options: MailServerOptions, port: number, loginPort: number): string {
  const { sizeLimit = 10_000_000, chunking = true, lettersPerConnection = 1000 } = options;
  return `
primary_hostname = mx.example.com
spool_directory = /spool
log_file_path = /log/%slog
pid_file_path = /run/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port} : ${loginPort}
keep_environment =
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = /cert.pem
tls_privatekey = /key.pem
auth_advertise_hosts = \${if eq{$received_port}{${loginPort}}{*}{}}
chunking_advertise_hosts = ${chunking ? '*' : ''}
message_size_limit = ${sizeLimit}
smtp_accept_max = 200
smtp_accept_max_per_connection = ${lettersPerConnection}
smtp_accept_queue_per_connection = 0
deliver_drop_privilege = true
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept_all

begin acl
check_recipient:
  deny condition = \${if eq{$received_port}{${loginPort}}}
       !authenticated = *
       message = 530 5.7.0 Authentication required
  warn set acl_m_refusal = \${lookup{$local_part@$domain}lsearch{/etc/refusals}}
  defer condition = \${if match{$acl_m_refusal}{\\N^4\\N}}
       message = $acl_m_refusal
  deny condition = \${if match{$acl_m_refusal}{\\N^5\\N}}
       message = $acl_m_refusal
  require verify = recipient
  accept
accept_all:
  accept

begin routers
mailboxes:
  driver = accept
  address_data = \${lookup{$local_part@$domain}lsearch{/etc/mailboxes}{$value}fail}
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = /mail/$address_data
  create_directory
  maildir_format
  user = ${USER.name}
  group = ${USER.name}

begin retry
* * F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${LOGIN.user}}}{eq{$auth3}{${LOGIN.password}}}}}
  server_set_id = $auth2
`;
}
