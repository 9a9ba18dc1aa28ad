// pure
import type { Owners } from '../lib/owners.js';
import type { Role } from '../lib/schema-accounts.js';

interface Actor {
  id: number;
  role: Role;
}

/** What it is done to; empty for what belongs to nobody, such as the list of users. */
export interface Thing {
  /** Whose it is. */
  ownerId?: number;
  /** A user: who it is, and the role it has. */
  id?: number;
  role?: Role;
}

type Holder = 'everybody' | 'owner' | 'manager' | 'administrator' | 'otherAdministrator' | 'overseer' | 'superior';

/**
 * Who may do what to what: the one table that pages, command line and whatever comes later ask. An administrator may what a manager
 * may; nobody changes what belongs to somebody else, and nobody blocks or raises themselves.
 */
const RULES = {
  // Recipients, messages, mailings, deliveries, attempts, statistics.
  'things.see': ['owner', 'manager'],
  'things.create': ['everybody'],
  'things.change': ['owner'],
  'things.delete': ['owner'],
  'mailings.send': ['owner'],
  'mailings.disable': ['manager'],
  'mailings.enable': ['overseer'],
  // The screens on which managers see everybody's.
  'oversight.see': ['manager'],
  'audit.see': ['manager'],
  'users.see': ['manager'],
  'users.block': ['superior'],
  'users.changeRole': ['otherAdministrator'],
  'users.removeSecondFactor': ['otherAdministrator'],
  'users.invite': ['administrator'],
  'registration.change': ['administrator'],
  'attempts.keep': ['administrator'],
  'mailServers.manage': ['administrator'],
  'inbox.read': ['administrator'],
} as const satisfies Record<string, readonly Holder[]>;

export type Action = keyof typeof RULES;

export function may(user: Actor | null, action: Action, thing: Thing = {}): boolean {
  if (!user) return false;
  const holders: readonly Holder[] = RULES[action];
  return holders.some((holder) => isHolder(user, holder, thing));
}

export function ownersSeenBy(user: Actor): Owners {
  return may(user, 'oversight.see') ? 'everybody' : user.id;
}

const RANKS: Record<Role, number> = { user: 0, manager: 1, administrator: 2 };

function isHolder(user: Actor, holder: Holder, thing: Thing): boolean {
  switch (holder) {
    case 'everybody':
      return true;
    case 'owner':
      return thing.ownerId === user.id;
    case 'manager':
      return RANKS[user.role] >= RANKS.manager;
    case 'administrator':
      return user.role === 'administrator';
    case 'otherAdministrator':
      return user.role === 'administrator' && thing.id !== user.id;
    case 'overseer':
      return isOverseer(user, thing);
    case 'superior':
      return isSuperior(user, thing);
  }
}

/** A manager over what is somebody else's: nobody lifts what another manager laid on their own. Over an administrator is nobody. */
function isOverseer(user: Actor, { ownerId }: Thing): boolean {
  return user.role === 'administrator' || (user.role === 'manager' && ownerId !== user.id);
}

/** A manager over users, an administrator over everybody else. */
function isSuperior(user: Actor, { id, role }: Thing): boolean {
  if (id === undefined || role === undefined || id === user.id) return false;
  return user.role === 'administrator' || RANKS[user.role] > RANKS[role];
}
