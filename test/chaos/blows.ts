/** What can befall a run. Each notes how many letters it may leave in doubt: as many as were under way, and no more. */
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';

import { TERMINAL } from '../../src/audit/audit.js';
import { findNewestAttempt } from '../../src/delivery/doubt-store.js';
import { retryDeadlock } from '../../src/lib/database.js';
import { continueMailing, pauseMailing, stopMailing } from '../../src/mailings/control-mailing.js';
import { keepDoubts, resendDoubts } from '../../src/mailings/decide-doubts.js';
import { removeRecipients } from '../../src/recipients/remove-recipients.js';
import { setBlocked } from '../support/fixtures.js';
import type { SmtpTestServer } from '../support/smtp-server.js';
import type { Owner, Scene } from './scene.js';
import type { Blow } from './schedule.js';

/** What has happened to a run so far. */
export class Tally {
  /** By lease: the most letters in it when it was lost. */
  readonly lost = new Map<string, number>();
  /** How often the owner had a letter to this address sent again. */
  readonly decisions = new Map<string, number>();
  /** Recipients who may be missing, as their owner deleted them before they were listed. */
  readonly deleted = new Set<string>();

  lose(leases: { id: string; letters: number }[]): void {
    for (const { id, letters } of leases) this.lost.set(id, Math.max(letters, this.lost.get(id) ?? 0));
  }

  get lettersLost(): number {
    return this.lost.values().reduce((sum, letters) => sum + letters, 0);
  }
}

const DELETED_AT_ONCE = 3;
const STATEMENT_COMES_WITHIN_MS = 300;

export async function strike(scene: Scene, tally: Tally, { kind, target, forMs }: Blow): Promise<void> {
  const { db } = scene;
  const worker = scene.workers[target % scene.workers.length];
  const owner = scene.owners[target % scene.owners.length];
  if (!owner) throw new Error('a scene has an owner');
  const { id: ownerId, mailingId } = owner;
  switch (kind) {
    case 'cut':
      if (worker)
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = ${worker.node}`.execute(db);
      return;
    case 'loseClaim':
      return loseAnswer(scene, 'lock table queue in exclusive mode', 'picked as materialized');
    case 'loseRecord':
      return loseAnswer(
        scene,
        `select from mailing_counters where mailing_id = ${mailingId} for update`,
        'given as materialized',
      );
    case 'freeze':
      if (worker) tally.lose(await expireLeases(scene, [worker.node]));
      return;
    case 'kill':
      if (worker) scene.killWorker(worker);
      await delay(forMs);
      return scene.addWorker();
    case 'restart':
      if (worker) await scene.stopWorker(worker);
      await delay(forMs);
      return scene.addWorker();
    case 'pause':
      await pauseMailing(db, TERMINAL, ownerId, mailingId, new Date());
      await delay(forMs);
      return void (await continueMailing(db, TERMINAL, ownerId, mailingId, new Date()));
    case 'block':
      await setBlocked(db, ownerId, true);
      await delay(forMs);
      return setBlocked(db, ownerId, false);
    case 'delete':
      return deleteSome(scene, tally, owner);
    case 'vanish':
      return vanish(scene, tally, target, forMs);
    case 'decide':
      return decide(scene, tally, owner);
    case 'stop':
      return void (await stopMailing(db, TERMINAL, ownerId, mailingId, new Date()));
    case 'expire':
      await sql`update mailings set first_sending_at = now() - interval '2 hours', ends_at = now() where id = ${mailingId}`.execute(
        db,
      );
  }
}

/** A lock makes a statement with this part wait; whose it is loses its connections; then the statement goes on, and is committed. */
async function loseAnswer({ db, workers }: Scene, lock: string, part: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql.raw(lock).execute(trx);
    const deadline = performance.now() + STATEMENT_COMES_WITHIN_MS;
    for (let waiting: string[] = []; waiting.length === 0 && performance.now() < deadline; await delay(5)) {
      const { rows } = await sql<{ node: string }>`select application_name as node from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and position(${part} in query) > 0`.execute(
        trx,
      );
      waiting = rows.map(({ node }) => node);
      for (const worker of workers) if (waiting.includes(worker.node)) worker.cutDatabase();
    }
  });
}

/** As if their time were over, and the workers dead or asleep. What they held. */
export async function expireLeases({ db }: Scene, nodes: string[]): Promise<{ id: string; letters: number }[]> {
  const { rows } = await sql<{ id: string; letters: number }>`
    update leases set expires_at = now() - interval '1 second' where node = any(${nodes}::text[]) and expires_at > now()
    returning id, cardinality(delivery_ids) as letters`.execute(db);
  return rows;
}

async function deleteSome({ db }: Scene, tally: Tally, { id }: Owner): Promise<void> {
  const query = db.selectFrom('recipients').select(['id', 'email']).where('owner_id', '=', id);
  const some = await query.orderBy('id').limit(DELETED_AT_ONCE).execute();
  for (const { email } of some) tally.deleted.add(email);
  await removeRecipients(
    db,
    TERMINAL,
    id,
    some.map((recipient) => recipient.id),
  );
}

async function vanish(
  { db, servers, ports, lettersOnWire }: Scene,
  tally: Tally,
  target: number,
  forMs: number,
): Promise<void> {
  const server = servers[target % servers.length];
  const port = ports[target % servers.length];
  // It may be gone already.
  if (!server?.isListening) return;
  const { rows } = await sql<{ id: string; letters: number }>`
    select id, cardinality(delivery_ids) as letters from leases`.execute(db);
  // What is claimed between this look and the end of the connections is under way as well: what a connection has on the wire.
  tally.lose([...rows, { id: `on the wire ${tally.lost.size}`, letters: server.openConnections * lettersOnWire }]);
  await server.close();
  await delay(forMs);
  await comeBack(server, port);
}

/** A connection of somebody else's may have got the port for a moment. */
async function comeBack(server: SmtpTestServer, port: number | undefined): Promise<void> {
  // It may have vanished, and come back, twice at the same time.
  for (let tries = 1; !server.isListening; tries += 1) {
    try {
      await server.listen(port);
    } catch (error) {
      if (tries === 100) throw error;
      await delay(50);
    }
  }
}

/** Every second letter is sent again, the others are left. */
async function decide({ db }: Scene, tally: Tally, { id: ownerId, mailingId }: Owner): Promise<void> {
  const query = db.selectFrom('deliveries').select(['id', 'address']).where('mailing_id', '=', mailingId);
  const doubtful = await query
    .where('state', '=', 'in_doubt')
    .where('left_in_doubt', '=', false)
    .orderBy('id')
    .execute();
  const seenAttemptId = await findNewestAttempt(db, mailingId);
  for (const [index, { id, address }] of doubtful.entries()) {
    const doubts = { mailingId, deliveryId: id, seenAttemptId };
    const isAgain = index % 2 === 0;
    const result = isAgain
      ? await retryDeadlock(() => resendDoubts(db, TERMINAL, ownerId, doubts, new Date()))
      : await retryDeadlock(() => keepDoubts(db, TERMINAL, ownerId, doubts));
    if (isAgain && result.ok) tally.decisions.set(address, (tally.decisions.get(address) ?? 0) + result.count);
  }
}
