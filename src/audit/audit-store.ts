import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Actor, AuditAction, AuditEntry } from './audit.js';

const MAX_USER_AGENT = 500;

/** In the transaction of what it tells of, so that neither is there without the other. */
export async function recordAudit(db: Database | Transaction, actor: Actor, entry: AuditEntry): Promise<void> {
  const { action, ownerId, subject, reason, details } = entry;
  await db
    .insertInto('audit_entries')
    .values({
      action,
      actor_id: actor.userId,
      actor: actor.name,
      owner_id: ownerId ?? null,
      subject_type: subject?.type ?? null,
      subject_id: subject?.id ?? null,
      subject: subject?.name ?? null,
      reason: reason ?? null,
      details: JSON.stringify(details ?? {}),
      address: actor.address,
      user_agent: actor.userAgent.slice(0, MAX_USER_AGENT),
    })
    .execute();
}

/** From where a user did something within the last three months. */
export async function listAddresses(db: Database, actorId: number, action: AuditAction): Promise<string[]> {
  const rows = await db
    .selectFrom('audit_entries')
    .select('address')
    .distinct()
    .where('actor_id', '=', actorId)
    .where('action', '=', action)
    .where('at', '>', sql<Date>`now() - interval '90 days'`)
    .execute();
  return rows.map(({ address }) => address);
}
