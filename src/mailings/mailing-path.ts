import type { Context } from 'hono';

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

/** The visitor's mailing that the path names; 404 for everything else, another owner's included. */
export async function findByPath(db: Database, c: Context<WebEnv>): Promise<Mailing> {
  const id = parseId(c.req.param('id'));
  return found(id && (await findMailing(db, signedIn(c.get('view')).id, id)));
}
