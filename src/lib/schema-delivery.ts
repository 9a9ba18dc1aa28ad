/** The tables of the ledger, for schema.ts. */
import type { Generated, GeneratedAlways, JSONColumnType } from 'kysely';

import type { Instant, DefaultInstant } from './schema-columns.js';

export type DeliveryState =
  | 'waiting'
  | 'sending'
  | 'accepted'
  | 'rejected'
  | 'in_doubt'
  | 'suppressed'
  | 'expired'
  | 'cancelled';
export type AttemptOutcome = 'accepted' | 'deferred' | 'rejected' | 'in_doubt';
export type Attributes = Record<string, string>;

export interface DeliveriesTable {
  id: GeneratedAlways<number>;
  mailing_id: number;
  recipient_id: number | null;
  next_try_at: Instant;
  attempt_count: Generated<number>;
  deferral_count: Generated<number>;
  hang_up_count: Generated<number>;
  left_in_doubt: Generated<boolean>;
  state: Generated<DeliveryState>;
  address: string;
  name: string;
  attributes: JSONColumnType<Attributes, string, string>;
}

export interface AttemptsTable {
  id: GeneratedAlways<number>;
  delivery_id: number;
  mailing_id: number;
  started_at: Instant;
  duration_ms: number;
  outcome: AttemptOutcome;
  reply_code: number | null;
  address: string;
  relay: string;
  stage: string;
  enhanced_code: string | null;
  reply: string;
  /** `TLSv1.3` and the like; null where the connection was not encrypted. */
  tls: string | null;
}

/** By mailing and quarter of an hour, in which the attempts began. */
export interface AttemptTotalsTable {
  mailing_id: number;
  at: Instant;
  accepted: number;
  deferred: number;
  rejected: number;
  in_doubt: number;
}

export interface RefusalsTable {
  mailing_id: number;
  domain: string;
  outcome: AttemptOutcome;
  stage: string;
  /** 0 and '': none was given. */
  reply_code: number;
  enhanced_code: string;
  attempts: number;
  last_at: Instant;
  reply: string;
}

export interface MailingSummariesTable {
  mailing_id: number;
  finished_at: Instant;
  starts_at: Instant;
  stretch_seconds: number;
  tries: number[];
  accepted: number[];
  first_at: Instant | null;
  last_at: Instant | null;
  relays: JSONColumnType<{ relay: string; tries: number; accepted: number }[], string, string>;
}

export interface MailingDomainsTable {
  mailing_id: number;
  domain: string;
  audience: number;
  accepted: number;
  rejected: number;
  in_doubt: number;
  suppressed: number;
  expired: number;
  cancelled: number;
}

export interface LeasesTable {
  id: string;
  mailing_id: number;
  node: string;
  expires_at: Instant;
  delivery_ids: number[];
}

export interface QueueTable {
  id: GeneratedAlways<number>;
  mailing_id: number;
  due_at: Instant;
  delivery_ids: number[];
}

export interface DeliveryMarksTable {
  delivery_id: number;
  mailing_id: number;
  state: DeliveryState;
}

export interface MailingCountersTable {
  mailing_id: number;
  audience: number;
  waiting: Generated<number>;
  accepted: Generated<number>;
  rejected: Generated<number>;
  in_doubt: Generated<number>;
  in_doubt_left: Generated<number>;
  suppressed: Generated<number>;
  expired: Generated<number>;
  cancelled: Generated<number>;
  attempts_accepted: Generated<number>;
  attempts_deferred: Generated<number>;
  attempts_rejected: Generated<number>;
  attempts_in_doubt: Generated<number>;
}

export interface RelayStatesTable {
  key: string;
  paused_until: Instant | null;
  fault: string | null;
  fault_count: Generated<number>;
  failing_since: Instant | null;
  alerted_at: Instant | null;
  updated_at: DefaultInstant;
}

export interface SlowingsTable {
  key: string;
  letters_per_minute: number;
  since: DefaultInstant;
}

export interface RatesTable {
  key: string;
  next_at: Instant;
  granted: number;
}
