import type { Context } from 'hono';

import type { SignedInUser, WebEnv } from '../ui/view.js';

export function mayReadInbox(_c: Context<WebEnv>, user: SignedInUser | null): boolean {
  return user?.role === 'administrator';
}
