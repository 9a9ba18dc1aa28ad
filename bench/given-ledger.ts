/**
 * A ledger on a PostgreSQL that Vestnik does not bring along: the server of `--database`, or else one from Debian's packages. The bench makes a
 * database of its own there and drops it at the end: it empties tables, and nobody's data may lie in them.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { Client, DatabaseError } from 'pg';

import { startDebianPostgres } from './debian-postgres.js';
import { openLedger, type Ledger } from './vestnik.js';

export type GivenLedger = { ledger: Ledger; about: string } | { ledger: undefined; missing: string };

const READY_WITHIN_MS = 10_000;
/** SQLSTATE of a server that is starting. */
const CANNOT_CONNECT_NOW = '57P03';

/** What cannot be had is told by its reason; the resources are added to `opened`. */
export async function openGivenLedger(opened: AsyncDisposableStack, databaseUrl?: string): Promise<GivenLedger> {
  await using opening = new AsyncDisposableStack();
  try {
    const own = databaseUrl === undefined ? await startDebianPostgres() : undefined;
    if (own) opening.use(own);
    const serverUrl = databaseUrl ?? own?.url;
    if (serverUrl === undefined)
      return { ledger: undefined, missing: 'no --database, and no PostgreSQL installed (Debian: postgresql)' };
    const { url, about } = await makeDatabase(opening, serverUrl);
    const ledger = opening.use(await openLedger(url));
    opened.use(opening.move());
    return { ledger, about };
  } catch (error) {
    return { ledger: undefined, missing: error instanceof Error ? error.message : String(error) };
  }
}

async function makeDatabase(opening: AsyncDisposableStack, serverUrl: string): Promise<{ url: string; about: string }> {
  const client = await connect(serverUrl);
  opening.defer(() => client.end());
  const name = `vestnik_bench_${randomBytes(6).toString('hex')}`;
  await client.query(`create database ${name}`);
  opening.defer(async () => void (await client.query(`drop database ${name} with (force)`)));
  const { rows } = await client.query<{ version: string; fsync: string; commit: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as commit`,
  );
  const [{ version, fsync, commit } = { version: '', fsync: '', commit: '' }] = rows;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  // A server that does not flush its commits is faster, and not comparable.
  return { url: url.href, about: `PostgreSQL ${version.split(' ')[0]}, fsync ${fsync}, synchronous_commit ${commit}` };
}

async function connect(url: string): Promise<Client> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const client = new Client({ connectionString: url, application_name: 'vestnik-bench' });
    // Lost when the server goes; what is under way then fails by itself.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      const isStarting = error instanceof DatabaseError && error.code === CANNOT_CONNECT_NOW;
      if (!isStarting || performance.now() > deadline) throw error;
    }
    await delay(50);
  }
}
