/** The tables of who may do what, and of who did what. */
import type { Generated, GeneratedAlways, JSONColumnType } from 'kysely';

import type { DefaultInstant, Instant } from './schema-columns.js';

export type Role = 'user' | 'manager' | 'administrator';
export type LinkPurpose = 'confirmation' | 'recovery' | 'email_change' | 'email_return' | 'invitation';
export type Registration = 'open' | 'invitation' | 'closed';

export interface UsersTable {
  id: Generated<number>;
  email: string;
  email_verified: Generated<boolean>;
  name: string;
  image: string | null;
  role: Generated<Role>;
  blocked: Generated<boolean>;
  blocked_reason: string | null;
  blocked_at: Instant | null;
  blocked_by: number | null;
  last_seen_at: Instant | null;
  two_factor_enabled: Generated<boolean>;
  deletion_requested_at: Instant | null;
  locale: 'ru' | 'en' | null;
  time_zone: Generated<string>;
  theme: Generated<'auto' | 'light' | 'dark'>;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

export interface SessionsTable {
  id: Generated<number>;
  user_id: number;
  token: string;
  expires_at: Instant;
  ip_address: string | null;
  user_agent: string | null;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

export interface CredentialsTable {
  id: Generated<number>;
  user_id: number;
  account_id: string;
  provider_id: string;
  password: string | null;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

export interface VerificationsTable {
  id: Generated<number>;
  identifier: string;
  value: string;
  expires_at: Instant;
  created_at: DefaultInstant;
  updated_at: DefaultInstant;
}

export interface TwoFactorsTable {
  id: Generated<number>;
  user_id: number;
  secret: string;
  backup_codes: string;
  verified: Generated<boolean>;
  failed_verification_count: Generated<number>;
  locked_until: Instant | null;
}

export interface OneTimeLinksTable {
  id: GeneratedAlways<number>;
  purpose: LinkPurpose;
  token_hash: Buffer;
  user_id: number | null;
  email: string;
  created_at: DefaultInstant;
  expires_at: Instant;
  used_at: Instant | null;
}

export interface InvitationsTable {
  id: GeneratedAlways<number>;
  email: string;
  role: Role;
  locale: 'ru' | 'en';
  link_id: number | null;
  invited_by: number | null;
  created_at: DefaultInstant;
  accepted_at: Instant | null;
  revoked_at: Instant | null;
}

export interface InstallationSettingsTable {
  only_row: Generated<boolean>;
  registration: Generated<Registration>;
  /** Whole months; null: for ever. */
  attempts_months: number | null;
  /** Older ones were removed. */
  attempts_kept_from: Instant | null;
  updated_at: DefaultInstant;
}

export interface AuditEntriesTable {
  id: GeneratedAlways<number>;
  at: DefaultInstant;
  action: string;
  actor_id: number | null;
  actor: string;
  owner_id: number | null;
  subject_type: string | null;
  subject_id: number | null;
  subject: string | null;
  reason: string | null;
  details: JSONColumnType<Record<string, string | number | boolean | null>, string | undefined, string>;
  address: Generated<string>;
  user_agent: Generated<string>;
  search_text: GeneratedAlways<string>;
}
