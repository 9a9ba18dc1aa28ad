import { setTimeout as delay } from 'node:timers/promises';

import { findUserById } from '../accounts/user-store.js';
import { TERMINAL } from '../audit/audit.js';
import { readCounters } from '../delivery/delivery-store.js';
import type { Counters } from '../delivery/delivery.js';
import type { Foundation } from '../foundation.js';
import { startInboxServer } from '../inbox/inbox-server.js';
import { systemClock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { Translate } from '../lib/i18n.js';
import { parseId } from '../lib/ids.js';
import { findMailing } from '../mailings/mailing-store.js';
import { startMailing } from '../mailings/start-mailing.js';
import { startWorker } from '../worker.js';

interface SendCommand {
  foundation: Foundation;
  t: Translate;
  positionals: string[];
}

const LOOK_EVERY_MS = 250;
const BAR_WIDTH = 30;

/** Starts a mailing as its owner's button does, works on it beside whatever workers run, and shows how it goes. Returns the exit code. */
export async function sendFromTerminal({ foundation, t, positionals }: SendCommand): Promise<number> {
  const id = parseId(positionals[0]);
  if (id === undefined) return complain(t('cli.send.which'));
  const { db } = foundation;
  const mailing = await findMailing(db, 'everybody', id);
  if (!mailing) return complain(t('cli.send.gone', { id }));
  if (mailing.status === 'finished') return complain(t('cli.send.finished', { id }));
  if (mailing.disabledAt) return complain(t('cli.send.disabled', { id }));
  if (await isBlocked(db, mailing.ownerId)) return complain(t('cli.send.blocked', { id }));
  const started = await startMailing(db, TERMINAL, mailing.ownerId, id, systemClock.now());
  if (!started.ok) return complain(t(`cli.send.${started.fault}`, { id }));
  console.log(t('cli.send.started', { id, subject: mailing.subject }));
  return watchSending(foundation, t, id, mailing.ownerId);
}

async function watchSending(foundation: Foundation, t: Translate, id: number, ownerId: number): Promise<number> {
  const { config, db, log, secret } = foundation;
  const inbox = config.smtpUrl === undefined ? await startInboxServer({ db, log }) : undefined;
  const smtpUrl = config.smtpUrl ?? inbox?.url ?? '';
  const { mailFrom, retryMinutes, redisUrl } = config;
  const worker = await startWorker({ db, clock: systemClock, log, secret, redisUrl, smtpUrl, mailFrom, retryMinutes });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
  try {
    return await showProgress(foundation, t, { id, ownerId }, interrupted.signal);
  } finally {
    await worker.stop();
    await inbox?.stop();
  }
}

async function showProgress(
  { db }: Foundation,
  t: Translate,
  { id, ownerId }: { id: number; ownerId: number },
  interrupted: AbortSignal,
): Promise<number> {
  for (;;) {
    const [mailing, counters] = await Promise.all([findMailing(db, 'everybody', id), readCounters(db, ownerId, [id])]);
    const books = counters.get(id);
    show(books ? describeProgress(t, books) : t('cli.send.preparing'));
    if (mailing?.status === 'finished' && books) return conclude(t('cli.send.result', { ...books }), 0);
    if (!mailing) return conclude(t('cli.send.gone', { id }), 1);
    if (mailing.disabledAt) return conclude(t('cli.send.disabled', { id }), 1);
    if (await isBlocked(db, ownerId)) return conclude(t('cli.send.blocked', { id }), 1);
    if (mailing.pauseReason !== null) return conclude(t('cli.send.refused', { id, reply: mailing.pauseReason }), 1);
    if (mailing.pausedAt) return conclude(t('cli.send.paused', { id }), 1);
    if (interrupted.aborted) return conclude(t('cli.send.left'), 130);
    await delay(LOOK_EVERY_MS, undefined, { signal: interrupted }).catch(() => {});
  }
}

async function isBlocked(db: Database, ownerId: number): Promise<boolean> {
  return (await findUserById(db, ownerId))?.blocked ?? false;
}

function describeProgress(t: Translate, { audience, waiting }: Counters): string {
  const done = audience - waiting;
  const share = audience === 0 ? 1 : done / audience;
  const full = Math.floor(share * BAR_WIDTH);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  return t('cli.send.progress', { bar, percent: Math.floor(share * 100), done, audience });
}

let shown = '';

/** One line that is written over on a terminal; elsewhere a line for each change. */
function show(line: string): void {
  if (line === shown) return;
  shown = line;
  process.stdout.write(process.stdout.isTTY ? `\r\u001B[2K${line}` : `${line}\n`);
}

function conclude(line: string, code: number): number {
  process.stdout.write(process.stdout.isTTY ? `\n${line}\n` : `${line}\n`);
  return code;
}

function complain(text: string): number {
  console.error(text);
  return 1;
}
