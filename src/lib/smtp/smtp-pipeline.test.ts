import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { openConnection, wearsOut } from '../../../test/support/smtp-connection.js';
import {
  startSmtpServer,
  type SmtpServerEvent,
  type SmtpServerFault,
  type SmtpServerStage,
} from '../../../test/support/smtp-server.js';
import type { SendOutcome } from './smtp-outcome.js';

interface Script {
  stage: SmtpServerStage;
  fault: SmtpServerFault | null;
}

const stage = fc.constantFrom<SmtpServerStage>('mail', 'rcpt', 'data', 'dot');
const refusal = fc.record({
  stage,
  fault: fc.constantFrom('450 4.2.1', '452-4.5.3\r\n452 4.5.3', '550 5.1.1', '554 5.7.1').map((reply) => ({ reply })),
});
const yes = fc.constant<Script>({ stage: 'dot', fault: null });
const fatal = fc.record({
  stage: fc.constantFrom<SmtpServerStage>('mail', 'rcpt', 'data', 'dot', 'dot-reply'),
  fault: fc.constantFrom<SmtpServerFault>(
    'drop',
    { reply: '421 4.3.2 down' },
    { reply: '421 4.3.2 down', thenDrop: true },
    { garbage: 'xx\r\n' },
    { garbage: '25', thenDrop: true },
  ),
});
const server = fc.record({ pipelining: fc.boolean(), takesDataWithoutRecipient: fc.boolean() });

function addressOf(number: number): string {
  return `r${number}@recipient.example`;
}

/** MAIL carries no recipient: the sender says which letter it is. */
function play(scripts: readonly Script[]) {
  return (event: SmtpServerEvent): SmtpServerFault | undefined => {
    const script = scripts[Number(/\d+/.exec(event.sender)?.[0] ?? -1)];
    return script?.stage === event.stage ? (script.fault ?? undefined) : undefined;
  };
}

async function run(
  scripts: readonly Script[],
  options: { pipelining: boolean; takesDataWithoutRecipient: boolean },
  atOnce: number,
) {
  await using smtp = await startSmtpServer({ ...options, faults: play(scripts) });
  await using connection = await openConnection(smtp, { timeouts: { close: 100 } });
  const outcomes: SendOutcome[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < scripts.length; number = next++) {
      outcomes[number] = await connection.send({
        from: `s${number}@sender.example`,
        to: addressOf(number),
        data: `${number}\r\n.\r\n`,
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  expect(connection.pending).toBe(0);
  return { outcomes, smtp, isUsable: connection.usable };
}

test("every letter's outcome is what the server decided for it, and the accepted ones arrived once", async () => {
  const scripts = fc.array(fc.oneof({ weight: 2, arbitrary: yes }, { weight: 3, arbitrary: refusal }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(scripts, server, fc.integer({ min: 1, max: 12 }), async (letters, options, atOnce) => {
      const { outcomes, smtp, isUsable } = await run(letters, options, atOnce);
      for (const [number, { stage: at, fault }] of letters.entries()) {
        const code = typeof fault === 'object' && fault && 'reply' in fault ? Number(fault.reply.slice(0, 3)) : 250;
        const decision = {
          kind: fault ? 'refused' : 'accepted',
          stage: at,
          reply: { code },
          timesAccepted: fault ? 0 : 1,
        };
        const isLeftOver = outcomes[number]?.kind === 'lost' && wearsOut(outcomes.slice(0, number));
        const seen = { ...outcomes[number], timesAccepted: smtp.countOf(addressOf(number)) };
        expect(seen).toMatchObject(isLeftOver ? { cause: 'closed', begun: false, timesAccepted: 0 } : decision);
      }
      expect(
        smtp.accepted.every(
          ({ from, to, data }) =>
            data === `${to.slice(1, to.indexOf('@'))}\r\n.\r\n` && from.slice(1, 2) === to.slice(1, 2),
        ),
      ).toBe(true);
      expect(smtp.violations).toEqual([]);
      expect(isUsable).toBe(!wearsOut(outcomes));
    }),
    { numRuns: 200 },
  );
});

test('whatever breaks the connection, at most one letter is in doubt, and the rest are safe to send again', async () => {
  const scripts = fc.array(
    fc.oneof({ weight: 4, arbitrary: yes }, { weight: 2, arbitrary: refusal }, { weight: 1, arbitrary: fatal }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(scripts, server, fc.integer({ min: 1, max: 12 }), async (letters, options, atOnce) => {
      const { outcomes, smtp } = await run(letters, options, atOnce);
      expect(outcomes.filter(Boolean)).toHaveLength(letters.length);
      for (const [number, outcome] of outcomes.entries()) {
        const [least, most] = timesAccepted(outcome, letters[number]?.stage === 'dot-reply');
        expect(smtp.countOf(addressOf(number))).toBeGreaterThanOrEqual(least);
        expect(smtp.countOf(addressOf(number))).toBeLessThanOrEqual(most);
      }
      expect(outcomes.filter(({ finalDotMayHaveLeft }) => finalDotMayHaveLeft).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 200 },
  );
});

/** How often the server may have accepted a letter with this outcome, at least and at most. */
function timesAccepted(outcome: SendOutcome, isReplyFalse: boolean): [number, number] {
  if (outcome.kind === 'accepted') return [1, 1];
  // A server that accepts a letter and then answers 421 does not say the truth.
  return outcome.finalDotMayHaveLeft || (outcome.kind === 'refused' && isReplyFalse) ? [0, 1] : [0, 0];
}
