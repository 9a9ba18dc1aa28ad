/** The tables as Kysely sees them; migrations/ is the truth, and `schema.sql` shows its sum. */
import type { Generated, GeneratedAlways, JSONColumnType } from 'kysely';

import type {
  AuditEntriesTable,
  CredentialsTable,
  InstallationSettingsTable,
  InvitationsTable,
  OneTimeLinksTable,
  SessionsTable,
  TwoFactorsTable,
  UsersTable,
  VerificationsTable,
} from './schema-accounts.js';
import type { DefaultInstant, Instant } from './schema-columns.js';
import type { TlsMode } from './smtp/smtp-url.js';

/** What a process does. */
export type NodeRole = 'web' | 'worker';
export type MailingStatus = 'created' | 'running' | 'finished';
export type MailingAudience = 'all' | 'chosen';
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
export type RelayAuth = 'none' | 'password' | 'xoauth2';
/** A second, a minute, an hour, a day. */
export type LimitSeconds = 1 | 60 | 3600 | 86_400;

interface RecipientsTable {
  id: GeneratedAlways<number>;
  owner_id: number;
  email: string;
  name: Generated<string>;
  comment: Generated<string>;
  attributes: JSONColumnType<Attributes, string | undefined, string>;
  is_sample: Generated<boolean>;
  version: Generated<number>;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
  search_text: GeneratedAlways<string>;
}

interface RecipientTotalsTable {
  owner_id: number;
  total: number;
}

interface MessagesTable {
  id: GeneratedAlways<number>;
  owner_id: number;
  subject: string;
  body: string;
  is_sample: Generated<boolean>;
  version: Generated<number>;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
  search_text: GeneratedAlways<string>;
}

interface MailingsTable {
  id: GeneratedAlways<number>;
  owner_id: number;
  message_id: number | null;
  status: Generated<MailingStatus>;
  audience: MailingAudience;
  first_sending_at: Instant;
  ends_at: Instant;
  started_at: Instant | null;
  frozen_up_to: Generated<number>;
  frozen_through: number | null;
  frozen_at: Instant | null;
  finished_at: Instant | null;
  start_fault: 'no_recipients' | 'window_over' | null;
  paused_at: Instant | null;
  pause_reason: string | null;
  continued_at: Instant | null;
  stopped_at: Instant | null;
  disabled_at: Instant | null;
  disabled_by: number | null;
  disabled_reason: string | null;
  letters_limit: number | null;
  limit_seconds: LimitSeconds | null;
  is_sample: Generated<boolean>;
  version: Generated<number>;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

interface MailingRecipientsTable {
  mailing_id: number;
  recipient_id: number;
  owner_id: number;
}

interface MailingContentsTable {
  mailing_id: number;
  subject: string;
  body: string;
}

interface DeliveriesTable {
  id: GeneratedAlways<number>;
  mailing_id: number;
  recipient_id: number | null;
  next_try_at: Instant;
  attempt_count: Generated<number>;
  deferral_count: Generated<number>;
  left_in_doubt: Generated<boolean>;
  state: Generated<DeliveryState>;
  address: string;
  name: string;
  attributes: JSONColumnType<Attributes, string, string>;
}

interface AttemptsTable {
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
interface AttemptTotalsTable {
  mailing_id: number;
  at: Instant;
  accepted: number;
  deferred: number;
  rejected: number;
  in_doubt: number;
}

interface RefusalsTable {
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

interface MailingSummariesTable {
  mailing_id: number;
  finished_at: Instant;
  starts_at: Instant;
  stretch_seconds: number;
  tries: number[];
  accepted: number[];
}

interface MailingDomainsTable {
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

interface DataVersionsTable {
  owner_id: number;
  version: Generated<number>;
}

interface LeasesTable {
  id: string;
  mailing_id: number;
  node: string;
  expires_at: Instant;
  delivery_ids: number[];
}

interface QueueTable {
  id: GeneratedAlways<number>;
  mailing_id: number;
  due_at: Instant;
  delivery_ids: number[];
}

interface DeliveryMarksTable {
  delivery_id: number;
  mailing_id: number;
  state: DeliveryState;
}

interface MailingCountersTable {
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

interface RelaysTable {
  id: GeneratedAlways<number>;
  name: string;
  host: string;
  port: number;
  tls: TlsMode;
  verify_certificate: Generated<boolean>;
  auth: Generated<RelayAuth>;
  user_name: string | null;
  sealed_secret: string | null;
  weight: Generated<number>;
  connections: Generated<number>;
  letters_limit: number | null;
  limit_seconds: LimitSeconds | null;
  is_enabled: Generated<boolean>;
  version: Generated<number>;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

interface RelayStatesTable {
  key: string;
  paused_until: Instant | null;
  fault: string | null;
  fault_count: Generated<number>;
  failing_since: Instant | null;
  alerted_at: Instant | null;
  updated_at: DefaultInstant;
}

interface SlowingsTable {
  key: string;
  letters_per_minute: number;
  since: DefaultInstant;
}

interface DomainLimitsTable {
  domain: string;
  letters_limit: number;
  limit_seconds: LimitSeconds;
  updated_at: DefaultInstant;
}

interface RatesTable {
  key: string;
  next_at: Instant;
  granted: number;
}

interface NodesTable {
  name: string;
  roles: NodeRole[];
  version: string;
  secret_digest: string;
  started_at: DefaultInstant;
  seen_at: DefaultInstant;
  activity: JSONColumnType<Record<string, unknown>, string | undefined, string>;
}

interface InboxLettersTable {
  id: GeneratedAlways<number>;
  received_at: DefaultInstant;
  sender: string;
  recipients: string[];
  subject: string;
  purpose: string | null;
  source: Buffer;
  search_text: string;
}

export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  credentials: CredentialsTable;
  verifications: VerificationsTable;
  two_factors: TwoFactorsTable;
  one_time_links: OneTimeLinksTable;
  invitations: InvitationsTable;
  installation_settings: InstallationSettingsTable;
  audit_entries: AuditEntriesTable;
  recipients: RecipientsTable;
  recipient_totals: RecipientTotalsTable;
  messages: MessagesTable;
  mailings: MailingsTable;
  mailing_recipients: MailingRecipientsTable;
  mailing_contents: MailingContentsTable;
  deliveries: DeliveriesTable;
  attempts: AttemptsTable;
  attempt_totals: AttemptTotalsTable;
  refusals: RefusalsTable;
  mailing_summaries: MailingSummariesTable;
  mailing_domains: MailingDomainsTable;
  data_versions: DataVersionsTable;
  delivery_marks: DeliveryMarksTable;
  queue: QueueTable;
  leases: LeasesTable;
  mailing_counters: MailingCountersTable;
  relays: RelaysTable;
  relay_states: RelayStatesTable;
  slowings: SlowingsTable;
  domain_limits: DomainLimitsTable;
  rates: RatesTable;
  nodes: NodesTable;
  inbox_letters: InboxLettersTable;
}
