// pure
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';

export interface Invitation {
  id: number;
  email: string;
  role: Role;
  locale: Locale;
  createdAt: Date;
  /** The address of who invited; null when that user is gone. */
  invitedBy: string | null;
  /** Null where the link is gone. */
  linkId: number | null;
  expiresAt: Date | null;
  isExpired: boolean;
}
