// pure
import type { AttemptOutcome, DeliveryState } from '../lib/schema-delivery.js';

/** The books of one mailing. `waiting` holds what is not settled yet, being sent included. */
export interface Counters {
  audience: number;
  waiting: number;
  accepted: number;
  rejected: number;
  inDoubt: number;
  /** Those in doubt that their owner has decided to leave so. */
  inDoubtLeft: number;
  suppressed: number;
  expired: number;
  cancelled: number;
  attemptsAccepted: number;
  attemptsDeferred: number;
  attemptsRejected: number;
  attemptsInDoubt: number;
}

export interface Delivery {
  id: number;
  address: string;
  name: string;
  state: DeliveryState;
  attemptCount: number;
  /** Meaningful while waiting. */
  nextTryAt: Date;
  /** Its owner has decided to leave it in doubt. */
  leftInDoubt: boolean;
  recipientId: number | null;
}

export interface Attempt {
  id: number;
  deliveryId: number;
  address: string;
  startedAt: Date;
  durationMs: number;
  outcome: AttemptOutcome;
  relay: string;
  /** Where in the SMTP dialogue it ended. */
  stage: string;
  replyCode: number | null;
  enhancedCode: string | null;
  /** All lines of the server's reply, or what happened instead of one. */
  reply: string;
}

/** How the sending came to its end after a disabling or a block. */
export interface Halt {
  /** Nothing is being sent any more. */
  done: boolean;
  /** From the press to the end of the last attempt; 0 where none ended after it, null where attempts of that time are not kept any more. */
  seconds: number | null;
  /** Letters that have left: accepted, or in doubt. */
  left: number;
}

/** Why no letter leaves at present, and when the mail server is tried again. */
export interface RelayFault {
  fault: string;
  pausedUntil: Date;
}

export const DELIVERY_STATES = [
  'waiting',
  'sending',
  'accepted',
  'rejected',
  'in_doubt',
  'suppressed',
  'expired',
  'cancelled',
] as const satisfies DeliveryState[];

export const DELIVERY_SORTS = ['address'] as const;

/** audience = accepted + rejected + in doubt + suppressed + expired + cancelled + waiting; the database holds the same as a constraint. */
export function isBalanced(counters: Counters): boolean {
  const { audience, waiting, accepted, rejected, inDoubt, suppressed, expired, cancelled } = counters;
  return audience === accepted + rejected + inDoubt + suppressed + expired + cancelled + waiting;
}
