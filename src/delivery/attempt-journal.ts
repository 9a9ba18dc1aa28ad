// pure
/** What the journal of attempts can be narrowed to. */
import type { Page } from '../lib/list.js';
import type { Owners } from '../lib/owners.js';
import type { AttemptOutcome } from '../lib/schema-delivery.js';
import type { Attempt } from './delivery.js';

export const OUTCOME_FILTERS = ['accepted', 'unsuccessful', 'deferred', 'rejected', 'in_doubt'] as const;
export type OutcomeFilter = (typeof OUTCOME_FILTERS)[number];

export const ATTEMPT_SORTS = ['time'] as const;

/** Whose attempts, and of which of their mailings; null: of all. */
export interface AttemptScope {
  owners: Owners;
  mailingId: number | null;
}

/** Texts are lower-cased; null and an empty text ask for all. */
export interface AttemptFilter {
  outcome: OutcomeFilter | null;
  /** The beginning of the address (a whole one included), or all of a domain. */
  address: { kind: 'beginning' | 'domain'; text: string } | null;
  /** A part of the reply. */
  reply: string;
  code: { kind: 'reply'; code: number } | { kind: 'enhanced'; code: string } | null;
  /** A part of the relay's name. */
  relay: string;
  /** From the first instant on, and before the last. */
  from: Date | null;
  until: Date | null;
}

export const NO_FILTER: AttemptFilter = {
  outcome: null,
  address: null,
  reply: '',
  code: null,
  relay: '',
  from: null,
  until: null,
};

/** An attempt in the journal. */
export interface JournalAttempt extends Attempt {
  mailingId: number;
  ownerId: number;
  tls: string | null;
}

export interface JournalPage {
  page: Page<JournalAttempt>;
  /** How far the search got that was broken off; null: it came to its end, or the page is full. */
  brokenOffAt: Date | null;
}

/** Whether nothing but the outcome is asked for: the books have the number then. */
export function asksForOutcomeAlone({ address, reply, code, relay, from, until }: AttemptFilter): boolean {
  return address === null && reply === '' && code === null && relay === '' && from === null && until === null;
}

/** The outcomes that can match. A code of the classes 4 and 5 is a refusal (RFC 5321, section 4.2.1; RFC 3463, section 2). */
export function outcomesOf({ outcome, code }: AttemptFilter): AttemptOutcome[] {
  const isRefusal = code !== null && (code.kind === 'reply' ? code.code >= 400 : /^[45]/.test(code.code));
  const asked = listOutcomes(outcome);
  return isRefusal ? asked.filter((name) => name !== 'accepted') : asked;
}

function listOutcomes(outcome: OutcomeFilter | null): AttemptOutcome[] {
  if (outcome === null) return ['accepted', ...UNSUCCESSFUL];
  return outcome === 'unsuccessful' ? UNSUCCESSFUL : [outcome];
}

const UNSUCCESSFUL: AttemptOutcome[] = ['deferred', 'rejected', 'in_doubt'];
