import { expect, test, vi } from 'vitest';

import { openConnection } from '../../../test/support/smtp-connection.js';
import { startSmtpServer, type SmtpServerEvent, type SmtpTestServer } from '../../../test/support/smtp-server.js';
import type { SmtpConnection } from './smtp-connection.js';
import type { SendOutcome } from './smtp-outcome.js';

const UNTOUCHED = { kind: 'lost', cause: 'closed', begun: false, finalDotMayHaveLeft: false };

function sendAll(connection: SmtpConnection, kinds: readonly string[]): Promise<SendOutcome[]> {
  const data = 'Subject: Hello\r\n\r\nHello\r\n';
  return Promise.all(
    kinds.map((kind, index) => connection.send({ from: 's@s.example', to: `${kind}${index}@r.example`, data })),
  );
}

function repeat(kind: 'good' | 'bad', count: number): string[] {
  return Array.from({ length: count }, () => kind);
}

function refuseBad({ stage, recipient }: SmtpServerEvent) {
  return stage === 'rcpt' && recipient.startsWith('bad') ? { reply: '550 5.1.1 unknown' } : undefined;
}

/** What comes first is answered, and the rest is for another connection. */
async function expectSpent(
  server: SmtpTestServer,
  connection: SmtpConnection,
  outcomes: readonly SendOutcome[],
  kinds: readonly string[],
): Promise<void> {
  expect(outcomes.map(({ kind }) => kind)).toEqual(
    outcomes.map((_, index) => ({ good: 'accepted', bad: 'refused' })[kinds[index] ?? ''] ?? 'lost'),
  );
  expect(outcomes.slice(kinds.length)).toMatchObject(outcomes.slice(kinds.length).map(() => UNTOUCHED));
  expect(connection).toMatchObject({ usable: false, pending: 0 });
  await vi.waitFor(() => expect(server.openConnections).toBe(0));
  expect(server.violations).toEqual([]);
}

const ALTERNATING = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'good' : 'bad'));

test.each([
  { way: 'chunks', options: { chunking: true }, most: 5 },
  { way: 'DATA', options: {}, most: 4 },
  { way: 'DATA without PIPELINING', options: { pipelining: false }, most: 4 },
])('a server that refuses each letter gets $most over a connection by $way', async ({ options, most }) => {
  await using server = await startSmtpServer({ ...options, faults: refuseBad });
  const connection = await openConnection(server);
  await expectSpent(server, connection, await sendAll(connection, repeat('bad', 20)), repeat('bad', most));
});

test.each([
  { way: 'chunks', options: { chunking: true } },
  { way: 'DATA', options: {} },
  { way: 'DATA without PIPELINING', options: { pipelining: false } },
])('a connection by $way bears nine letters refused between others', async ({ options }) => {
  await using server = await startSmtpServer({ ...options, faults: refuseBad });
  const connection = await openConnection(server);
  const outcomes = await sendAll(connection, ALTERNATING);
  const answered = outcomes.findLastIndex(({ kind }) => kind !== 'lost') + 1;
  expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(9);
  await expectSpent(server, connection, outcomes, ALTERNATING.slice(0, answered));
});

test('a connection that was full of accepted letters meets no more refusals than it had letters out', async () => {
  await using server = await startSmtpServer({ chunking: true, faults: refuseBad });
  const connection = await openConnection(server);
  await sendAll(connection, repeat('good', 20));
  await expectSpent(server, connection, await sendAll(connection, repeat('bad', 20)), repeat('bad', 8));
});

test('a connection that is spent waits for its last letters as long as they may take, and not only until a close is cut short', async () => {
  await using server = await startSmtpServer({ chunking: true, faults: refuseBad });
  const connection = await openConnection(server, { timeouts: { close: 30 } });
  await sendAll(connection, repeat('good', 20));
  server.options.slowMs = 150;
  const kinds = [...repeat('bad', 5), 'good'];
  const outcomes = await sendAll(connection, kinds);
  await expectSpent(server, connection, outcomes, kinds);
});

test('a connection that retires gives back what waits, lets what is out end, and can still be closed in time', async () => {
  await using server = await startSmtpServer({ chunking: true, slowMs: 100 });
  const connection = await openConnection(server, { timeouts: { close: 30 } });
  const sent = sendAll(connection, repeat('good', 3));
  await connection.retire();
  expect(await sent).toMatchObject([{ kind: 'accepted' }, UNTOUCHED, UNTOUCHED]);
  const other = await openConnection(server, { timeouts: { close: 30 } });
  server.options.faults = ({ stage }) => (stage === 'dot' ? 'stall' : undefined);
  const stalled = sendAll(other, repeat('good', 1));
  const retired = other.retire();
  await vi.waitFor(() => expect(server.letters).toBe(2));
  await other.close();
  await retired;
  expect(await stalled).toMatchObject([{ kind: 'lost', cause: 'closed' }]);
});

test.each([true, false])(
  'a 421 to RSET is no fault of the letter behind it, by DATA (PIPELINING: %s)',
  async (pipelining) => {
    await using server = await startSmtpServer({
      pipelining,
      faults: (event) =>
        event.stage === 'rset' ? { reply: '421 4.7.0 too many errors', thenDrop: true } : refuseBad(event),
    });
    await using connection = await openConnection(server);
    const closing = { kind: 'lost', cause: 'closing', finalDotMayHaveLeft: false };
    expect(await sendAll(connection, ['bad', 'good', 'good'])).toMatchObject([
      { kind: 'refused', reply: { code: 550 } },
      { ...closing, begun: true },
      { ...closing, begun: false },
    ]);
  },
);
