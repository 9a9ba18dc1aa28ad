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
import type {
  AttemptTotalsTable,
  Attributes,
  AttemptsTable,
  DeliveriesTable,
  DeliveryMarksTable,
  LeasesTable,
  MailingCountersTable,
  MailingDomainsTable,
  MailingSummariesTable,
  QueueTable,
  RatesTable,
  RefusalsTable,
  RelayStatesTable,
  SlowingsTable,
} from './schema-delivery.js';
import type { TlsMode } from './smtp/smtp-url.js';

/** What a process does. */
export type NodeRole = 'web' | 'worker';
export type MailingStatus = 'created' | 'running' | 'finished';
export type MailingAudience = 'all' | 'chosen';
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

interface DataVersionsTable {
  owner_id: number;
  version: Generated<number>;
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

interface DomainLimitsTable {
  domain: string;
  letters_limit: number;
  limit_seconds: LimitSeconds;
  updated_at: DefaultInstant;
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
