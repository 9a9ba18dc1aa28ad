// pure
import type { AttemptSums } from '../delivery/attempt-totals-store.js';
import type { MailingStatus } from '../lib/schema.js';
import type { AttentionRow } from '../mailings/mailing-overview-store.js';

/** What happened in a range and in the one before it; plain JSON, as the cache keeps it. */
export interface Figures {
  /** By the bars of the chart. */
  series: AttemptSums[];
  attempts: Compared<AttemptSums>;
  /** Those that started then. */
  started: Compared<number>;
  /** Those of today that were added then. */
  added: Compared<number>;
  /** Now. */
  recipients: number;
  mailings: Record<MailingStatus, number>;
}

export interface Compared<T> {
  now: T;
  before: T;
}

/** How a figure stands to the one before. */
export type Difference =
  | { kind: 'same' }
  /** Of what was not there before, the number itself. */
  | { kind: 'more' | 'less'; by: { unit: 'percent' | 'times' | 'number'; value: number } };

const MANY_TIMES = 3;

/** In per cent as far as they say something: not from nothing, and from three times as many on in times. */
export function findDifference({ now, before }: Compared<number>): Difference {
  if (now === before) return { kind: 'same' };
  const kind = now > before ? 'more' : 'less';
  if (before === 0) return { kind, by: { unit: 'number', value: now } };
  if (now / before >= MANY_TIMES) return { kind, by: { unit: 'times', value: Math.round(now / before) } };
  const percent = Math.round((Math.abs(now - before) / before) * 100);
  // One more among a million is not 0 %, and one that is left of a million is not 100 % less.
  const value = Math.max(1, kind === 'less' && now > 0 ? Math.min(99, percent) : percent);
  return { kind, by: { unit: 'percent', value } };
}

export function sumUnsuccessful({ deferred, rejected, inDoubt }: AttemptSums): number {
  return deferred + rejected + inDoubt;
}

export function addSums(sums: AttemptSums[]): AttemptSums {
  const total = { accepted: 0, deferred: 0, rejected: 0, inDoubt: 0 };
  for (const { accepted, deferred, rejected, inDoubt } of sums) {
    total.accepted += accepted;
    total.deferred += deferred;
    total.rejected += rejected;
    total.inDoubt += inDoubt;
  }
  return total;
}

export interface Attention {
  mailings: AttentiveMailing[];
  /** More than are shown. */
  hasMore: boolean;
}

/** Plain JSON: times as text. */
export type AttentiveMailing = Omit<AttentionRow, 'endsAt'> & { endsAt: string };
