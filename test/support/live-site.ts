import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import { sql } from 'kysely';

import { systemClock } from '../../src/lib/clock.js';
import type { Database } from '../../src/lib/database.js';
import { openLog } from '../../src/lib/log.js';
import { LiveHub } from '../../src/mailings/live-hub.js';
import { readEvents, type EventReader, type ServerEvent } from './event-reader.js';
import { addRecipients, addUser } from './fixtures.js';
import { addFrozenMailing } from './ledger.js';
import { openTestSite, type TestSite } from './test-site.js';

/* Live pages over real HTTP: what a browser would be told. */

const QUICK = { tickMs: 50, sessionMs: 100, heartbeatMs: 200 };

type HubSettings = ConstructorParameters<typeof LiveHub>[1];

export interface LiveSite extends AsyncDisposable {
  hub: LiveHub;
  site: TestSite;
  url: string;
  server: Server;
}

export async function openLiveSite(db: Database, settings: HubSettings = {}, hubDb = db): Promise<LiveSite> {
  const hub = new LiveHub({ db: hubDb, clock: systemClock, log: openLog('silent') }, { ...QUICK, ...settings });
  const site = openTestSite(db, { live: hub });
  const server = createAdaptorServer({ fetch: site.web.fetch }) as Server;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    await hub.close();
    server.close();
    if ('closeAllConnections' in server) (server as { closeAllConnections: () => void }).closeAllConnections();
  };
  return { hub, site, url, server, [Symbol.asyncDispose]: close };
}

export interface Running {
  owner: number;
  mailing: number;
}

/** A running mailing to 1000 recipients, of which nobody has got anything. */
export async function addRunning(db: Database): Promise<Running> {
  const owner = await addUser(db);
  await addRecipients(db, owner, 1000);
  return { owner, mailing: await addFrozenMailing(db, owner) };
}

/** As the worker's statement does it. */
export async function accept(db: Database, mailing: number, letters: number): Promise<void> {
  await sql`
    update mailing_counters set waiting = waiting - ${letters}::int, accepted = accepted + ${letters}::int,
      attempts_accepted = attempts_accepted + ${letters}::int where mailing_id = ${mailing}`.execute(db);
}

export async function finish(db: Database, mailing: number): Promise<void> {
  await sql`update mailings set status = 'finished', finished_at = now() where id = ${mailing}`.execute(db);
}

export async function watch(
  { site, url }: Pick<LiveSite, 'site' | 'url'>,
  { owner, mailing }: Running,
  cookie?: string,
): Promise<EventReader> {
  return readEvents(`${url}/mailings/${mailing}/events`, {
    cookie: cookie ?? (await site.cookieOf(owner)),
    'accept-encoding': 'gzip',
  });
}

export const partsOf = ({ data }: Pick<ServerEvent, 'data'>) => JSON.parse(data) as Record<string, string>;
