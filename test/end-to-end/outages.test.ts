import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { closeDatabase, openDatabase } from '../../src/lib/database.js';
import { startEmbeddedPostgres, type EmbeddedConnection } from '../../src/lib/embedded-postgres.js';
import { findPostmaster, stopPostmaster } from '../../src/lib/embedded-postgres/postmaster.js';
import { migrate } from '../../src/lib/migrate.js';
import { eventually } from '../support/eventually.js';
import { openDataFolder, type VestnikProcess } from '../support/vestnik-process.js';
import { Lane, MOST_IN_DOUBT } from './worker-lane.js';

const RECIPIENTS = 1200;
/** A letter at each of four connections: so the mailing takes a second at least. */
const SLOW = { slowMs: 3, query: '?connections=4' };
/** A lease of a dead process is taken back after 20 s. */
const LEASE_OVER_MS = 40_000;
const CASE_WITHIN_MS = 120_000;

describe.concurrent('a mailing is sent all the same, and nobody gets two,', () => {
  test(
    'while the connections to the database are cut again and again; nothing is in doubt',
    async () => {
      await using lane = await Lane.open(SLOW);
      await using worker = await lane.startWorker();
      const mailing = await lane.addMailing({ recipients: RECIPIENTS });
      await lane.go(mailing);
      for (let cut = 1; cut <= 5; cut += 1) {
        await eventually('letters are sent', async () => lane.sink.accepted.length > (cut * RECIPIENTS) / 8, 60_000);
        await lane.endSessions();
      }
      await lane.finished(mailing);
      expect(await lane.findFaults(mailing), 'cut').toEqual([]);
      expect(await lane.count(mailing, 'accepted')).toBe(RECIPIENTS);
      expect(await worker.end('SIGTERM')).toBe(0);
    },
    CASE_WITHIN_MS,
  );

  // SIGINT ends all sessions; SIGQUIT is as good as kill -9: PostgreSQL recovers from its log.
  test.each(['SIGINT', 'SIGQUIT'] as const)(
    'while PostgreSQL is stopped by %s and started again; nothing is in doubt',
    async (signal) => {
      await using folder = await openDataFolder();
      await using postgres = await startEmbeddedPostgres({ dataDir: folder.path });
      const { connection } = postgres;
      await prepare(connection);
      await using lane = await Lane.open(SLOW, { connection, url: formatUrl(connection) });
      await using worker = await lane.startWorker();
      const mailing = await lane.addMailing({ recipients: RECIPIENTS });
      await lane.go(mailing);
      await eventually('letters are sent', async () => lane.sink.accepted.length > RECIPIENTS / 4, 60_000);
      const cluster = join(folder.path, 'postgresql');
      const postmaster = await findPostmaster(cluster);
      expect(postmaster && (await stopPostmaster(cluster, postmaster, signal, 20_000))).toBe(true);
      await using _restarted = await startEmbeddedPostgres({ dataDir: folder.path });
      await lane.finished(mailing);
      expect(await lane.findFaults(mailing), signal).toEqual([]);
      expect(await lane.count(mailing, 'accepted')).toBe(RECIPIENTS);
      expect(await worker.end('SIGTERM')).toBe(0);
    },
    CASE_WITHIN_MS,
  );

  test(
    'while the mail server is gone; in doubt is at most what was on the wire',
    async () => {
      await using lane = await Lane.open(SLOW);
      await using worker = await lane.startWorker();
      const mailing = await lane.addMailing({ recipients: RECIPIENTS });
      const { port } = lane.sink;
      await lane.go(mailing);
      await eventually('letters are sent', async () => lane.sink.accepted.length > RECIPIENTS / 4, 60_000);
      const onTheWire = lane.sink.openConnections;
      await lane.sink.close();
      await eventually('the worker has noticed it', async () => (await lane.readRelayFault()) !== null);
      await lane.sink.listen(port);
      await lane.finished(mailing);
      expect(await lane.findFaults(mailing), 'vanished').toEqual([]);
      expect(await lane.count(mailing, 'in_doubt')).toBeLessThanOrEqual(onTheWire);
      expect(await lane.readRelayFault()).toBeNull();
      expect(await worker.end('SIGTERM')).toBe(0);
    },
    CASE_WITHIN_MS,
  );

  test(
    'by two processes of which one is stopped (SIGSTOP) past its leases and continued; in doubt is at most what it held',
    async () => {
      await using lane = await Lane.open(SLOW);
      await using frozen = await lane.startWorker();
      await using other = await lane.startWorker();
      const mailing = await lane.addMailing({ recipients: RECIPIENTS });
      await lane.go(mailing);
      await eventually('both send', async () => {
        const enough = lane.sink.accepted.length > RECIPIENTS / 8;
        return enough && (await lane.claimedBy(frozen)) > 0 && (await lane.claimedBy(other)) > 0;
      });
      process.kill(frozen.pid, 'SIGSTOP');
      const held = await readHeld(lane, frozen);
      expect(held).toBeLessThanOrEqual(MOST_IN_DOUBT);
      try {
        await eventually('its leases are taken back', async () => (await lane.claimedBy(frozen)) === 0, LEASE_OVER_MS);
        await lane.finished(mailing);
      } finally {
        process.kill(frozen.pid, 'SIGCONT');
      }
      // It wakes up with letters on its hands, and outcomes to record.
      const next = await lane.addMailing({ recipients: RECIPIENTS });
      await lane.go(next);
      await eventually('it sends again', async () => (await lane.claimedBy(frozen)) > 0);
      await lane.finished(next);
      expect(await lane.findFaults(mailing), 'frozen').toEqual([]);
      expect(await lane.findFaults(next), 'awake').toEqual([]);
      expect(await lane.count(mailing, 'in_doubt')).toBeLessThanOrEqual(held);
      expect(await lane.count(next, 'accepted')).toBe(RECIPIENTS);
      expect([await frozen.end('SIGTERM'), await other.end('SIGTERM')]).toEqual([0, 0]);
    },
    CASE_WITHIN_MS,
  );
});

/** A statement that had been sent may still be committed: then it stays as it is. */
async function readHeld(lane: Lane, worker: VestnikProcess): Promise<number> {
  let held = await lane.claimedBy(worker);
  for (let looks = 0; looks < 5; looks += 1) {
    await delay(100);
    held = Math.max(held, await lane.claimedBy(worker));
  }
  return held;
}

async function prepare(connection: EmbeddedConnection): Promise<void> {
  const db = openDatabase(connection);
  await migrate(db);
  await sql`checkpoint`.execute(db);
  await closeDatabase(db);
}

function formatUrl({ host, port, user, database }: EmbeddedConnection): string {
  return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}
