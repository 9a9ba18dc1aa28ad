import type { Context } from 'hono';

import { signedIn, type WebEnv } from '../ui/view.js';
import type { Actor } from './audit.js';

/** The visitor of a page behind `requireUser`, as the audit log names them. */
export function actorOf(c: Context<WebEnv>): Actor {
  const { id, email } = signedIn(c.get('view'));
  return { userId: id, name: email, ...c.get('origin') };
}
