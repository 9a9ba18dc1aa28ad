import { createTransport, type SentMessageInfo, type Transporter } from 'nodemailer';
import { fromKysely } from 'pg-boss';

import type { Transaction } from './database.js';
import { POLL_SECONDS, type Jobs } from './jobs.js';
import type { Log } from './log.js';
import { parseSmtpUrl, type SmtpCredentials } from './smtp/smtp-url.js';

/*
 * The service's own letters (confirmation, recovery, …). A request only writes a job; a worker sends it, and tries again with growing
 * delays for about a day and a half while the mail server is away. A crash after the mail server took a letter and before that was
 * recorded sends it twice, which for these is better than never.
 */

export interface SystemLetter {
  to: string;
  /** What the letter is for; goes into the header X-Vestnik-Purpose, by which the built-in inbox tells letters apart. */
  purpose: string;
  subject: string;
  text: string;
  html: string;
}

export interface SystemLetters {
  /** Settles when the letter is safely queued; with a transaction, it is queued if and when that commits. */
  send(letter: SystemLetter, within?: Transaction): Promise<void>;
}

interface SystemMailDeps {
  smtpUrl: string;
  mailFrom: string;
  log: Log;
}

const QUEUE = 'system-letters';
const TIMEOUT_MS = 20_000;
const QUEUE_OPTIONS = {
  retryLimit: 20,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 3 * 3600,
  expireInSeconds: 90,
  // The payload holds tokens: it goes soon after the letter, and with the last try of what could not be sent.
  deleteAfterSeconds: 60,
  retentionSeconds: 2 * 86_400,
};

/** Call once in every process that sends or works, after `openJobs`. */
export async function prepareSystemLetters(jobs: Jobs): Promise<void> {
  await jobs.createQueue(QUEUE, QUEUE_OPTIONS);
}

export async function sendSystemLetter(jobs: Jobs, letter: SystemLetter, within?: Transaction): Promise<void> {
  await jobs.send(QUEUE, letter, within ? { db: fromKysely(within) } : {});
}

/** Sends what is queued until the jobs are closed. */
export async function workSystemLetters(jobs: Jobs, { smtpUrl, mailFrom, log }: SystemMailDeps): Promise<void> {
  const transport = openTransport(smtpUrl);
  const options = { pollingIntervalSeconds: POLL_SECONDS, includeMetadata: true as const, localConcurrency: 2 };
  await jobs.work<SystemLetter>(QUEUE, options, async ([job]) => {
    if (!job) return;
    await deliver(transport, mailFrom, job.data, job.id).catch((error: unknown) => {
      log.warn({ err: error, purpose: job.data.purpose, tries: job.retryCount + 1 }, 'a system letter was not sent');
      // Only the words: the job's output is kept, and nodemailer's error may hold more than it should.
      throw new Error(error instanceof Error ? error.message : 'unknown');
    });
  });
  jobs.once('stopped', () => transport.close());
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** The same URL as mailings are sent by, read the same way. */
function openTransport(smtpUrl: string) {
  const smtp = parseSmtpUrl(smtpUrl);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  const { host, port, tls, verifyCertificate, credentials } = smtp.server;
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    // As for mailings: no password goes unencrypted to another machine unless the URL says tls=none.
    requireTLS: tls === 'required' || (tls === 'opportunistic' && credentials !== null && !isLoopbackHost(host)),
    ignoreTLS: tls === 'none',
    tls: { rejectUnauthorized: verifyCertificate && tls !== 'opportunistic' },
    ...(credentials ? { auth: composeLogin(credentials) } : {}),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function composeLogin(credentials: SmtpCredentials) {
  const { user } = credentials;
  return credentials.kind === 'xoauth2'
    ? ({ type: 'OAuth2', user, accessToken: credentials.token } as const)
    : { user, pass: credentials.password };
}

/** The job's id makes the Message-ID, so that every try of one letter carries the same. */
async function deliver(
  transport: Transporter<SentMessageInfo>,
  from: string,
  { to, purpose, subject, text, html }: SystemLetter,
  jobId: string,
): Promise<void> {
  await transport.sendMail({
    from,
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId: `<${jobId}@${domainOf(from)}>`,
    // RFC 3834, section 5: vacation notices do not answer such letters.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Vestnik-Purpose': purpose },
  });
}

function domainOf(from: string): string {
  return /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? 'localhost';
}
