import { join } from 'node:path';

import { findDjango, findNodemailer, findSmtpSource, type Contestant } from './contestants.js';
import { findFreePort, serve, type Service } from './processes.js';
import { startSink } from './smtp-sink.js';
import { ratioOf, showResults, takeTurns, VESTNIK, type Result } from './turns.js';
import { forgetMailings, keepRecipients, sendMailing, startWorker, type Ledger } from './vestnik.js';

export interface Course {
  ledger: Ledger;
  sinkPort: number;
  quick: boolean;
  rounds: number;
  connections: number;
  profile: string | undefined;
}

export type Results = Result[];

const DELAY_MS = 50;
const DELAYED_CONNECTIONS = 20;
const SLOW_CONNECTIONS = 40;

export async function runPlain(course: Course): Promise<Results> {
  const { ledger, sinkPort: port, rounds, connections } = course;
  const letters = course.quick ? 6000 : 24_000;
  await keepRecipients(ledger, letters);
  await using _worker = await startWorker(ledger, port, connections, course.profile);
  const starters = [
    { contestant: asContestant(ledger), letters },
    { contestant: findSmtpSource(), letters: letters * 2.5 },
    { contestant: findNodemailer(), letters: letters / 3 },
    { contestant: await findDjango(), letters: letters / 6 },
  ];
  const results = await takeTurns(starters, { rounds, port, connections });
  console.log(showResults(`Into one smtp-sink over ${connections} connections`, results));
  return results;
}

/** To a server without CHUNKING, which lets nobody have more than one letter under way on a connection. */
export async function runDelayed(course: Course): Promise<Results> {
  const letters = course.quick ? 1200 : 6000;
  return sendDelayed(course, course.sinkPort, letters, 'to smtp-sink');
}

export async function runDelayedChunks(course: Course): Promise<Results> {
  await using sink = await startChunkingSink();
  return await sendDelayed(course, sink.port, course.quick ? 3000 : 12_000, 'to a sink with CHUNKING');
}

async function sendDelayed(
  { ledger, quick, rounds, profile }: Course,
  sinkPort: number,
  letters: number,
  to: string,
): Promise<Results> {
  const connections = DELAYED_CONNECTIONS;
  await using proxy = await startDelay(sinkPort);
  await keepRecipients(ledger, letters);
  await using _worker = await startWorker(ledger, proxy.port, connections, profile);
  const starters = [
    { contestant: asContestant(ledger), letters },
    { contestant: findNodemailer(), letters: quick ? 300 : 1500 },
  ];
  const results = await takeTurns(starters, { rounds, port: proxy.port, connections });
  console.log(showResults(`With ${DELAY_MS} ms in the way ${to}, over ${connections} connections`, results));
  return results;
}

export async function runConnections({ ledger, sinkPort: port, quick, rounds }: Course): Promise<Results> {
  const letters = quick ? 3000 : 12_000;
  const all: Results = [];
  await keepRecipients(ledger, letters);
  for (const connections of [1, 20, 100]) {
    await using _worker = await startWorker(ledger, port, connections);
    const starters = [
      { contestant: asContestant(ledger), letters },
      { contestant: findSmtpSource(), letters: letters * 2 },
    ];
    const results = await takeTurns(starters, { rounds, port, connections });
    console.log(showResults(`Over ${connections} connections`, results));
    for (const result of results) all.push({ ...result, name: `${result.name}, ${connections} connections` });
  }
  return all;
}

/** The sink takes a second for every letter: a worker's connections are what limits it. */
export async function runWorkers({ ledger, quick, rounds }: Course): Promise<Results> {
  await using sink = await startSink(['-w', '1']);
  if (!sink) return [];
  const results: Results = [];
  for (const workers of [1, 2, 4]) {
    await using processes = new AsyncDisposableStack();
    for (let n = 0; n < workers; n += 1) processes.use(await startWorker(ledger, sink.port, SLOW_CONNECTIONS));
    const letters = workers * (quick ? 400 : 1200);
    await keepRecipients(ledger, letters);
    const vestnik = { ...asContestant(ledger), name: `${workers} worker(s)` };
    const turns = { rounds: quick ? 1 : rounds, port: sink.port, connections: SLOW_CONNECTIONS };
    results.push(...(await takeTurns([{ contestant: vestnik, letters }], turns)));
  }
  console.log(showResults('Against a slow sink', results));
  console.log(`  four workers are ${ratioOf(results, '4 worker(s)', '1 worker(s)')} × one`);
  return results;
}

/** A process for each size: it shows what that size needs. */
export async function runLarge({ ledger, sinkPort, quick, connections }: Course): Promise<Results> {
  console.log('Large mailings');
  const results: Results = [];
  for (const letters of quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000]) {
    await keepRecipients(ledger, letters);
    await using worker = await startWorker(ledger, sinkPort, connections);
    const { seconds, firstLetterSeconds } = await sendMailing(ledger);
    await forgetMailings(ledger);
    const memory = worker.peakMemory();
    const rate = letters / seconds;
    const facts = { firstLetterSeconds, ...(memory === undefined ? {} : { peakMegabytes: Math.round(memory) }) };
    results.push({ name: `${letters} recipients`, rates: [rate], missing: undefined, ...facts });
    const first = `first letter after ${firstLetterSeconds.toFixed(1)} s`;
    console.log(
      `  ${letters} recipients: ${Math.round(rate)} letters/s, ${first}, ${Math.round(memory ?? 0)} MB at most`,
    );
  }
  return results;
}

async function startChunkingSink(): Promise<Service> {
  return serveScript('chunking-sink.ts', await findFreePort());
}

async function startDelay(target: number): Promise<Service> {
  const port = await findFreePort();
  return serveScript('delay-proxy.ts', port, [target, DELAY_MS]);
}

/** One of this folder's, in a process of its own. */
function serveScript(name: string, port: number, options: number[] = []): Promise<Service> {
  const hooks = join(import.meta.dirname, '../test/support/typescript-imports.mjs');
  const script = join(import.meta.dirname, name);
  return serve(port, process.execPath, ['--import', hooks, script, ...[port, ...options].map(String)]);
}

/** A worker must be running, and have as many recipients as there are letters. */
function asContestant(ledger: Ledger): Contestant {
  return {
    name: VESTNIK,
    missing: undefined,
    async send() {
      const { seconds } = await sendMailing(ledger);
      await forgetMailings(ledger);
      return seconds;
    },
  };
}
