// pure

/** What is written down. The first word is what it is about, the second what happened to it. */
export const AUDIT_ACTIONS = [
  'session.started',
  'session.refused',
  'session.ended',
  'account.registered',
  'account.confirmed',
  'account.password_changed',
  'account.email_changed',
  'account.second_factor_enabled',
  'account.second_factor_disabled',
  'account.exported',
  'account.deleted',
  'user.created',
  'user.invited',
  'user.invitation_revoked',
  'user.role_changed',
  'user.blocked',
  'user.unblocked',
  'mailing.started',
  'mailing.paused',
  'mailing.continued',
  'mailing.stopped',
  'mailing.rate_changed',
  'mailing.sent_again',
  'mailing.left_in_doubt',
  'mailing.disabled',
  'mailing.enabled',
  'mailing.deleted',
  'message.deleted',
  'recipient.deleted',
  'settings.registration_changed',
  'settings.attempts_kept',
  'mail_server.tested',
  'relay.added',
  'relay.changed',
  'relay.switched_on',
  'relay.switched_off',
  'relay.deleted',
  'relay.tested',
  'domain_limit.saved',
  'domain_limit.removed',
  'audit.exported',
  'attempts.exported',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export type SubjectType = 'user' | 'mailing' | 'message' | 'recipient' | 'relay' | 'domain';

/** Who did it, and from where. */
export interface Actor {
  /** Null for the command line, for Vestnik itself, and for who is not signed in. */
  userId: number | null;
  /** The user's address; for the others a word: `terminal`, `vestnik`, or the address that was typed. */
  name: string;
  address: string;
  userAgent: string;
}

export interface AuditEntry {
  action: AuditAction;
  /** Whose thing it is. */
  ownerId?: number;
  /** What it was done to, by id and by a name that outlives it. */
  subject?: { type: SubjectType; id: number | null; name: string };
  reason?: string;
  /** Facts of this action, such as the old and the new role. */
  details?: AuditDetails;
}

export const AUDIT_DETAILS = ['count', 'from', 'to', 'because', 'role', 'changed'] as const;
export type AuditDetails = Partial<Record<(typeof AUDIT_DETAILS)[number], string | number>>;

/** An entry as it was written down. */
export interface WrittenEntry {
  id: number;
  at: Date;
  action: AuditAction;
  actor: string;
  subjectType: SubjectType | null;
  subjectId: number | null;
  subject: string | null;
  reason: string | null;
  details: AuditDetails;
  address: string;
  userAgent: string;
}

export const AUDIT_SORTS = ['at'] as const;
export type AuditSort = (typeof AUDIT_SORTS)[number];

/** Which entries are asked for; empty fields ask for all. */
export interface AuditFilter {
  search: string;
  action: AuditAction | null;
  /** From the first instant on, and before the last. */
  from: Date | null;
  until: Date | null;
}

/** Whoever has the terminal of the server. */
export const TERMINAL: Actor = { userId: null, name: 'terminal', address: '', userAgent: '' };

/** What happens by itself, as a mailing's start at its time. */
export const VESTNIK: Actor = { userId: null, name: 'vestnik', address: '', userAgent: '' };
