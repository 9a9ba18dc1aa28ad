import { readCounters, sumCounters } from '../delivery/delivery-store.js';
import type { Counters } from '../delivery/delivery.js';
import type { Database } from '../lib/database.js';
import type { MailingStatus } from '../lib/schema.js';
import { listMailings } from '../mailings/mailing-store.js';
import type { Mailing } from '../mailings/mailing.js';
import { hasStartedOwnMailing } from '../mailings/sample-mailing-store.js';
import { countMessages } from '../messages/message-store.js';
import { countRecipients } from '../recipients/recipient-store.js';
import { countSampleData, isAny } from './sample-data.js';

/** What the start page tells. */
export interface Start {
  /** True until the owner has started a mailing of their own. */
  isNewcomer: boolean;
  hasSampleData: boolean;
  hasMessages: boolean;
  recipientCount: number;
  running: MailingWithCounters[];
  next: Mailing[];
  finished: MailingWithCounters[];
  totals: Counters;
}

export interface MailingWithCounters {
  mailing: Mailing;
  /** Absent until the audience is frozen. */
  counters: Counters | undefined;
}

const SHOWN = 5;

export async function readStart(db: Database, ownerId: number): Promise<Start> {
  const [hasStarted, samples, messageCount, recipientCount, running, next, finished, totals] = await Promise.all([
    hasStartedOwnMailing(db, ownerId),
    countSampleData(db, ownerId),
    countMessages(db, ownerId, '', 1),
    countRecipients(db, ownerId),
    readRunning(db, ownerId),
    listByStart(db, ownerId, 'created', false),
    listByStart(db, ownerId, 'finished', true),
    sumCounters(db, ownerId),
  ]);
  return {
    isNewcomer: !hasStarted,
    hasSampleData: isAny(samples),
    hasMessages: messageCount > 0,
    recipientCount,
    running,
    next,
    finished: await withCounters(db, ownerId, finished),
    totals,
  };
}

/** The mailings that run now, the newest first. */
export async function readRunning(db: Database, ownerId: number): Promise<MailingWithCounters[]> {
  return withCounters(db, ownerId, await listByStart(db, ownerId, 'running', true));
}

async function listByStart(
  db: Database,
  ownerId: number,
  status: MailingStatus,
  descending: boolean,
): Promise<Mailing[]> {
  const { rows } = await listMailings(db, ownerId, { search: '', sort: 'start', descending, cursor: null }, status);
  return rows.slice(0, SHOWN);
}

async function withCounters(db: Database, ownerId: number, mailings: Mailing[]): Promise<MailingWithCounters[]> {
  const ids = mailings.map(({ id }) => id);
  const counters = await readCounters(db, ownerId, ids);
  return mailings.map((mailing) => ({ mailing, counters: counters.get(mailing.id) }));
}
