import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { Draw } from '../chaos/draw.js';
import { eventually } from '../support/eventually.js';
import type { SmtpServerStage } from '../support/smtp-server.js';
import type { VestnikProcess } from '../support/vestnik-process.js';
import { Lane, MOST_IN_DOUBT } from './worker-lane.js';

const KILLS = 8;
const STAGES = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot', 'dot-reply'] as const satisfies SmtpServerStage[];
const RECIPIENTS = 150;

/** What the lanes differ in. */
const LANES = [
  { seed: 1, processes: 1, chunking: false },
  { seed: 2, processes: 1, chunking: true },
  { seed: 3, processes: 2, chunking: false },
];

describe.concurrent('worker processes are killed at points that a seed chooses', () => {
  test.each(LANES)(
    `${KILLS} times, with $processes at work (seed $seed): nobody is lost, nobody gets two, in doubt is what they held`,
    async ({ seed, processes, chunking }) => {
      const draw = new Draw(seed);
      await using lane = await Lane.open({ chunking, slowMs: 4, query: '?connections=3' });
      const workers: VestnikProcess[] = [];
      try {
        for (let index = 0; index < processes; index += 1) workers.push(await lane.startWorker());
        for (let kill = 1; kill <= KILLS; kill += 1) {
          const mailing = await lane.addMailing({ recipients: RECIPIENTS });
          const victim = workers[draw.below(processes, `victim ${kill}`)];
          if (!victim) throw new Error('there is a worker');
          const death = awaitDeath(lane, victim, draw, kill);
          await lane.go(mailing);
          await death;
          const held = await lane.bury(victim, { alone: processes === 1 });
          workers[workers.indexOf(victim)] = await lane.startWorker();
          await lane.finished(mailing);
          expect(await lane.findFaults(mailing), `kill ${kill}`).toEqual([]);
          const inDoubt = await lane.count(mailing, 'in_doubt');
          expect(inDoubt, `kill ${kill}`).toBe(held);
          expect(held, `kill ${kill}`).toBeLessThanOrEqual(MOST_IN_DOUBT);
        }
        for (const worker of workers) expect(await worker.end('SIGTERM')).toBe(0);
      } finally {
        await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
      }
    },
    200_000,
  );
});

/** At a stage of some letter, or some milliseconds after it, when it is writing down what it was told. */
async function awaitDeath(lane: Lane, victim: VestnikProcess, draw: Draw, kill: number): Promise<void> {
  const stage = draw.pick(STAGES, `stage ${kill}`);
  const at = lane.sink.letters + draw.below(Math.floor(RECIPIENTS * 0.6), `letter ${kill}`);
  const afterMs = draw.chance(50, `later ${kill}`) ? draw.below(40, `ms ${kill}`) : 0;
  const isOpening = stage === 'connect' || stage === 'ehlo';
  // Who offers CHUNKING gets the content by BDAT.
  const stages: SmtpServerStage[] = stage === 'data' ? ['data', 'bdat'] : [stage];
  let isReached = false;
  lane.onEvent = (event) => {
    // A connection may be open already, and no other be needed.
    if (lane.sink.letters >= at && (isOpening || stages.includes(event.stage))) isReached = true;
    if (isReached && afterMs === 0) void victim.end('SIGKILL');
  };
  await eventually('the point is reached', async () => isReached, 60_000);
  await delay(afterMs);
  await victim.end('SIGKILL');
}
