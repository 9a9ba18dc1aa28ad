import type { Context } from 'hono';

import type { Database } from '../lib/database.js';
import { found } from '../lib/errors.js';
import { formatHost } from '../lib/host.js';
import { parseIntegerId } from '../lib/ids.js';
import type { Limits } from '../lib/limits.js';
import { parseSmtpUrl } from '../lib/smtp/smtp-url.js';
import type { WebEnv } from '../ui/view.js';
import { findRelay } from './relay-store.js';
import type { RelaySettings } from './relay.js';

export interface RelayDeps {
  db: Database;
  baseUrl: string;
  /** The mail server of SMTP_URL or the built-in inbox, and MAIL_FROM. */
  mail: { url: string; from: string };
  auth: { limits: Limits; secret: string };
}

/** The relay that the path names. */
export async function findByPath(db: Database, c: Context<WebEnv>): Promise<RelaySettings> {
  const id = parseIntegerId(c.req.param('id'));
  return found(id && (await findRelay(db, id)));
}

/** Host and port, without user and password. */
export function showSmtpUrl({ url }: RelayDeps['mail']): string {
  const smtp = parseSmtpUrl(url);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  return `${formatHost(smtp.server.host)}:${smtp.server.port}`;
}
