/**
 * The deletion of one's own account. The request marks the user: from then on nobody can sign in as them, nothing of theirs starts,
 * and their address is free. A background job, queued in the same transaction, deletes what they kept piece by piece and their row
 * last (`erase-account.ts`). What was running is refused before, so that no mailing ends in the middle without its owner's word.
 */
import { verifyPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import { countAllMailings, withholdMailings } from '../mailings/all-mailings-store.js';
import { isLeaving, markLeaving } from './own-account-store.js';
import { hasOtherAdministrator, lockRoles } from './user-access-store.js';
import { findPasswordHash, findUserById } from './user-store.js';

/** What the job needs to know: the row of the user no longer tells the address. */
export interface Erasure {
  userId: number;
  email: string;
  locale: Locale;
}

export interface Erasures {
  /** Queued if and when the transaction commits. */
  send(erasure: Erasure, within: Transaction): Promise<void>;
}

export type DeleteAccountResult =
  | { ok: true }
  | { ok: false; fault: 'passwordWrong' | 'lastAdministrator' }
  | { ok: false; fault: 'running'; count: number };

interface DeletionRequest {
  userId: number;
  password: string;
  locale: Locale;
  actor: Actor;
}

interface DeletionDeps {
  db: Database;
  erasures: Erasures;
}

export async function deleteAccount(deps: DeletionDeps, request: DeletionRequest): Promise<DeleteAccountResult> {
  const { userId, password } = request;
  const hash = await findPasswordHash(deps.db, userId);
  if (hash === undefined || !(await verifyPassword({ hash, password }))) return { ok: false, fault: 'passwordWrong' };
  return deps.db
    .transaction()
    .execute(async (trx) => {
      const result = await markForErasure(trx, deps.erasures, request);
      if (!result.ok) throw new RefusedDeletion(result);
      return result;
    })
    .catch((error: unknown) => {
      if (error instanceof RefusedDeletion) return error.result;
      throw error;
    });
}

/** Takes back what the transaction has done so far. */
class RefusedDeletion extends Error {
  readonly result: DeleteAccountResult;

  constructor(result: DeleteAccountResult) {
    super();
    this.result = result;
  }
}

async function markForErasure(
  trx: Transaction,
  erasures: Erasures,
  { userId, locale, actor }: DeletionRequest,
): Promise<DeleteAccountResult> {
  await lockRoles(trx);
  const user = await findUserById(trx, userId);
  // A second press of the same.
  if (!user || (await isLeaving(trx, userId))) return { ok: true };
  if (user.role === 'administrator' && !(await hasOtherAdministrator(trx, userId)))
    return { ok: false, fault: 'lastAdministrator' };
  // First what has not started is held back, then what runs is counted: nothing starts in between.
  await withholdMailings(trx, userId, 'account deleted');
  const mailings = await countAllMailings(trx, userId);
  if (mailings.running > 0) return { ok: false, fault: 'running', count: mailings.running };
  const { email } = user;
  await recordAudit(trx, actor, {
    action: 'account.deleted',
    ownerId: userId,
    subject: { type: 'user', id: userId, name: email },
    details: { role: user.role },
  });
  await markLeaving(trx, userId, email);
  await erasures.send({ userId, email, locale: user.locale ?? locale }, trx);
  return { ok: true };
}
