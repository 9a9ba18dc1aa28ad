import { translate } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import { signedIn, type View } from '../ui/view.js';

/** Who looks, as far as it makes a difference to what is seen. */
export interface LiveLook {
  role: Role;
  isOwner: boolean;
  locale: View['locale'];
  timeZone: string;
}

export function lookOf(view: View, ownerId: number): LiveLook {
  const { id, role } = signedIn(view);
  return { role, isOwner: id === ownerId, locale: view.locale, timeZone: view.timeZone };
}

export function nameLook({ role, isOwner, locale, timeZone }: LiveLook): string {
  return `${role} ${isOwner ? 'owner' : ''} ${locale} ${timeZone}`;
}

/** A view with nothing in it but what the look has: what is rendered by it may go to everybody who looks so. */
export function viewOf({ role, isOwner, locale, timeZone }: LiveLook, ownerId: number, now: Date): View {
  return {
    t: translate(locale),
    locale,
    timeZone,
    theme: 'auto',
    user: { id: isOwner ? ownerId : 0, email: '', name: '', role, locale, timeZone, theme: 'auto' },
    now,
    path: '',
    query: {},
    flash: null,
    lettersStayHere: false,
    mailingsStayHere: false,
    mayReadInbox: false,
    assets: { script: '', styles: [] },
  };
}
