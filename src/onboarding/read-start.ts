import { readCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import type { MailingStatus } from '../lib/schema.js';
import { listMailings } from '../mailings/mailing-store.js';
import type { Mailing } from '../mailings/mailing.js';
import { countSampleMailings, hasStartedOwnMailing } from '../mailings/sample-mailing-store.js';
import { countRecipients } from '../recipients/recipient-store.js';
import { countSampleRecipients } from '../recipients/sample-recipient-store.js';
import type { Attention } from '../statistics/figures.js';
import { readAttention } from '../statistics/read-figures.js';
import { showMailing, type ShownMailing } from '../statistics/shown-mailing.js';

/** What the start page lists; plain JSON, as the cache keeps it. Of messages only what mailings are called: else they raise no data version. */
export interface Start {
  /** True until the owner has started a mailing of their own. */
  isNewcomer: boolean;
  recipientCount: number;
  /** Recipients or mailings among the sample data. */
  hasSamples: boolean;
  attention: Attention;
  running: ShownMailing[];
  next: ShownMailing[];
  finished: ShownMailing[];
}

const SHOWN = 5;

export async function readStart(db: Database, ownerId: number): Promise<Start> {
  const [hasStarted, recipientCount, sampleRecipients, sampleMailings, attention, running, next, finished] =
    await Promise.all([
      hasStartedOwnMailing(db, ownerId),
      countRecipients(db, ownerId),
      countSampleRecipients(db, ownerId),
      countSampleMailings(db, ownerId),
      readAttention(db, ownerId),
      readRunning(db, ownerId),
      listByStart(db, ownerId, 'created', false),
      listByStart(db, ownerId, 'finished', true),
    ]);
  return {
    isNewcomer: !hasStarted,
    recipientCount,
    hasSamples: sampleRecipients + sampleMailings > 0,
    attention,
    running,
    next: next.map((mailing) => showMailing(mailing, undefined)),
    finished: await withCounters(db, ownerId, finished),
  };
}

/** The mailings that run now, the newest first. */
export async function readRunning(db: Database, ownerId: number): Promise<ShownMailing[]> {
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

async function withCounters(db: Database, ownerId: number, mailings: Mailing[]): Promise<ShownMailing[]> {
  const ids = mailings.map(({ id }) => id);
  const counters = await readCounters(db, ownerId, ids);
  return mailings.map((mailing) => showMailing(mailing, counters.get(mailing.id)));
}
