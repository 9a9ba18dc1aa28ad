import { readCounters } from '../delivery/delivery-store.js';
import type { Counters } from '../delivery/delivery.js';
import { listMailingDomains, readSummaries } from '../delivery/mailing-summary-store.js';
import type { MailingSummary } from '../delivery/mailing-summary.js';
import { readRefusals } from '../delivery/refusal-store.js';
import type { Refusal } from '../delivery/refusal.js';
import type { Database } from '../lib/database.js';
import type { Owners } from '../lib/owners.js';
import type { ReportFigures } from './report.js';

const MOST_REPLIES = 10;

/** Null for a mailing that is not finished (any more). */
export async function readReport(db: Database, ownerId: number, mailingId: number): Promise<ReportFigures | null> {
  const [summaries, counters] = await Promise.all([
    readSummaries(db, ownerId, [mailingId]),
    readCounters(db, ownerId, [mailingId]),
  ]);
  const [summary, books] = [summaries.get(mailingId), counters.get(mailingId)];
  if (!summary || !books) return null;
  const [domains, { replies, replyCount }] = await Promise.all([
    listMailingDomains(db, ownerId, mailingId),
    readRefusals(db, ownerId, mailingId, MOST_REPLIES),
  ]);
  return { summary, counters: books, domains, replies: replies.map(toJson), replyCount };
}

function toJson({ lastAt, ...reply }: Refusal): ReportFigures['replies'][number] {
  return { ...reply, lastAt: lastAt.toISOString() };
}

export interface ComparedFigures {
  id: number;
  /** Absent until the audience is frozen. */
  counters?: Counters | undefined;
  /** Absent until it is finished. */
  summary?: MailingSummary | undefined;
}

/** In the order of the ids. */
export async function readCompared(db: Database, owners: Owners, ids: number[]): Promise<ComparedFigures[]> {
  const [counters, summaries] = await Promise.all([readCounters(db, owners, ids), readSummaries(db, owners, ids)]);
  return ids.map((id) => ({ id, counters: counters.get(id), summary: summaries.get(id) }));
}
