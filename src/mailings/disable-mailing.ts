/**
 * A manager's hold on a mailing: what has not started does not start, what runs stops within two seconds in every process (the gate and
 * the halt look at `disabled_at`), and the owner can do nothing about it. Each is one transaction with its line in the audit log and the
 * letter to the owner.
 */
import { writeMailingDisabled, writeMailingEnabled } from '../accounts/account-letters.js';
import { may, type Action } from '../accounts/permissions.js';
import { findUserToGovern } from '../accounts/user-access-store.js';
import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { SystemLetters } from '../lib/system-mail.js';
import { lockMailing, markMailing } from './mailing-store.js';
import { nameMailing, type Mailing } from './mailing.js';

/** `Auth` is one. */
export interface DisableDeps {
  db: Database;
  letters: SystemLetters;
  baseUrl: string;
  /** For letters to owners who never chose a language. */
  defaultLocale?: Locale;
}

/** `already`: it is as it should be, by somebody else's press. */
export type DisableResult = { ok: true } | { ok: false; fault: 'gone' | 'forbidden' | 'finished' | 'already' };

interface Reasoned {
  id: number;
  reason: string;
}

export async function disableMailing(
  deps: DisableDeps,
  actor: Actor,
  { id, reason, now }: Reasoned & { now: Date },
): Promise<DisableResult> {
  return oversee(deps.db, actor, { action: 'mailings.disable', id }, async (trx, mailing) => {
    if (mailing.status === 'finished') return { ok: false, fault: 'finished' };
    if (mailing.disabledAt !== null) return { ok: false, fault: 'already' };
    await markMailing(trx, id, { disabled_at: now, disabled_by: actor.userId, disabled_reason: reason });
    await recordAudit(trx, actor, { action: 'mailing.disabled', ...nameMailing(mailing), reason });
    await tellOwner(trx, deps, writeMailingDisabled, { mailing, reason });
    return { ok: true };
  });
}

/** The mailing goes on where it was: running, paused, or waiting for its time. */
export async function enableMailing(deps: DisableDeps, actor: Actor, { id, reason }: Reasoned): Promise<DisableResult> {
  return oversee(deps.db, actor, { action: 'mailings.enable', id }, async (trx, mailing) => {
    if (mailing.status === 'finished') return { ok: false, fault: 'finished' };
    if (mailing.disabledAt === null) return { ok: false, fault: 'already' };
    await markMailing(trx, id, { disabled_at: null, disabled_by: null, disabled_reason: null });
    await recordAudit(trx, actor, { action: 'mailing.enabled', ...nameMailing(mailing), reason });
    await tellOwner(trx, deps, writeMailingEnabled, { mailing, reason });
    return { ok: true };
  });
}

interface Oversight {
  action: Extract<Action, 'mailings.disable' | 'mailings.enable'>;
  id: number;
}

async function oversee(
  db: Database,
  actor: Actor,
  { action, id }: Oversight,
  change: (trx: Transaction, mailing: Mailing) => Promise<DisableResult>,
): Promise<DisableResult> {
  return db.transaction().execute(async (trx): Promise<DisableResult> => {
    const mailing = await lockMailing(trx, 'everybody', id);
    if (!mailing) return { ok: false, fault: 'gone' };
    if (!(await mayNow(trx, actor, action, mailing))) return { ok: false, fault: 'forbidden' };
    return change(trx, mailing);
  });
}

/** By the role that the actor has by now. Who has the terminal of the server may everything. */
async function mayNow(trx: Transaction, actor: Actor, action: Action, mailing: Mailing): Promise<boolean> {
  if (actor.userId === null) return true;
  const user = await findUserToGovern(trx, actor.userId);
  return user !== undefined && !user.blocked && may(user, action, { ownerId: mailing.ownerId });
}

async function tellOwner(
  trx: Transaction,
  { letters, baseUrl, defaultLocale = 'en' }: DisableDeps,
  write: typeof writeMailingDisabled,
  { mailing: { id, ownerId, subject }, reason }: { mailing: Mailing; reason: string },
): Promise<void> {
  const owner = await findUserToGovern(trx, ownerId);
  if (!owner) return;
  const letter = write(owner.locale ?? defaultLocale, owner.email, { baseUrl, reason, subject, mailingId: id });
  await letters.send(letter, trx);
}
