import { describeUser, type ListedUser } from '../accounts/user.js';
import { COUNT_LIMIT } from '../lib/owner-counts.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Belongings } from './belongings.js';

/* What several pages about users show. */

export function UserBadge({ view, user }: { view: View; user: ListedUser }) {
  const state = describeUser(user);
  return <span class={`badge-state badge-${state}`}>{view.t(`users.states.${state}`)}</span>;
}

/** The number, with a plus where more was not counted. */
export function formatBelonging(view: View, name: keyof Belongings, count: number): string {
  const isExact = name === 'recipients' || count <= COUNT_LIMIT;
  return isExact ? formatNumber(view, count) : `${formatNumber(view, COUNT_LIMIT)}+`;
}

/** What a sentence calls the user. */
export function nameUser({ name, email }: Pick<ListedUser, 'name' | 'email'>): string {
  return name || email;
}
