import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, onTestFinished, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { parseServer } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerOptions } from '../../test/support/smtp-server.js';
import type { SmtpOptions } from '../lib/smtp/smtp-options.js';
import { Relay } from './relay.js';

const IDLE_MS = 200;

async function open(server: SmtpServerOptions, options: Partial<SmtpOptions> & { connections?: number } = {}) {
  const sink = await startSmtpServer(server);
  onTestFinished(() => sink.close());
  const relay = new Relay({
    ...parseServer(sink.url),
    connections: 1,
    onFault: () => {},
    onRecovery: () => {},
    ...options,
  });
  onTestFinished(() => relay.close(1000));
  const signal = new AbortController().signal;
  const send = (to: string) =>
    relay.send({ from: 'shop@example.com', to: `${to}@example.com`, data: 'Subject: x\r\n\r\nx\r\n' }, signal);
  return { sink, relay, send };
}

describe.each([{ chunking: false }, { chunking: true }])('a connection (BDAT: $chunking)', ({ chunking }) => {
  test('that was idle for too long carries no letter: it is closed, and another opened', async () => {
    // As behind a firewall that has forgotten it: whatever comes over the first connection is not answered.
    let isForgotten = false;
    const faults: SmtpServerOptions['faults'] = ({ connectionNumber, stage }) =>
      isForgotten && connectionNumber === 1 && stage !== 'quit' ? 'stall' : undefined;
    const { sink, send } = await open({ chunking, faults }, { timeouts: { idle: IDLE_MS } });
    expect(await send('first')).toMatchObject({ kind: 'accepted' });
    isForgotten = true;
    await delay(IDLE_MS + 50);
    const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(send));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'accepted'));
    expect(sink.connections).toBe(2);
    await eventually('the first is closed', async () => sink.openConnections === 1);
  });

  test('that waits less, or for a slow answer, is kept', async () => {
    const { sink, send } = await open({ chunking, slowMs: 2 * IDLE_MS }, { timeouts: { idle: IDLE_MS } });
    expect(await send('first')).toMatchObject({ kind: 'accepted' });
    expect(await send('second')).toMatchObject({ kind: 'accepted' });
    expect(sink.connections).toBe(1);
  });
});

describe.each([{ chunking: false }, { chunking: true }])('a gate (BDAT: $chunking)', ({ chunking }) => {
  test('that closes lets nothing begin: what waits comes back untried, and leaves once it is open', async () => {
    let isOpen = true;
    const gate = { mayBegin: () => isOpen, mayGoOn: () => true };
    const { sink, send } = await open({ chunking, slowMs: 20 }, { gate });
    expect(await send('first')).toMatchObject({ kind: 'accepted' });
    const sent = Array.from({ length: 30 }, (_, index) => send(`r${index}`));
    await eventually('some are accepted', async () => sink.accepted.length > 3);
    isOpen = false;
    const begun = sink.letters;
    const kinds = (await Promise.all(sent)).map((outcome) => (outcome.kind === 'lost' ? outcome.begun : outcome.kind));
    expect(new Set(kinds)).toEqual(new Set(['accepted', false]));
    // What was on its way is at most the letters of one connection.
    expect(sink.letters - begun).toBeLessThanOrEqual(9);
    expect(sink.accepted).toHaveLength(1 + kinds.filter((kind) => kind === 'accepted').length);
    expect(await send('while it is closed')).toMatchObject({ kind: 'lost', begun: false });
    isOpen = true;
    expect(await send('afterwards')).toMatchObject({ kind: 'accepted' });
  });
});

test('a gate that closes between envelope and content ends the connection: the letter has not left', async () => {
  let mayGoOn = true;
  const gate = { mayBegin: () => true, mayGoOn: () => mayGoOn };
  const faults: SmtpServerOptions['faults'] = ({ stage }) => {
    if (stage === 'data') mayGoOn = false;
    return undefined;
  };
  const { sink, send } = await open({ faults }, { gate });
  expect(await send('a')).toMatchObject({ kind: 'lost', stage: 'data', cause: 'closed', finalDotMayHaveLeft: false });
  expect(sink.accepted).toHaveLength(0);
});

test('a relay whose connections have all gone to other processes opens none for what waits: it comes back untried', async () => {
  const { sink, relay, send } = await open({ slowMs: 100 });
  const sent = Array.from({ length: 20 }, (_, index) => send(`r${index}`));
  await eventually('some are accepted', async () => sink.accepted.length > 1);
  relay.connections = 0;
  const outcomes = await Promise.all(sent);
  expect(sink.connections).toBe(1);
  expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(sink.accepted.length);
  expect(sink.accepted.length).toBeLessThan(20);
  const others = outcomes.filter(({ kind }) => kind !== 'accepted');
  expect(others.every((outcome) => outcome.kind === 'lost' && !outcome.begun)).toBe(true);
  relay.connections = 1;
  expect(await send('later')).toMatchObject({ kind: 'accepted' });
});
