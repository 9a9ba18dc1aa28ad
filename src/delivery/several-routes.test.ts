import { sql } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { addRecipients, addRelay, addUser } from '../../test/support/fixtures.js';
import { addFrozenMailing, expectTrueBooks } from '../../test/support/ledger.js';
import { openSending, startDeliveryWorker } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerOptions, type SmtpTestServer } from '../../test/support/smtp-server.js';
import type { Database } from '../lib/database.js';
import { readCounters } from './delivery-store.js';
import { burstOf } from './pacing.js';

async function serve(options: SmtpServerOptions = {}): Promise<SmtpTestServer> {
  const server = await startSmtpServer({ keepData: false, ...options });
  onTestFinished(() => server.close());
  return server;
}

type Sending = Awaited<ReturnType<typeof openSending>>;

/** Everybody got one letter, through one of the servers. */
function expectEachOnce({ db, mailingId }: Sending, recipients: number, servers: SmtpTestServer[]): Promise<void> {
  const letters = servers.flatMap(({ accepted }) => accepted.map(({ to }) => to));
  expect(letters).toHaveLength(recipients);
  expect(new Set(letters).size).toBe(recipients);
  return expectTrueBooks(db, mailingId);
}

describe('several relays', () => {
  test('of weights 3 and 1 take three letters to one while both have room', async () => {
    const [three, one] = [await serve(), await serve()];
    const prepare = async (db: Database) => {
      // So many connections, and so few letters, that neither is ever full.
      await addRelay(db, three.port, { weight: 3, connections: 100 });
      await addRelay(db, one.port, { weight: 1, connections: 100 });
    };
    await using sending = await openSending(800, {}, { prepare });
    await sql`update mailings set letters_limit = 200, limit_seconds = 1`.execute(sending.db);
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 800, attemptsDeferred: 0 });
    await expectEachOnce(sending, 800, [three, one]);
    expect(sending.server.accepted).toHaveLength(0);
    // 600 and 200, but for the last leases.
    expect(Math.abs(three.accepted.length - 600)).toBeLessThanOrEqual(64);
  });

  test('of which one drops everything: the other takes it all, nobody is rejected or in doubt', async () => {
    const faults: SmtpServerOptions['faults'] = ({ stage }) =>
      stage === 'mail' && dropping.accepted.length >= 50 ? 'drop' : undefined;
    const dropping: SmtpTestServer = await serve({ faults });
    const steady = await serve();
    const prepare = async (db: Database) => {
      await addRelay(db, dropping.port);
      await addRelay(db, steady.port);
    };
    await using sending = await openSending(1000, {}, { prepare });
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 1000, rejected: 0, inDoubt: 0, waiting: 0 });
    await expectEachOnce(sending, 1000, [dropping, steady]);
    expect(steady.accepted.length).toBeGreaterThan(900 - dropping.connections);
  });

  test('of which one dies in the middle: what it had taken is not sent again, all else goes through the other', async () => {
    const [dying, steady] = [await serve({ slowMs: 5 }), await serve()];
    const prepare = async (db: Database) => {
      await addRelay(db, dying.port);
      await addRelay(db, steady.port);
    };
    await using sending = await openSending(1000, {}, { prepare });
    await sending.start();
    await eventually('it has taken some', async () => dying.accepted.length > 20);
    await dying.close();
    const books = await sending.finished();
    expect(books).toMatchObject({ rejected: 0, waiting: 0 });
    expect(books.accepted + books.inDoubt).toBe(1000);
    // One letter on each connection at most had its final dot out.
    expect(books.inDoubt).toBeLessThanOrEqual(8);
    const letters = [dying, steady].flatMap(({ accepted }) => accepted.map(({ to }) => to));
    expect(new Set(letters).size).toBe(letters.length);
    expect(letters.length).toBeGreaterThanOrEqual(books.accepted);
    await expectTrueBooks(sending.db, sending.mailingId);
  });

  test('of which one comes back after a while: it gets letters again', async () => {
    const [returning, steady] = [await serve(), await serve({ slowMs: 100 })];
    const { port } = returning;
    await returning.close();
    const prepare = async (db: Database) => {
      await addRelay(db, port);
      await addRelay(db, steady.port, { connections: 1 });
    };
    await using sending = await openSending(600, {}, { prepare });
    await sending.start();
    await eventually('it is missed', async () => (await sending.fault()) ?? false);
    expect(returning.accepted).toHaveLength(0);
    await returning.listen(port);
    expect(await sending.finished(40_000)).toMatchObject({ accepted: 600, rejected: 0, inDoubt: 0 });
    expect(returning.accepted.length).toBeGreaterThan(0);
    await expectEachOnce(sending, 600, [returning, steady]);
    expect(await sending.fault()).toBeNull();
  });

  test.each([
    ['disabled', (id: number) => sql`update relays set is_enabled = false where id = ${id}`],
    ['removed', (id: number) => sql`delete from relays where id = ${id}`],
  ])(
    'of which one is %s in the middle: it gets no more letters, and those that it had are not lost',
    async (_what, statement) => {
      const [leaving, staying] = [await serve({ slowMs: 50 }), await serve({ slowMs: 50 })];
      const ids: number[] = [];
      const prepare = async (db: Database) => {
        for (const { port } of [leaving, staying]) ids.push(await addRelay(db, port, { connections: 2 }));
      };
      await using sending = await openSending(500, {}, { prepare });
      await sending.start();
      await eventually(
        'both have taken letters',
        async () => leaving.accepted.length > 5 && staying.accepted.length > 5,
      );
      await statement(ids[0] ?? 0).execute(sending.db);
      await eventually('its connections are closed', async () => leaving.openConnections === 0);
      const left = leaving.accepted.length;
      expect(await sending.finished()).toMatchObject({ accepted: 500, rejected: 0, inDoubt: 0, attemptsDeferred: 0 });
      expect(leaving.accepted).toHaveLength(left);
      await expectEachOnce(sending, 500, [leaving, staying]);
    },
  );

  test('with a limit that all workers share: never does more leave than it allows', async () => {
    const relay = await serve();
    const limit = { letters: 40, seconds: 1 } as const;
    const prepare = (db: Database) => addRelay(db, relay.port, { limit });
    await using sending = await openSending(200, {}, { prepare });
    const other = startDeliveryWorker(sending.db, sending.url);
    onTestFinished(() => other.stop());
    const startedAt = performance.now();
    await sending.start();
    expect(await sending.finished()).toMatchObject({ accepted: 200, attemptsDeferred: 0 });
    expectWithin(relay.arrivedAt, startedAt, limit);
    await expectEachOnce(sending, 200, [relay]);
  });
});

/** A letter arrives after it was granted, and what is granted is a quarter of a second’s worth, and then as many as come in the time. */
function expectWithin(
  arrivedAt: number[],
  startedAt: number,
  { letters, seconds }: { letters: number; seconds: number },
) {
  const burst = burstOf({ letters, seconds });
  const tooEarly = arrivedAt
    .toSorted((a, b) => a - b)
    .filter((at, index) => at - startedAt < ((index + 1 - burst) * seconds * 1000) / letters - 1);
  expect(tooEarly).toEqual([]);
}

/** A mailing of another owner to recipients at a domain of their own; frozen, so that it may leave as soon as a worker looks. */
async function addMailingTo(db: Database, domain: string, recipients: number) {
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  await sql`update recipients set email = 'r' || id || '@' || ${domain} where owner_id = ${ownerId}`.execute(db);
  return { ownerId, id: await addFrozenMailing(db, ownerId), domain };
}

const countTo = (server: SmtpTestServer, domain: string, first = Infinity) =>
  server.accepted.slice(0, first).filter(({ to }) => to.endsWith(`@${domain}`)).length;

describe('several mailings', () => {
  test('share fairly: at the moment when half of all is sent none has had less than a fifth', async () => {
    const domains = ['one.example', 'two.example', 'three.example'];
    const prepare = async (db: Database) => {
      for (const domain of domains) await addMailingTo(db, domain, 600);
    };
    await using sending = await openSending(0, { keepData: false }, { prepare });
    const { server } = sending;
    await eventually('all is sent', async () => server.accepted.length === 1800, 40_000);
    const half = domains.map((domain) => countTo(server, domain, 900));
    expect(Math.min(...half)).toBeGreaterThan(900 / 5);
    expect(server.counts.size).toBe(1800);
  });

  test('share fairly also behind a slow server, where few letters are under way', async () => {
    const domains = ['one.example', 'two.example', 'three.example'];
    const prepare = async (db: Database) => {
      for (const domain of domains) await addMailingTo(db, domain, 150);
    };
    await using sending = await openSending(0, { keepData: false, slowMs: 30 }, { prepare });
    const { server } = sending;
    await eventually('half is sent', async () => server.accepted.length >= 225);
    expect(Math.min(...domains.map((domain) => countTo(server, domain, 225)))).toBeGreaterThan(225 / 5);
  });

  test('of which one is throttled: it keeps to its limit, and the other does not wait for it', async () => {
    const limit = { letters: 5, seconds: 1 };
    const prepare = async (db: Database) => {
      const { id } = await addMailingTo(db, 'throttled.example', 300);
      await sql`update mailings set letters_limit = 5, limit_seconds = 1 where id = ${id}`.execute(db);
      await addMailingTo(db, 'free.example', 1500);
    };
    const startedAt = performance.now();
    await using sending = await openSending(0, { keepData: false }, { prepare });
    const { server } = sending;
    await eventually('the other is sent', async () => countTo(server, 'free.example') === 1500);
    const allowed = 5 + (5 * (performance.now() - startedAt)) / 1000;
    expect(countTo(server, 'throttled.example')).toBeLessThanOrEqual(allowed);
    await eventually('the throttled one goes on', async () => countTo(server, 'throttled.example') >= 20);
    const arrivals = server.arrivedAt.filter((_at, index) => server.accepted[index]?.to.endsWith('@throttled.example'));
    expectWithin(arrivals, startedAt, limit);
  });

  test('of which one waits a day for its limit: another that starts meanwhile leaves at once', async () => {
    const prepare = async (db: Database) => {
      const { id } = await addMailingTo(db, 'throttled.example', 50);
      await sql`update mailings set letters_limit = 1, limit_seconds = 86400 where id = ${id}`.execute(db);
    };
    await using sending = await openSending(0, { keepData: false }, { prepare });
    const { db, server } = sending;
    await eventually('its only letter has left', async () => countTo(server, 'throttled.example') === 1);
    const { id, ownerId } = await addMailingTo(db, 'free.example', 200);
    await eventually(
      'the other is accepted',
      async () => (await readCounters(db, ownerId, [id])).get(id)?.accepted === 200,
    );
    expect(countTo(server, 'throttled.example')).toBe(1);
  });
});
