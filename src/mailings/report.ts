// pure
import type { Counters } from '../delivery/delivery.js';
import type { MailingDomain, MailingSummary } from '../delivery/mailing-summary.js';
import { NO_REFUSALS, type Refusal, type Refusals } from '../delivery/refusal.js';

/** What a report shows of a finished mailing; plain JSON, so that it can be cached. */
export interface ReportFigures {
  counters: Counters;
  summary: MailingSummary;
  domains: MailingDomain[];
  /** The most frequent replies. */
  replies: (Omit<Refusal, 'lastAt'> & { lastAt: string })[];
  replyCount: number;
}

/** By reply alone: the domains have their own table. */
export function toRefusals({ replies, replyCount }: ReportFigures): Refusals {
  const dated = replies.map(({ lastAt, ...reply }) => ({ ...reply, lastAt: new Date(lastAt) }));
  return { ...NO_REFUSALS, replies: dated, replyCount };
}

export const DOMAIN_SORTS = ['audience', 'domain', 'accepted', 'refused'] as const;
export type DomainSort = (typeof DOMAIN_SORTS)[number];

export interface Pace {
  /** From the first letter to the end of the last one. */
  seconds: number;
  /** Letters accepted a second, on average. */
  average: number;
  /** The same in the best stretch; null where stretches are not shorter than all of it. */
  most: number | null;
}

/** Clocks tell less than this of nothing. */
const SHORTEST_SECONDS = 0.001;

/** Undefined where nothing was tried, or it is not known any more when. */
export function paceOf({ firstAt, lastAt, accepted, stretchSeconds }: MailingSummary): Pace | undefined {
  if (firstAt === null || lastAt === null) return undefined;
  const seconds = Math.max((Date.parse(lastAt) - Date.parse(firstAt)) / 1000, SHORTEST_SECONDS);
  const letters = accepted.reduce((sum, count) => sum + count, 0);
  const most = accepted.length > 1 ? Math.max(...accepted) / stretchSeconds : null;
  return { seconds, average: letters / seconds, most };
}

/** How many of the audience nothing was sent to. */
export function countUnsent(counts: Pick<Counters, 'suppressed' | 'expired' | 'cancelled'>): number {
  return counts.suppressed + counts.expired + counts.cancelled;
}

export function countAttempts(counters: Counters): number {
  const { attemptsAccepted, attemptsDeferred, attemptsRejected, attemptsInDoubt } = counters;
  return attemptsAccepted + attemptsDeferred + attemptsRejected + attemptsInDoubt;
}

/** Shares of the domain's own recipients; of equal ones the larger domain first, then by name. All others together stay last. */
export function sortDomains(domains: MailingDomain[], sort: DomainSort, descending: boolean): MailingDomain[] {
  const direction = descending ? -1 : 1;
  return domains.toSorted((a, b) => {
    if ((a.domain === '') !== (b.domain === '')) return a.domain === '' ? 1 : -1;
    return direction * compareDomains(a, b, sort) || b.audience - a.audience || compareTexts(a.domain, b.domain);
  });
}

function compareDomains(a: MailingDomain, b: MailingDomain, sort: DomainSort): number {
  switch (sort) {
    case 'audience':
      return a.audience - b.audience;
    case 'domain':
      return compareTexts(a.domain, b.domain);
    case 'accepted':
      return a.accepted / a.audience - b.accepted / b.audience;
    case 'refused':
      return a.rejected / a.audience - b.rejected / b.audience;
  }
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export const FEWEST_COMPARED = 2;
export const MOST_COMPARED = 10;
