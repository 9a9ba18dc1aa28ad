import type { Context } from 'hono';

import { ownersSeenBy } from '../accounts/permissions.js';
import { refuseUnlessPermitted } from '../accounts/permit.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import { found } from '../lib/errors.js';
import { parseId } from '../lib/ids.js';
import { signedIn, type WebEnv } from '../ui/view.js';
import { findMailing } from './mailing-store.js';
import type { Mailing } from './mailing.js';

export interface MailingDeps {
  db: Database;
  clock: Clock;
}

/** The mailing that the path names, where the visitor may see it; 404 for everything else. */
export async function findVisible(db: Database, c: Context<WebEnv>): Promise<Mailing> {
  const id = parseId(c.req.param('id'));
  return found(id && (await findMailing(db, ownersSeenBy(signedIn(c.get('view'))), id)));
}

/** The visitor's own mailing that the path names: 404 for what they may not see, 403 for what they may only look at. */
export async function findByPath(db: Database, c: Context<WebEnv>): Promise<Mailing> {
  const mailing = await findVisible(db, c);
  refuseUnlessPermitted(c.get('view'), 'things.change', mailing);
  return mailing;
}
