import { sql, type KyselyPlugin } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { addMailing, addRecipients, addUser } from '../../test/support/fixtures.js';
import { parseServer, silentLog } from '../../test/support/sending.js';
import { startSmtpServer } from '../../test/support/smtp-server.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { startMailing } from '../mailings/start-mailing.js';
import { freezeAudience } from './ledger-store.js';
import { sendMailing } from './mailing-sender.js';
import { Relay } from './relay.js';

/** A database of which one statement fails once: the n-th that contains the text. */
function failOnce(db: Database, text: string, nth = 1): Database {
  let seen = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (JSON.stringify(node).includes(text)) seen += 1;
      else return node;
      if (seen === nth) throw new Error('Connection terminated unexpectedly');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return db.withPlugin(plugin);
}

/** Sends one mailing while a statement fails, and tells what became of it at the moment when the sending has ended. */
async function sendWithFailure(recipients: number, text: string, nth?: number) {
  await using database = await createTestDatabase();
  await using server = await startSmtpServer();
  const { db } = database;
  const ownerId = await addUser(db);
  await addRecipients(db, ownerId, recipients);
  const mailingId = await addMailing(db, ownerId);
  await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
  await freezeAudience(db, mailingId);
  const relay = new Relay({ ...parseServer(server.url), connections: 2, onFault: () => {}, onRecovery: () => {} });
  const from = { name: '', address: 'shop@example.com' };
  const stopping = new AbortController().signal;
  const deps = {
    db: failOnce(db, text, nth),
    log: silentLog,
    relay,
    from,
    retryMinutes: [1],
    onPolicy: () => {},
    node: 'node',
    leases: new Set<number>(),
    stopping,
    halted: new AbortController().signal,
  };
  try {
    const error = await sendMailing(deps, mailingId).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const { rows } = await sql<{ state: string; count: number }>`
      select state::text, count(*)::int from deliveries group by state order by state`.execute(db);
    const leases = (await sql`select from leases`.execute(db)).rows.length;
    return {
      error,
      states: Object.fromEntries(rows.map(({ state, count }) => [state, count])),
      leases,
      taken: server.accepted.length,
    };
  } finally {
    await relay.close();
  }
}

test('ends only when both of its leases have ended, though one of them failed', async () => {
  const { error, states, leases } = await sendWithFailure(1, 'insert into leases', 2);
  expect(error).toBeInstanceOf(Error);
  expect(states).toEqual({ accepted: 1 });
  expect(leases).toBe(0);
});

test.each([
  ['a window could not be begun', 'set begun_count', 2],
  ['an outcome could not be written', 'insert into attempts', 1],
  ['a lease could not be ended', 'with ended as', 1],
])('loses nothing and puts nothing in doubt when %s at first', async (_what, text, nth) => {
  const { error, states, leases, taken } = await sendWithFailure(100, text, nth);
  expect(error).toBeUndefined();
  expect(states).toEqual({ accepted: 100 });
  expect(leases).toBe(0);
  expect(taken).toBe(100);
});
