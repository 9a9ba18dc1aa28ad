import { createHash, randomBytes } from 'node:crypto';

import type { LinkPurpose } from '../lib/schema-accounts.js';

/*
 * Links in letters that allow one thing once. The letter holds a random token; the database holds its hash, so that who reads the
 * database can follow none. A link is used in the transaction of what it allows: a crash leaves both undone, and of two at once one
 * wins. Opening a page uses none up, because mail scanners follow links too; only the confirmation of an address is done by that
 * alone, and asking twice does no harm there.
 */

export const CONFIRMATION_HOURS = 24;
export const RECOVERY_MINUTES = 60;
const INVITATION_DAYS = 7;

const HOUR_SECONDS = 3600;

export const LIFETIME_SECONDS: Record<LinkPurpose, number> = {
  confirmation: CONFIRMATION_HOURS * HOUR_SECONDS,
  recovery: RECOVERY_MINUTES * 60,
  email_change: 24 * HOUR_SECONDS,
  email_return: 72 * HOUR_SECONDS,
  invitation: INVITATION_DAYS * 24 * HOUR_SECONDS,
};

export interface OneTimeLink {
  id: number;
  purpose: LinkPurpose;
  /** Null for an invitation. */
  userId: number | null;
  /** Where the letter went. */
  email: string;
}

/** `expired` also where a newer link of its kind replaced it; `unknown` where the token is incomplete or for something else. */
export type LinkAnswer = { state: 'valid' | 'used' | 'expired'; link: OneTimeLink } | { state: 'unknown' };

/** 256 bits, as 43 characters that a URL takes as they are. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** A plain hash is enough: nobody can guess 256 random bits. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
