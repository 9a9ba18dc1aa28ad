// pure
/** The rules of `npm run manage -- audit`: what a recount of the ledger must equal. */
import type { AttemptOutcome, DeliveryState } from '../lib/schema-delivery.js';
import type { MailingStatus } from '../lib/schema.js';

/** The states as the books have them: what is being sent counts as waiting. */
export const BOOKED_STATES = [
  'accepted',
  'rejected',
  'in_doubt',
  'suppressed',
  'expired',
  'cancelled',
  'waiting',
] as const satisfies DeliveryState[];
export type BookedState = (typeof BOOKED_STATES)[number];

const OUTCOMES = ['accepted', 'deferred', 'rejected', 'in_doubt'] as const satisfies AttemptOutcome[];

const REFUSALS = ['deferred', 'rejected', 'in_doubt'] as const satisfies AttemptOutcome[];
type Refusal = (typeof REFUSALS)[number];

export interface Books {
  audience: number;
  states: Record<BookedState, number>;
  inDoubtLeft: number;
  attempts: Record<AttemptOutcome, number>;
}

/** One mailing, as a single look at the database found it. */
export interface Recount {
  mailingId: number;
  subject: string;
  status: MailingStatus;
  isFrozen: boolean;
  /** None was removed by the setting of how long attempts are kept: what needs all of them can be checked. */
  hasAllAttempts: boolean;
  /** Absent before the audience is frozen. */
  books: Books | null;
  /** The same, counted from deliveries and attempts; `audience` is the number of deliveries. */
  counted: Books;
  /** What the totals by time, and those of refusals, sum up to; they outlive the attempts. */
  totals: Record<AttemptOutcome, number>;
  refusals: Record<Refusal, number>;
  /** Rows of these that are not what a count of the attempts says. */
  wrongTotals: number;
  wrongRefusals: number;
  /** Accepted deliveries that have not exactly one accepted attempt. */
  acceptedWithoutOne: number;
  /** Deliveries in other states that have an accepted attempt. */
  acceptedElsewhere: number;
  /** Deliveries whose own count of attempts is not the number of their attempts. */
  miscounted: number;
  /** Waiting deliveries that do not stand in exactly one place, a row of the queue or a lease: nobody will send them, or two will. */
  unqueued: number;
  /** Settled deliveries that stand in the queue or in a lease. */
  misplaced: number;
  /** Deliveries that are being sent under a lease that expired a while ago. */
  abandoned: number;
}

export type Imbalance =
  | { kind: 'noBooks' }
  | { kind: 'audience' | 'sum' | 'inDoubtLeft'; booked: number; counted: number }
  | { kind: 'state'; state: BookedState; booked: number; counted: number }
  | { kind: 'attempts' | 'totals' | 'refusals'; outcome: AttemptOutcome; booked: number; counted: number }
  | {
      kind:
        | 'acceptedWithoutOne'
        | 'acceptedElsewhere'
        | 'miscounted'
        | 'unqueued'
        | 'misplaced'
        | 'abandoned'
        | 'unfinished'
        | 'wrongTotals'
        | 'wrongRefusals';
      count: number;
    };

/** Empty where everything balances. */
export function findImbalances(recount: Recount): Imbalance[] {
  const { books, counted, isFrozen } = recount;
  if (books === null && (isFrozen || counted.audience > 0)) return [{ kind: 'noBooks' }];
  return books === null ? [] : [...compareBooks(recount, books), ...findStrays(recount)];
}

function compareBooks({ counted, totals, refusals, hasAllAttempts }: Recount, books: Books): Imbalance[] {
  const sum = BOOKED_STATES.reduce((total, state) => total + books.states[state], 0);
  const pairs: Imbalance[] = [
    { kind: 'audience', booked: books.audience, counted: counted.audience },
    { kind: 'sum', booked: books.audience, counted: sum },
    ...BOOKED_STATES.map((state) => ({
      kind: 'state' as const,
      state,
      booked: books.states[state],
      counted: counted.states[state],
    })),
    { kind: 'inDoubtLeft', booked: books.inDoubtLeft, counted: counted.inDoubtLeft },
    ...(hasAllAttempts ? compareOutcomes('attempts', OUTCOMES, books, counted.attempts) : []),
    ...compareOutcomes('totals', OUTCOMES, books, totals),
    ...compareOutcomes('refusals', REFUSALS, books, refusals),
  ];
  return pairs.filter((pair) => 'booked' in pair && pair.booked !== pair.counted);
}

function compareOutcomes<Name extends AttemptOutcome>(
  kind: 'attempts' | 'totals' | 'refusals',
  outcomes: readonly Name[],
  books: Books,
  counted: Record<Name, number>,
): Imbalance[] {
  return outcomes.map((outcome) => ({ kind, outcome, booked: books.attempts[outcome], counted: counted[outcome] }));
}

/** Where some attempts were removed, these tell nothing. */
const OF_ALL_ATTEMPTS = ['acceptedWithoutOne', 'miscounted', 'wrongTotals', 'wrongRefusals'] as const;
const STRAYS = ['acceptedElsewhere', 'unqueued', 'misplaced', 'abandoned'] as const;

function findStrays(recount: Recount): Imbalance[] {
  const unfinished = recount.status === 'finished' ? recount.counted.states.waiting : 0;
  const kinds = recount.hasAllAttempts ? [...OF_ALL_ATTEMPTS, ...STRAYS] : STRAYS;
  const strays: Imbalance[] = kinds
    .filter((kind) => recount[kind] > 0)
    .map((kind) => ({
      kind,
      count: recount[kind],
    }));
  return unfinished > 0 ? [...strays, { kind: 'unfinished', count: unfinished }] : strays;
}
