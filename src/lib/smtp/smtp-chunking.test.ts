import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';

import { openConnection, wearsOut } from '../../../test/support/smtp-connection.js';
import {
  startSmtpServer,
  type SmtpServerEvent,
  type SmtpServerFault,
  type SmtpServerStage,
} from '../../../test/support/smtp-server.js';
import type { SmtpConnection } from './smtp-connection.js';
import type { SmtpTimeouts } from './smtp-options.js';
import type { SendOutcome } from './smtp-outcome.js';

const MOST_ON_WIRE = 8;
/** For what stalls behind a full window; all else has the time that it takes. */
const SHORT = { finalDot: 300, close: 300 };

function letter(number: number, data = `Subject: ${number}\r\n\r\nHello\r\n`) {
  return { from: `s${number}@sender.example`, to: `r${number}@recipient.example`, data };
}

function repeat(count: number, value: object): object[] {
  return Array.from({ length: count }, () => ({ ...value }));
}

function numbers(count: number, first = 1): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

function sendAll(connection: SmtpConnection, count: number, first = 1): Promise<SendOutcome[]> {
  return Promise.all(numbers(count, first).map((number) => connection.send(letter(number))));
}

/** A connection whose window is full. */
async function openWarm(server: Awaited<ReturnType<typeof startSmtpServer>>, options = {}): Promise<SmtpConnection> {
  const connection = await openConnection(server, options);
  await sendAll(connection, 2 * MOST_ON_WIRE, 1001);
  expect(server.accepted).toHaveLength(2 * MOST_ON_WIRE);
  server.accepted.length = 0;
  return connection;
}

function senderOf(event: SmtpServerEvent): number {
  return Number(/\d+/.exec(event.sender)?.[0] ?? -1);
}

test('several letters are on the wire at a time, and no more than allowed', async () => {
  let isStalled = false;
  await using server = await startSmtpServer({
    chunking: true,
    faults: ({ stage }) => (isStalled && stage === 'dot' ? 'stall' : undefined),
  });
  await using connection = await openWarm(server, { lettersOnWire: 5, timeouts: SHORT });
  expect(connection.depth).toBe(6);
  isStalled = true;
  const outcomes = await sendAll(connection, 9);
  expect(outcomes.map(({ finalDotMayHaveLeft }) => finalDotMayHaveLeft)).toEqual(numbers(9).map((n) => n <= 5));
  expect(outcomes.slice(0, 5)).toMatchObject(repeat(5, { kind: 'lost', stage: 'dot', cause: 'timeout', begun: true }));
  expect(outcomes.slice(5)).toMatchObject(repeat(4, { kind: 'lost', stage: 'mail', begun: false }));
  expect(server.violations).toEqual([]);
});

test('the first letter goes by DATA, the next ones in chunks, a large one by DATA again', async () => {
  const stages: string[] = [];
  await using server = await startSmtpServer({
    chunking: true,
    faults: ({ stage, letterNumber }) => {
      if (stage === 'data' || stage === 'bdat') stages.push(`${letterNumber} ${stage}`);
      return undefined;
    },
  });
  await using connection = await openConnection(server);
  const large = 'x\r\n.y\r\n'.repeat(60_000);
  const letters = [letter(1), letter(2), letter(3), letter(4, large), letter(5), letter(6)];
  const outcomes = await Promise.all(letters.map((each) => connection.send(each)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(Array(6).fill('accepted'));
  expect(server.accepted.map(({ data }) => data)).toEqual(letters.map(({ data }) => data));
  expect(stages).toEqual(['1 data', '2 bdat', '3 bdat', '4 data', '5 bdat', '6 bdat']);
  expect(server.violations).toEqual([]);
});

test('no letter goes by chunks where PIPELINING is missing or told not to be used, or one letter at a time is asked for', async () => {
  for (const options of [
    { server: { pipelining: false } },
    { server: {}, client: { pipelining: false } },
    { server: {}, client: { lettersOnWire: 1 } },
  ]) {
    const seen = new Set<string>();
    await using server = await startSmtpServer({
      chunking: true,
      ...options.server,
      faults: ({ stage }) => void seen.add(stage),
    });
    await using connection = await openConnection(server, options.client);
    expect((await sendAll(connection, 5)).map(({ kind }) => kind)).toEqual(Array(5).fill('accepted'));
    expect(connection.depth).toBe(3);
    expect([...seen]).not.toContain('bdat');
    expect(server.violations).toEqual([]);
  }
});

test('content is sent octet by octet: dots, UTF-8, an empty letter, texts and bytes', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  const line = fc.string({ unit: fc.constantFrom('.', 'a', 'я', ' ', '€', '😀', 'BDAT 5 LAST') });
  const data = fc.array(line).map((lines) => lines.map((text) => `${text}\r\n`).join(''));
  const letters = fc.array(fc.record({ data, isBuffer: fc.boolean() }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(letters, async (scripts) => {
      server.accepted.length = 0;
      await Promise.all(
        scripts.map((script) =>
          connection.send({ ...letter(1), data: script.isBuffer ? Buffer.from(script.data) : script.data }),
        ),
      );
      expect(server.accepted.map((accepted) => accepted.data)).toEqual(scripts.map((script) => script.data));
    }),
    { numRuns: 50 },
  );
  expect(server.violations).toEqual([]);
});

test('letters over TLS, shown to a listener, keep their octets too', async () => {
  await using server = await startSmtpServer({ chunking: true, tls: 'starttls' });
  const shown: string[] = [];
  await using connection = await openWarm(server, {
    onLine: (line: object) => shown.push(JSON.stringify(line)),
  });
  const outcomes = await sendAll(connection, 10);
  expect(outcomes.map(({ kind, tls }) => `${kind} ${tls}`)).toEqual(Array(10).fill('accepted TLSv1.3'));
  expect(server.accepted.map(({ data }) => data)).toEqual(numbers(10).map((number) => letter(number).data));
  expect(shown.join('\n')).toContain('BDAT 21 LAST');
});

const REFUSING: SmtpServerStage[] = ['mail', 'rcpt', 'bdat', 'dot'];
test.each(REFUSING.flatMap((stage) => ['451 4.7.1 later', '554 5.7.1 never'].map((reply) => ({ stage, reply }))))(
  'a letter refused at $stage with "$reply" is the only one, and no other letter comes under its envelope',
  async ({ stage, reply }) => {
    await using server = await startSmtpServer({
      chunking: true,
      faults: (event) => (event.stage === stage && [2, 3, 6].includes(senderOf(event)) ? { reply } : undefined),
    });
    await using connection = await openWarm(server);
    const outcomes = await sendAll(connection, 8);
    const refused = {
      kind: 'refused',
      stage: stage === 'bdat' ? 'dot' : stage,
      reply: { code: Number(reply.slice(0, 3)) },
    };
    expect(outcomes).toMatchObject(
      numbers(8).map((number) => ([2, 3, 6].includes(number) ? refused : { kind: 'accepted' })),
    );
    expect(server.accepted.map(({ from, to }) => `${from} ${to}`)).toEqual(
      [1, 4, 5, 7, 8].map((number) => `${letter(number).from} ${letter(number).to}`),
    );
    expect(server.violations).toEqual([]);
    expect(connection).toMatchObject({ usable: true, pending: 0 });
  },
);

test('a letter alone on the wire that is refused leaves none to reset: the next begins with RSET', async () => {
  await using server = await startSmtpServer({
    chunking: true,
    faults: (event) => (event.stage === 'rcpt' && senderOf(event) === 1 ? { reply: '550 5.1.1 unknown' } : undefined),
  });
  await using connection = await openWarm(server);
  expect(await connection.send(letter(1))).toMatchObject({ kind: 'refused', stage: 'rcpt' });
  expect(await connection.send(letter(2))).toMatchObject({ kind: 'accepted' });
  expect(await connection.send(letter(3, 'x\r\n'.repeat(100_000)))).toMatchObject({ kind: 'accepted' });
  expect(server.violations).toEqual([]);
});

test('an acceptance of BDAT after a refused recipient does not count', async () => {
  await using server = await startSmtpServer({
    chunking: true,
    faults: (event) => {
      if (senderOf(event) !== 2) return undefined;
      if (event.stage === 'rcpt') return { reply: '550 5.1.1 unknown' };
      return event.stage === 'bdat' ? { reply: '250 2.0.0 fine' } : undefined;
    },
  });
  await using connection = await openWarm(server);
  expect(await sendAll(connection, 3)).toMatchObject([
    { kind: 'accepted' },
    { kind: 'refused', stage: 'rcpt', reply: { code: 550 } },
    { kind: 'accepted' },
  ]);
  expect(server.accepted).toHaveLength(2);
});

test('a server that takes RCPT after it refused MAIL is not understood, and the letter is in doubt', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  const garbage = '550 5.7.1 not you\r\n250 2.1.5 but you\r\n';
  server.options.faults = ({ stage }) => (stage === 'mail' ? { garbage } : undefined);
  expect(await connection.send(letter(1))).toMatchObject({
    kind: 'lost',
    cause: 'protocol',
    finalDotMayHaveLeft: true,
  });
});

test('a reply too many is noticed before a letter counts as accepted, where replies have enhanced codes', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  server.options.faults = (event) => {
    if (event.stage === 'rcpt' && senderOf(event) === 2) return { reply: '250 2.1.5 ok\r\n250 2.1.5 ok' };
    return event.stage === 'bdat' && senderOf(event) >= 2 ? { reply: '554 5.6.0 no' } : undefined;
  };
  const outcomes = await sendAll(connection, 4);
  expect(outcomes[0]).toMatchObject({ kind: 'accepted' });
  expect(outcomes.slice(1)).toMatchObject(repeat(3, { kind: 'lost', cause: 'protocol', finalDotMayHaveLeft: true }));
  expect(connection.usable).toBe(false);
});

test('a server that offers CHUNKING and does not know BDAT is suspected, with one letter at most in doubt', async () => {
  await using server = await startSmtpServer({
    chunking: true,
    faults: ({ stage }) => (stage === 'bdat' ? { reply: '502 5.5.1 what?' } : undefined),
  });
  await using connection = await openConnection(server);
  const outcomes = await sendAll(connection, 5);
  expect(outcomes[0]).toMatchObject({ kind: 'accepted' });
  expect(outcomes[1]).toMatchObject({ kind: 'refused', reply: { code: 502 }, pipelining: 'suspect' });
  expect(outcomes.slice(2)).toMatchObject(repeat(3, { kind: 'lost', begun: false, finalDotMayHaveLeft: false }));
});

test.each(['mail', 'rcpt', 'bdat', 'dot'] as const)(
  'behind a 421 at %s nothing is in doubt once the server has closed',
  async (stage) => {
    await using server = await startSmtpServer({ chunking: true });
    await using connection = await openWarm(server);
    server.options.faults = (event) =>
      event.stage === stage && senderOf(event) === 3 ? { reply: '421 4.7.0 enough', thenDrop: true } : undefined;
    const outcomes = await sendAll(connection, 8);
    expect(outcomes.slice(0, 2)).toMatchObject(repeat(2, { kind: 'accepted' }));
    expect(outcomes[2]).toMatchObject({ kind: 'refused', reply: { code: 421 } });
    const behind = { kind: 'lost', cause: 'closing', begun: true, finalDotMayHaveLeft: false };
    expect(outcomes.slice(3)).toMatchObject(repeat(5, behind));
    expect(server.accepted).toHaveLength(2);
  },
);

test('behind a 421 to RSET nothing is in doubt once the server has closed', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  let resets = 0;
  server.options.faults = ({ stage }) => {
    if (stage === 'rset') resets += 1;
    return resets === 2 && stage === 'rset' ? { reply: '421 4.7.0 too many errors', thenDrop: true } : undefined;
  };
  const outcomes = await sendAll(connection, 8);
  expect(outcomes.slice(0, 2)).toMatchObject(repeat(2, { kind: 'accepted' }));
  const behind = { kind: 'lost', cause: 'closing', begun: true, finalDotMayHaveLeft: false };
  expect(outcomes.slice(2)).toMatchObject(repeat(6, behind));
  expect(server.accepted).toHaveLength(2);
});

test('a 421 is read also where a further letter could not be written any more', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  let further: Promise<SendOutcome> | undefined;
  server.options.faults = (event) => {
    if (event.stage !== 'mail' || senderOf(event) !== 3) return undefined;
    // Before this side can read the reply.
    process.nextTick(() => (further = connection.send(letter(5))));
    return { reply: '421 4.7.0 too many errors', thenReset: true };
  };
  const outcomes = await sendAll(connection, 4);
  const behind = { kind: 'lost', cause: 'closing', begun: true, finalDotMayHaveLeft: false };
  expect([...outcomes, await further]).toMatchObject([
    { kind: 'accepted' },
    { kind: 'accepted' },
    { kind: 'refused', reply: { code: 421 } },
    behind,
    behind,
  ]);
  expect(connection).toMatchObject({ usable: false, pending: 0 });
});

test('a reset without a word leaves in doubt what was on the wire, at once', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  let further: Promise<SendOutcome> | undefined;
  server.options.faults = (event) => {
    if (event.stage !== 'mail' || senderOf(event) !== 3) return undefined;
    process.nextTick(() => (further = connection.send(letter(5))));
    return { reply: '250 2.1.0 ok', thenReset: true };
  };
  const outcomes = await sendAll(connection, 4);
  const broken = {
    kind: 'lost',
    cause: 'connection',
    error: expect.stringContaining('the connection broke'),
    finalDotMayHaveLeft: true,
  };
  expect([...outcomes, await further]).toMatchObject([
    { kind: 'accepted' },
    { kind: 'accepted' },
    broken,
    broken,
    broken,
  ]);
});

test('a server that says 421 and goes on is still listened to', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  server.options.faults = (event) => {
    if (senderOf(event) === 2 && event.stage === 'rcpt') return { reply: '421 4.7.0 this one not' };
    return senderOf(event) === 4 && event.stage === 'rcpt' ? { reply: '550 5.1.1 unknown' } : undefined;
  };
  const outcomes = await sendAll(connection, 5);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'refused', 'accepted', 'refused', 'accepted']);
  expect(server.accepted.map(({ to }) => to)).toEqual([1, 3, 5].map((number) => letter(number).to));
  expect(connection.usable).toBe(false);
});

test('what is on the wire cannot be called back, what waits can', async () => {
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  server.options.slowMs = 10;
  const recall = new AbortController().signal;
  const sent = numbers(12).map((number) => connection.send(letter(number), recall));
  connection.takeBack(recall);
  const outcomes = await Promise.all(sent);
  expect(outcomes.slice(0, 8)).toMatchObject(repeat(8, { kind: 'accepted' }));
  expect(outcomes.slice(8)).toMatchObject(repeat(4, { kind: 'lost', begun: false, finalDotMayHaveLeft: false }));
  expect(server.accepted).toHaveLength(8);
  expect(connection.usable).toBe(true);
});

test('closing waits for what is on the wire, and is bounded where the server stalls', async () => {
  await using server = await startSmtpServer({ chunking: true });
  const connection = await openWarm(server);
  const sent = sendAll(connection, 10);
  await connection.close();
  const kinds = (await sent).map((outcome) => outcome.kind);
  expect(kinds).toEqual(numbers(10).map((number) => (number <= 8 ? 'accepted' : 'lost')));
  server.accepted.length = 0;
  const other = await openWarm(server, { timeouts: { close: 100 } });
  server.options.faults = ({ stage }) => (stage === 'dot' ? 'stall' : undefined);
  const stalled = sendAll(other, 2);
  await other.close(50);
  expect(await stalled).toMatchObject(repeat(2, { kind: 'lost', cause: 'closed', finalDotMayHaveLeft: true }));
  await vi.waitFor(() => expect(server.openConnections).toBe(0));
});

test('letters together never have more octets on the wire than one block', async () => {
  let most = 0;
  await using server = await startSmtpServer({ chunking: true });
  await using connection = await openWarm(server);
  server.options.faults = ({ stage }) => {
    if (stage === 'dot') most = Math.max(most, connection.pending);
    return undefined;
  };
  server.options.slowMs = 5;
  const outcomes = await Promise.all(
    numbers(6).map((number) => connection.send(letter(number, 'x'.repeat(99).concat('\r\n').repeat(1000)))),
  );
  expect(outcomes.map(({ kind }) => kind)).toEqual(Array(6).fill('accepted'));
  expect(server.violations).toEqual([]);
  expect(most).toBe(6);
});

interface Script {
  stage: SmtpServerStage;
  fault: SmtpServerFault | null;
}
const refusals = fc
  .constantFrom('450 4.2.1', '452-4.5.3\r\n452 4.5.3', '550 5.1.1', '554 5.7.1')
  .map((reply) => ({ reply }));
const script = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Script>({ stage: 'dot', fault: null }) },
  {
    weight: 3,
    arbitrary: fc.record({ stage: fc.constantFrom<SmtpServerStage>('mail', 'rcpt', 'bdat', 'dot'), fault: refusals }),
  },
);
const fatal = fc.record({
  stage: fc.constantFrom<SmtpServerStage>('mail', 'rcpt', 'bdat', 'content', 'dot', 'dot-reply', 'rset'),
  fault: fc.constantFrom<SmtpServerFault>(
    'drop',
    'stall',
    { reply: '421 4.3.2 down' },
    { reply: '421 4.3.2 down', thenDrop: true },
    { garbage: 'xx\r\n' },
    { garbage: '25', thenDrop: true },
    { reply: '354 hm' },
  ),
});

function play(scripts: readonly Script[]) {
  return (event: SmtpServerEvent): SmtpServerFault | undefined => {
    const planned = scripts[senderOf(event)];
    return planned?.stage === event.stage ? (planned.fault ?? undefined) : undefined;
  };
}

/** The letters of `scripts` over one connection, so many at once; some of them called back in the middle. */
async function run(
  scripts: readonly Script[],
  { atOnce, lettersOnWire, recallAfter }: Schedule,
  timeouts: Partial<SmtpTimeouts> = {},
) {
  await using server = await startSmtpServer({
    chunking: true,
    takesDataWithoutRecipient: false,
    faults: play(scripts),
  });
  await using connection = await openConnection(server, { timeouts, lettersOnWire });
  const recall = new AbortController().signal;
  // Chunks begin when DATA has shown that the server keeps to PIPELINING.
  await connection.send(letter(9999));
  server.accepted.length = 0;
  server.counts.clear();
  const outcomes: SendOutcome[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < scripts.length; number = next++) {
      if (number === recallAfter) connection.takeBack(recall);
      outcomes[number] = await connection.send(
        letter(number, `${number}\r\n.\r\n`),
        number % 3 === 0 ? recall : undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  expect(connection.pending).toBe(0);
  return { outcomes, server, isUsable: connection.usable };
}

type Schedule = { atOnce: number; lettersOnWire: number; recallAfter: number };
const schedule = fc.record<Schedule>({
  atOnce: fc.integer({ min: 1, max: 16 }),
  lettersOnWire: fc.integer({ min: 2, max: 8 }),
  recallAfter: fc.integer({ min: 0, max: 40 }),
});

/** Of a letter that was called back while it waited. */
const UNTOUCHED = { cause: 'closed', begun: false, timesAccepted: 0 };

/** What the server of the script decides for its letter. */
function decisionOf({ stage, fault }: Script): object {
  const code = typeof fault === 'object' && fault && 'reply' in fault ? Number(fault.reply.slice(0, 3)) : 250;
  const kind = fault ? 'refused' : 'accepted';
  return { kind, stage: stage === 'bdat' ? 'dot' : stage, reply: { code }, timesAccepted: fault ? 0 : 1 };
}

test("with chunks, every letter's outcome is what the server decided for it, whatever is refused around it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 24 }), schedule, async (scripts, plan) => {
      const { outcomes, server, isUsable } = await run(scripts, plan);
      for (const [number, each] of scripts.entries()) {
        const seen = { ...outcomes[number], timesAccepted: server.countOf(letter(number).to) };
        const isCalledBack = outcomes[number]?.kind === 'lost';
        expect(seen).toMatchObject(isCalledBack ? UNTOUCHED : decisionOf(each));
      }
      expectOwnContent(server.accepted);
      expect(server.violations).toEqual([]);
      expect(isUsable).toBe(!wearsOut(outcomes));
    }),
    { numRuns: 200 },
  );
});

test('with chunks, whatever breaks the connection, no letter is told wrong, and no more are in doubt than were on the wire', async () => {
  const scripts = fc.array(fc.oneof({ weight: 6, arbitrary: script }, { weight: 1, arbitrary: fatal }), {
    minLength: 1,
    maxLength: 24,
  });
  await fc.assert(
    fc.asyncProperty(scripts, schedule, async (letters, plan) => {
      const { outcomes, server } = await run(letters, plan, { finalDot: 60, close: 60 });
      expect(outcomes.filter(Boolean)).toHaveLength(letters.length);
      for (const [number, outcome] of outcomes.entries()) {
        const count = server.countOf(letter(number).to);
        const isReplyFalse = letters[number]?.stage === 'dot-reply';
        const [least, most] = timesAccepted(outcome, isReplyFalse);
        expect({ number, outcome, isBetween: count >= least && count <= most }).toMatchObject({ isBetween: true });
      }
      expectOwnContent(server.accepted);
      const inDoubt = outcomes.filter(({ finalDotMayHaveLeft }) => finalDotMayHaveLeft).length;
      expect(inDoubt).toBeLessThanOrEqual(plan.lettersOnWire);
    }),
    { numRuns: 200 },
  );
}, 60_000);

function expectOwnContent(accepted: readonly { from: string; to: string; data: string }[]): void {
  for (const { from, to, data } of accepted) {
    const number = to.slice(1, to.indexOf('@'));
    expect({ from, data }).toEqual({ from: `s${number}@sender.example`, data: `${number}\r\n.\r\n` });
  }
}

/** How often the server may have accepted a letter with this outcome, at least and at most. */
function timesAccepted(outcome: SendOutcome, isReplyFalse: boolean): [number, number] {
  if (outcome.kind === 'accepted') return [1, 1];
  // A server that accepts a letter and then answers 421 does not say the truth.
  return outcome.finalDotMayHaveLeft || (outcome.kind === 'refused' && isReplyFalse) ? [0, 1] : [0, 0];
}
