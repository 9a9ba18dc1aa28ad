/** What administrators do to a relay, each in one transaction with its line in the audit log; passwords are sealed here. */
import { recordAudit } from '../audit/audit-store.js';
import type { Actor, AuditAction, AuditDetails } from '../audit/audit.js';
import { forgetRelay } from '../delivery/relay-store.js';
import { isUniqueViolation, type Database, type Transaction } from '../lib/database.js';
import { formatHost } from '../lib/host.js';
import { seal } from '../lib/seal.js';
import { deleteRelay, insertRelay, lockRelay, setEnabled, updateRelay } from './relay-store.js';
import {
  describeLogin,
  isSameLogin,
  leadsElsewhere,
  listChanges,
  type Relay,
  type RelaySettings,
  type RelayValues,
} from './relay.js';

/** `secretMissing`: a login without its password, or one that would take a stored password to another host or user. */
export type SaveRelayResult =
  | { ok: true; id: number }
  | { ok: false; fault: 'nameTaken' | 'secretMissing' | 'changed' | 'gone' };

interface SavingDeps {
  db: Database;
  /** The installation's. */
  secret: string;
}

export async function addRelay(
  { db, secret }: SavingDeps,
  actor: Actor,
  values: RelayValues,
): Promise<SaveRelayResult> {
  return unlessTaken(() =>
    db.transaction().execute(async (trx): Promise<SaveRelayResult> => {
      const sealedSecret = sealFor(secret, values, null);
      if (sealedSecret === undefined) return { ok: false, fault: 'secretMissing' };
      const id = await insertRelay(trx, { ...values, sealedSecret });
      await record(trx, actor, 'relay.added', { id, name: values.name }, { to: showAddress(values) });
      return { ok: true, id };
    }),
  );
}

/** Saves only over the version that the form was opened with. */
export async function changeRelay(
  { db, secret }: SavingDeps,
  actor: Actor,
  { id, version }: Pick<Relay, 'id' | 'version'>,
  values: RelayValues,
): Promise<SaveRelayResult> {
  return unlessTaken(() =>
    db.transaction().execute(async (trx): Promise<SaveRelayResult> => {
      const before = await lockRelay(trx, id);
      if (!before) return { ok: false, fault: 'gone' };
      if (before.version !== version) return { ok: false, fault: 'changed' };
      const sealedSecret = sealFor(secret, values, before);
      if (sealedSecret === undefined) return { ok: false, fault: 'secretMissing' };
      await updateRelay(trx, id, { ...values, sealedSecret });
      if (leadsElsewhere(before, values)) await forgetRelay(trx, String(id));
      await recordChanges(trx, actor, before, values);
      return { ok: true, id };
    }),
  );
}

/** A second press of the same is fine, and not told twice. False where there is none any more. */
export async function switchRelay(db: Database, actor: Actor, id: number, isEnabled: boolean): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const relay = await lockRelay(trx, id);
    if (!relay) return false;
    if (relay.isEnabled === isEnabled) return true;
    await setEnabled(trx, id, isEnabled);
    await record(trx, actor, isEnabled ? 'relay.switched_on' : 'relay.switched_off', relay);
    return true;
  });
}

export async function removeRelay(db: Database, actor: Actor, id: number): Promise<Relay | undefined> {
  return db.transaction().execute(async (trx) => {
    const relay = await deleteRelay(trx, id);
    if (!relay) return undefined;
    await forgetRelay(trx, String(id));
    await record(trx, actor, 'relay.deleted', relay, { from: showAddress(relay) });
    return relay;
  });
}

/** Null for no login, undefined where the password is missing. */
function sealFor(secret: string, values: RelayValues, before: RelaySettings | null): string | null | undefined {
  if (values.auth === 'none') return null;
  if (values.secret !== '') return seal(secret, describeLogin(values), values.secret);
  return before && isSameLogin(before, values) ? (before.sealedSecret ?? undefined) : undefined;
}

async function recordChanges(trx: Transaction, actor: Actor, before: Relay, values: RelayValues): Promise<void> {
  const changes = listChanges(before, values);
  if (changes.length === 0) return;
  const [from, to] = [showAddress(before), showAddress(values)];
  const details = { changed: changes.join(', '), ...(from === to ? {} : { from, to }) };
  await record(trx, actor, 'relay.changed', { id: before.id, name: values.name }, details);
}

async function record(
  trx: Transaction,
  actor: Actor,
  action: AuditAction,
  { id, name }: Pick<Relay, 'id' | 'name'>,
  details: AuditDetails = {},
): Promise<void> {
  await recordAudit(trx, actor, { action, subject: { type: 'relay', id, name }, details });
}

function showAddress({ host, port, userName }: Pick<Relay, 'host' | 'port' | 'userName'>): string {
  const user = userName === null ? '' : ` (${userName})`;
  return `${formatHost(host)}:${port}${user}`;
}

async function unlessTaken(save: () => Promise<SaveRelayResult>): Promise<SaveRelayResult> {
  try {
    return await save();
  } catch (error) {
    if (isUniqueViolation(error)) return { ok: false, fault: 'nameTaken' };
    throw error;
  }
}
