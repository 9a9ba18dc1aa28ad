import { statSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findFreePort } from '../vestnik-process.js';
import {
  composeLoginUrl,
  copyCertificate,
  findServerFile,
  makeServerFolder,
  openMailServer,
  whyAbsent,
  type FullMailServer,
  type MailServerOptions,
} from './mail-server.js';
import { startLoginService, startPolicyService } from './postfix-services.js';

const MASTER = '/usr/lib/postfix/sbin/master';
export const postfixAbsence = whyAbsent(findServerFile(MASTER), 'postfix');

export interface PostfixServer extends FullMailServer {
  /** Takes letters without a login, and offers no extension of SMTP at all. */
  plainUrl: string;
}

/**
 * Postfix with configuration, queue and mailboxes in a folder of its own: the system's is not touched. It takes its time for the first
 * start: settings that were written in the last second or two may not be whole yet.
 */
export async function startPostfix(options: MailServerOptions): Promise<PostfixServer> {
  const folder = await makeServerFolder('postfix');
  const [port, loginPort, plainPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const refusals = new Map(Object.entries(options.refusals ?? {}));
  await using services = new AsyncDisposableStack();
  const policy = services.use(await startPolicyService((recipient) => refusals.get(recipient)));
  const login = services.use(await startLoginService());
  const settings = { ...options, folder, policyPort: policy.port, loginServicePort: login.port };
  await layFolders(folder);
  await copyCertificate(folder);
  await writeFile(join(folder, 'mailboxes'), options.mailboxes.map((address) => `${address} ${address}/\n`).join(''));
  await writeFile(join(folder, 'main.cf'), composeMain(settings));
  await writeFile(join(folder, 'master.cf'), composeMaster(port, loginPort, plainPort));
  const kept = services.move();
  const server = await openMailServer({
    folder,
    command: [MASTER, '-d', '-c', folder],
    port,
    mailFolder: join(folder, 'mail'),
    queues: ['maildrop', 'incoming', 'active', 'deferred'].map((queue) => join(folder, 'queue', queue)),
    isQueued,
    logs: [join(folder, 'mail.log')],
    close: () => kept.disposeAsync(),
  });
  return {
    ...server,
    plainUrl: `smtp://127.0.0.1:${plainPort}`,
    loginUrl: (password) => composeLoginUrl(loginPort, password),
    refuse: (address, reply) => void (reply === null ? refusals.delete(address) : refusals.set(address, reply)),
  };
}

/** A queue file becomes executable when it is complete; what was broken off stays without an owner for a day. */
function isQueued(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined || (stat.mode & 0o100) !== 0;
}

async function layFolders(folder: string): Promise<void> {
  const [postfix, postdrop] = [await findId('/etc/passwd', 'postfix'), await findId('/etc/group', 'postdrop')];
  const lay = async (name: string, owner: number, group: number, mode: number) => {
    await mkdir(join(folder, name), { recursive: true });
    await chown(join(folder, name), owner, group);
    await chmod(join(folder, name), mode);
  };
  await lay('queue', 0, 0, 0o755);
  await lay('queue/pid', 0, 0, 0o755);
  const queues = 'active bounce corrupt defer deferred flush hold incoming private saved trace';
  for (const name of queues.split(' ')) await lay(`queue/${name}`, postfix, 0, 0o700);
  await lay('queue/maildrop', postfix, postdrop, 0o1730);
  await lay('queue/public', postfix, postdrop, 0o2710);
  await lay('data', postfix, 0, 0o700);
  await lay('mail', MAIL_USER, MAIL_USER, 0o700);
}

const MAIL_USER = 65_534;

async function findId(file: string, name: string): Promise<number> {
  const line = (await readFile(file, 'utf8')).split('\n').find((text) => text.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`${file} knows no ${name}`);
  return Number(line.split(':')[2]);
}

interface Settings extends MailServerOptions {
  folder: string;
  policyPort: number;
  loginServicePort: number;
}

function composeMain({
  folder,
  policyPort,
  loginServicePort,
  sizeLimit,
  chunking,
  errorsPerConnection,
}: Settings): string {
  return `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
myhostname = mx.example.com
mydestination =
alias_maps =
local_recipient_maps =
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
default_transport = error:nothing leaves this machine
virtual_mailbox_domains = example.com, xn--80a1acny.xn--p1ai
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = texthash:${folder}/mailboxes
virtual_mailbox_limit = 0
virtual_uid_maps = static:${MAIL_USER}
virtual_gid_maps = static:${MAIL_USER}
message_size_limit = ${sizeLimit ?? 10_000_000}
smtpd_hard_error_limit = ${errorsPerConnection ?? 20}
smtpd_discard_ehlo_keywords = ${chunking === false ? 'chunking' : ''}
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${folder}/cert.pem
smtpd_tls_key_file = ${folder}/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${loginServicePort}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:${policyPort}
`;
}

const NO_EXTENSIONS =
  'chunking,pipelining,smtputf8,8bitmime,size,starttls,enhancedstatuscodes,dsn,etrn,vrfy,auth,silent-discard';

function composeMaster(port: number, loginPort: number, plainPort: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
127.0.0.1:${loginPort} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:${plainPort} inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=${NO_EXTENSIONS}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
}
