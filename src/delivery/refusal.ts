// pure
import type { AttemptOutcome } from '../lib/schema-delivery.js';

/** What was not accepted, by where in the dialogue and what was said, over all domains. */
export interface Refusal {
  outcome: Exclude<AttemptOutcome, 'accepted'>;
  stage: string;
  /** Null where no reply came. */
  replyCode: number | null;
  enhancedCode: string | null;
  /** The latest one in full, without its code; or what happened instead. */
  reply: string;
  attempts: number;
  domains: number;
  lastAt: Date;
}

/** The same by the recipient's domain. */
export interface RefusingDomain {
  domain: string;
  deferred: number;
  rejected: number;
  inDoubt: number;
  attempts: number;
}

export interface Refusals {
  /** Those with the most attempts first. */
  replies: Refusal[];
  domains: RefusingDomain[];
  /** How many there are altogether. */
  replyCount: number;
  domainCount: number;
}

export const NO_REFUSALS: Refusals = { replies: [], domains: [], replyCount: 0, domainCount: 0 };
