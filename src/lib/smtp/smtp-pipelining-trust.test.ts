import { expect, test } from 'vitest';

import { openConnection } from '../../../test/support/smtp-connection.js';
import { startSmtpServer } from '../../../test/support/smtp-server.js';
import type { SendOutcome } from './smtp-outcome.js';
import { PipeliningTrust } from './smtp-pipelining-trust.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function outcome(pipelining: SendOutcome['pipelining']): SendOutcome {
  const reply = { code: 250, enhancedCode: null, text: 'ok' };
  const facts = { durationMs: 1, relay: 'mail.example:25', tls: null, finalDotMayHaveLeft: false } as const;
  return { kind: 'accepted', stage: 'dot', reply, pipelining, ...facts };
}

function letter(number: number) {
  return {
    from: 'shop@sender.example',
    to: `r${number}@recipient.example`,
    data: `Subject: ${number}\r\n\r\nHello\r\n`,
  };
}

function repeat(count: number, value: object): object[] {
  return Array.from({ length: count }, () => ({ ...value }));
}

test('a suspicion lasts a minute, and longer each time until pipelining is seen to work', () => {
  let now = 0;
  const trust = new PipeliningTrust(() => now);
  expect(trust.pipelining).toBe(true);
  for (const ms of [MINUTE, 4 * MINUTE, 16 * MINUTE]) {
    trust.learn(outcome('suspect'));
    trust.learn(outcome('suspect'));
    trust.learn(outcome(undefined));
    now += ms - 1;
    expect(trust.pipelining).toBe(false);
    now += 1;
    expect(trust.pipelining).toBe(true);
  }
  trust.learn(outcome('worked'));
  trust.learn(outcome('suspect'));
  now += MINUTE;
  expect(trust.pipelining).toBe(true);
});

test('a server is asked again once a day, however often it failed', () => {
  let now = 0;
  const trust = new PipeliningTrust(() => now);
  for (let time = 0; time < 20; time += 1) {
    trust.learn(outcome('suspect'));
    now += DAY;
    expect(trust.pipelining).toBe(true);
  }
});

test('a letter that is accepted behind another clears its server at once', () => {
  const trust = new PipeliningTrust(() => 0);
  trust.learn(outcome('suspect'));
  expect(trust.pipelining).toBe(false);
  trust.learn(outcome('worked'));
  expect(trust.pipelining).toBe(true);
});

test.each(
  (['swallow', 'drop'] as const).flatMap((breaksPipelining) =>
    [true, false].map((chunking) => ({ breaksPipelining, chunking })),
  ),
)(
  'a server that offers PIPELINING and does not keep to it ($breaksPipelining, CHUNKING: $chunking) is told by its fault, loses no letter, and works without',
  async (options) => {
    await using server = await startSmtpServer(options);
    const trust = new PipeliningTrust();
    await using first = await openConnection(server, { pipelining: trust.pipelining, timeouts: { command: 300 } });
    const outcomes = await Promise.all([1, 2, 3].map((number) => first.send(letter(number))));
    for (const each of outcomes) trust.learn(each);
    expect(outcomes[0]).toMatchObject({ kind: 'lost', begun: true, finalDotMayHaveLeft: false, pipelining: 'suspect' });
    expect(outcomes.slice(1)).toMatchObject(repeat(2, { kind: 'lost', begun: false, finalDotMayHaveLeft: false }));
    expect(server.accepted).toEqual([]);
    expect(trust.pipelining).toBe(false);
    await using second = await openConnection(server, { pipelining: trust.pipelining });
    const again = await Promise.all([1, 2, 3].map((number) => second.send(letter(number))));
    expect(again.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(again.map(({ pipelining }) => pipelining)).toEqual([undefined, undefined, undefined]);
    expect(server.accepted).toHaveLength(3);
  },
);

test('a fault on a connection whose pipelining was seen to work raises no suspicion', async () => {
  await using server = await startSmtpServer({
    faults: ({ stage, letterNumber }) => (stage === 'rcpt' && letterNumber === 5 ? 'drop' : undefined),
  });
  await using connection = await openConnection(server);
  const outcomes = await Promise.all([1, 2, 3, 4, 5].map((number) => connection.send(letter(number))));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted', 'accepted', 'lost']);
  expect(outcomes.map(({ pipelining }) => pipelining)).toEqual([undefined, 'worked', 'worked', 'worked', undefined]);
});

test.each(['500 5.5.2 what?', '502 5.5.1 what?', '503 5.5.1 bad sequence'])(
  'a server that answers the second of commands that came together with "%s" is suspected, and left',
  async (reply) => {
    await using server = await startSmtpServer({ faults: ({ stage }) => (stage === 'rcpt' ? { reply } : undefined) });
    await using connection = await openConnection(server);
    expect(await connection.send(letter(1))).toMatchObject({ kind: 'refused', stage: 'rcpt', pipelining: 'suspect' });
    expect(connection.usable).toBe(false);
    await using careful = await openConnection(server, { pipelining: false });
    const outcome = await careful.send(letter(1));
    expect(outcome).toMatchObject({ kind: 'refused', stage: 'rcpt' });
    expect(outcome.pipelining).toBeUndefined();
    expect(careful.usable).toBe(true);
  },
);
