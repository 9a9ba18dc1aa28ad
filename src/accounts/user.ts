// pure
import type { Role } from '../lib/schema-accounts.js';

/** From the least to the most. */
export const ROLES = ['user', 'manager', 'administrator'] as const satisfies readonly Role[];

export const USER_STATES = ['active', 'unconfirmed', 'blocked'] as const;
/** `leaving`: its owner asked for the deletion of everything, and a job is at it. */
export type UserState = (typeof USER_STATES)[number] | 'leaving';

export const USER_SORTS = ['email', 'name', 'created', 'seen'] as const;
export type UserSort = (typeof USER_SORTS)[number];

export interface UserFilter {
  role: Role | null;
  state: (typeof USER_STATES)[number] | null;
}

/** A user as managers see them in the list. */
export interface ListedUser {
  id: number;
  email: string;
  name: string;
  role: Role;
  isConfirmed: boolean;
  blocked: boolean;
  isLeaving: boolean;
  createdAt: Date;
  lastSeenAt: Date | null;
}

export interface UserDetails extends ListedUser {
  hasSecondFactor: boolean;
  /** Sessions that have not ended. */
  sessionCount: number;
  blockedAt: Date | null;
  blockedReason: string | null;
  /** Null when that user is gone, or when nobody is blocked. */
  blockedBy: { id: number; name: string; email: string } | null;
}

export function describeUser({
  blocked,
  isConfirmed,
  isLeaving,
}: Pick<ListedUser, 'blocked' | 'isConfirmed' | 'isLeaving'>): UserState {
  if (isLeaving) return 'leaving';
  if (blocked) return 'blocked';
  return isConfirmed ? 'active' : 'unconfirmed';
}
