// pure
import type { Role } from '../lib/schema.js';

type Actor = { id: number; role: Role };

/** Whose thing it is; absent for what belongs to nobody, such as the list of users. */
interface Thing {
  ownerId?: number;
}

type Holder = 'owner' | 'manager' | 'administrator';

/** Who may do what. An administrator may what a manager may; nobody changes what belongs to somebody else. */
const RULES = {
  // Recipients, messages, mailings, attempts, statistics.
  'things.see': ['owner', 'manager'],
  'things.change': ['owner'],
  'things.delete': ['owner'],
  'mailings.send': ['owner'],
  'mailings.disable': ['manager'],
  'users.list': ['manager'],
  'users.block': ['manager'],
  'users.changeRole': ['administrator'],
  'mailServers.manage': ['administrator'],
  'inbox.read': ['administrator'],
} as const satisfies Record<string, readonly Holder[]>;

export type Action = keyof typeof RULES;

export function may(user: Actor | null, action: Action, thing: Thing = {}): boolean {
  if (!user) return false;
  const holders: readonly Holder[] = RULES[action];
  return holders.some((holder) => isHolder(user, holder, thing));
}

function isHolder(user: Actor, holder: Holder, { ownerId }: Thing): boolean {
  if (holder === 'owner') return ownerId === user.id;
  if (holder === 'manager') return user.role === 'manager' || user.role === 'administrator';
  return user.role === 'administrator';
}
