import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Rate } from '../lib/rate.js';
import { SMTP_URL_KEY, type DomainLimit, type Relay, type RelaySettings, type RelayValues } from './relay.js';

const COLUMNS = [
  'id',
  'name',
  'host',
  'port',
  'tls',
  'verify_certificate as verifyCertificate',
  'auth',
  'user_name as userName',
  'sealed_secret as sealedSecret',
  'weight',
  'connections',
  'letters_limit as lettersLimit',
  'limit_seconds as limitSeconds',
  'is_enabled as isEnabled',
  'version',
] as const;

/** For sending: those that are enabled. While there is none, mailings go by SMTP_URL or the built-in inbox. */
export async function listRelays(db: Database): Promise<RelaySettings[]> {
  return db.selectFrom('relays').select(COLUMNS).where('is_enabled', '=', true).orderBy('id').execute();
}

export async function listAllRelays(db: Database): Promise<RelaySettings[]> {
  return db.selectFrom('relays').select(COLUMNS).orderBy('name').execute();
}

export async function hasEnabledRelays(db: Database): Promise<boolean> {
  const row = await db.selectFrom('relays').select('id').where('is_enabled', '=', true).limit(1).executeTakeFirst();
  return row !== undefined;
}

/** Under which the states of the mail servers that mailings go by are kept. */
export async function listKeysInUse(db: Database): Promise<string[]> {
  const rows = await db.selectFrom('relays').select('id').where('is_enabled', '=', true).orderBy('id').execute();
  return rows.length === 0 ? [SMTP_URL_KEY] : rows.map(({ id }) => String(id));
}

/** By key. */
export async function readRelayNames(db: Database): Promise<Map<string, string>> {
  const rows = await db.selectFrom('relays').select(['id', 'name']).execute();
  return new Map(rows.map(({ id, name }) => [String(id), name]));
}

export async function findRelay(db: Database, id: number): Promise<RelaySettings | undefined> {
  return db.selectFrom('relays').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

/** Until the transaction ends nobody else changes or removes it. */
export async function lockRelay(trx: Transaction, id: number): Promise<RelaySettings | undefined> {
  return trx.selectFrom('relays').select(COLUMNS).where('id', '=', id).forUpdate().executeTakeFirst();
}

type StoredValues = Omit<RelayValues, 'secret'> & Pick<RelaySettings, 'sealedSecret'>;

/** Breaks the unique key of names where another relay has it. */
export async function insertRelay(trx: Transaction, values: StoredValues): Promise<number> {
  const row = await trx.insertInto('relays').values(toColumns(values)).returning('id').executeTakeFirstOrThrow();
  return row.id;
}

/** Meaningful under `lockRelay`. Breaks the unique key of names where another relay has it. */
export async function updateRelay(trx: Transaction, id: number, values: StoredValues): Promise<void> {
  await trx
    .updateTable('relays')
    .set({ ...toColumns(values), ...NEXT })
    .where('id', '=', id)
    .execute();
}

/** Meaningful under `lockRelay`. */
export async function setEnabled(trx: Transaction, id: number, isEnabled: boolean): Promise<void> {
  await trx
    .updateTable('relays')
    .set({ is_enabled: isEnabled, ...NEXT })
    .where('id', '=', id)
    .execute();
}

export async function deleteRelay(trx: Transaction, id: number): Promise<Relay | undefined> {
  return trx.deleteFrom('relays').where('id', '=', id).returning(COLUMNS).executeTakeFirst();
}

export async function listDomainLimits(db: Database): Promise<DomainLimit[]> {
  return selectLimits(db).orderBy('domain').execute();
}

export async function findDomainLimit(db: Database, domain: string): Promise<DomainLimit | undefined> {
  return selectLimits(db).where('domain', '=', domain).executeTakeFirst();
}

export async function saveDomainLimit(trx: Transaction, domain: string, { letters, seconds }: Rate): Promise<void> {
  const limit = { letters_limit: letters, limit_seconds: seconds, updated_at: sql<Date>`now()` };
  await trx
    .insertInto('domain_limits')
    .values({ domain, ...limit })
    .onConflict((conflict) => conflict.column('domain').doUpdateSet(limit))
    .execute();
}

export async function deleteDomainLimit(trx: Transaction, domain: string): Promise<boolean> {
  const row = await trx.deleteFrom('domain_limits').where('domain', '=', domain).returning('domain').executeTakeFirst();
  return row !== undefined;
}

const NEXT = { version: sql<number>`version + 1`, updated_at: sql<Date>`now()` };

function toColumns(values: StoredValues) {
  return {
    name: values.name,
    host: values.host,
    port: values.port,
    tls: values.tls,
    verify_certificate: values.verifyCertificate,
    auth: values.auth,
    user_name: values.userName,
    sealed_secret: values.sealedSecret,
    weight: values.weight,
    connections: values.connections,
    letters_limit: values.lettersLimit,
    limit_seconds: values.limitSeconds,
    is_enabled: values.isEnabled,
  };
}

function selectLimits(db: Database) {
  return db
    .selectFrom('domain_limits')
    .select(['domain', 'letters_limit as lettersLimit', 'limit_seconds as limitSeconds']);
}
