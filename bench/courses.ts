import { findDjango, findNodemailer, findSmtpSource, type Contestant } from './contestants.js';
import { openGivenLedger } from './given-ledger.js';
import { measureOpenPages } from './open-pages.js';
import { measurePages, showPages } from './pages.js';
import { serveScript } from './processes.js';
import { makeSigners } from './signing.js';
import type { Sink } from './smtp-sink.js';
import { measureStatistics } from './statistics.js';
import { median, ratioOf, showResults, takeTurns, VESTNIK, type Result } from './turns.js';
import { forgetMailings, keepRecipients, sendMailing, startWorker, type Ledger } from './vestnik.js';

export interface Course {
  ledger: Ledger;
  sink: Sink;
  /** Of the server that is given; absent: Debian's is started. */
  databaseUrl: string | undefined;
  quick: boolean;
  rounds: number;
  connections: number;
  profile: string | undefined;
}

export type Results = Result[];

const GIVEN = `${VESTNIK}, given PostgreSQL`;
/** Stands in the table for one that cannot take part. */
const NOBODY = { name: GIVEN, send: () => Promise.resolve(NaN) };

const DELAY_MS = 50;
const DELAYED_CONNECTIONS = 20;
/** Each worker can do 100 letters a second then, and four of them do a fraction of what the machine can. */
const SLOW_LETTER_MS = 200;
const SLOW_CONNECTIONS = 20;

export async function runPlain(course: Course): Promise<Results> {
  const { ledger, sink, rounds, connections, profile } = course;
  const { port } = sink;
  const letters = course.quick ? 6000 : 24_000;
  await using opened = new AsyncDisposableStack();
  await keepRecipients(ledger, letters);
  opened.use(await startWorker(ledger, port, connections, profile));
  const given = await openGivenLedger(opened, course.databaseUrl);
  if (given.ledger) {
    await keepRecipients(given.ledger, letters);
    opened.use(await startWorker(given.ledger, port, connections, profile));
  }
  const starters = [
    { contestant: asContestant(ledger), letters },
    { contestant: given.ledger ? asContestant(given.ledger, GIVEN) : { ...NOBODY, missing: given.missing }, letters },
    { contestant: findSmtpSource(), letters: letters * 2.5 },
    { contestant: findNodemailer(), letters: letters / 4 },
    { contestant: await findDjango(), letters: letters / 8 },
  ];
  const results = await takeTurns(starters, { rounds, port, connections });
  for (const result of results) if (result.name === GIVEN && given.ledger) result.about = given.about;
  console.log(showResults(`Into one ${sink.name} over ${connections} connections`, results));
  return results;
}

/** To a server without CHUNKING, which lets nobody have more than one letter under way on a connection. */
export async function runDelayed(course: Course): Promise<Results> {
  const letters = course.quick ? 1200 : 6000;
  return sendDelayed(course, course.sink.port, letters, `to ${course.sink.name}`);
}

export async function runDelayedChunks(course: Course): Promise<Results> {
  await using sink = await serveScript('chunking-sink.ts');
  return await sendDelayed(course, sink.port, course.quick ? 3000 : 12_000, 'to a sink with CHUNKING');
}

async function sendDelayed(
  { ledger, quick, rounds, profile }: Course,
  sinkPort: number,
  letters: number,
  to: string,
): Promise<Results> {
  const connections = DELAYED_CONNECTIONS;
  await using proxy = await serveScript('delay-proxy.ts', [sinkPort, DELAY_MS]);
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

export async function runConnections({ ledger, sink: { port }, quick, rounds }: Course): Promise<Results> {
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

/**
 * The sink takes its time for every letter and has time for as many connections as there are: a worker's connections are what limits it. There
 * are so many letters for each worker that the first connections, and the last lease of one worker while the others are done, weigh little.
 */
export async function runWorkers({ ledger, quick, rounds }: Course): Promise<Results> {
  await using sink = await serveScript('chunking-sink.ts', [SLOW_LETTER_MS, 0]);
  const results: Results = [];
  for (const workers of [1, 2, 4]) {
    await using processes = new AsyncDisposableStack();
    for (let n = 0; n < workers; n += 1) processes.use(await startWorker(ledger, sink.port, SLOW_CONNECTIONS));
    const letters = workers * (quick ? 800 : 1600);
    await keepRecipients(ledger, letters);
    const turns = { rounds, port: sink.port, connections: SLOW_CONNECTIONS };
    results.push(...(await takeTurns([{ contestant: asContestant(ledger, `${workers} worker(s)`), letters }], turns)));
  }
  console.log(showResults(`Against a sink that takes ${SLOW_LETTER_MS} ms for a letter`, results));
  for (const workers of [2, 4])
    console.log(`  ${workers} workers are ${ratioOf(results, `${workers} worker(s)`, '1 worker(s)')} × one`);
  return results;
}

/** A process for each size: it shows what that size needs. */
export async function runLarge({ ledger, sink, quick, connections }: Course): Promise<Results> {
  console.log('Large mailings');
  const results: Results = [];
  for (const letters of quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000]) {
    await keepRecipients(ledger, letters);
    await using worker = await startWorker(ledger, sink.port, connections);
    const { seconds, firstLetterSeconds } = await sendMailing(ledger);
    const [peak, now] = [worker.peakMemory(), worker.memoryNow()];
    await forgetMailings(ledger);
    const rate = letters / seconds;
    const isKnown = peak !== undefined && now !== undefined;
    const facts = { firstLetterSeconds, ...(isKnown && { peakMegabytes: peak, endMegabytes: now }) };
    results.push({ name: `${letters} recipients`, rates: [rate], missing: undefined, ...facts });
    const first = `first letter after ${firstLetterSeconds.toFixed(1)} s`;
    const needed = isKnown
      ? `${Math.round(peak)} MB at most, ${Math.round(now)} MB at the end`
      : 'memory unknown (no /proc)';
    console.log(`  ${letters} recipients: ${Math.round(rate)} letters/s, ${first}, ${needed}`);
  }
  return results;
}

/** The pages are those of a process with ROLES=web beside the worker. */
export async function runPages({ ledger, sink, quick, connections }: Course): Promise<Results> {
  await using _worker = await startWorker(ledger, sink.port, connections);
  const results = await measurePages(ledger, quick ? 20_000 : 100_000);
  console.log(showResults('Pages while a mailing runs', results.slice(0, 1)));
  console.log(showPages(results));
  return results;
}

/** First with pages and sending in a process each, then in one. */
export async function runOpenPages({ ledger, sink, quick, connections }: Course): Promise<Results> {
  const all: Results = [];
  for (const together of [false, true]) {
    console.log(`Open pages, ${together ? 'sent from the same process' : 'sent from another process'}`);
    const setting = { ledger, smtpPort: sink.port, connections, together };
    const results = await measureOpenPages({ ...setting, letters: quick ? 20_000 : 100_000, rounds: quick ? 1 : 3 });
    for (const result of results) all.push({ ...result, name: `${result.name}, ${together ? 'one process' : 'two'}` });
  }
  return all;
}

export async function runStatistics({ quick }: Course): Promise<Results> {
  const { about, results } = await measureStatistics(quick ? 1_000_000 : 10_000_000);
  console.log(`What the server takes for a page, with ${about} (by its Server-Timing)`);
  console.log(showPages(results));
  for (const { name, rates } of results)
    if (rates.length > 0) console.log(`  ${name.padEnd(34)}${Math.round(median(rates) ?? NaN)} pages/s`);
  return results;
}

/** As if the one thread that does the rest signed as well, and nothing of it overlapped: the least that would be left. */
export async function runSigning({ ledger, sink: { port }, quick, rounds, connections }: Course): Promise<Results> {
  const letters = quick ? 3000 : 12_000;
  await keepRecipients(ledger, letters);
  await using _worker = await startWorker(ledger, port, connections);
  const signers = makeSigners().map((contestant) => ({ contestant, letters: quick ? 300 : 1500 }));
  const starters = [{ contestant: asContestant(ledger), letters }, ...signers];
  const results = await takeTurns(starters, { rounds, port, connections });
  const [sent, ...signed] = results.map(({ rates }) => median(rates) ?? NaN);
  console.log('With a DKIM signature for every letter');
  console.log(`  without${String(Math.round(sent ?? NaN)).padStart(27)} letters/s`);
  for (const [index, { contestant }] of signers.entries()) {
    const [alone, without] = [signed[index] ?? NaN, sent ?? NaN];
    const rate = 1 / (1 / without + 1 / alone);
    const name = contestant.name.replace('alone', 'calculated');
    results.push({ name, rates: [rate], missing: undefined });
    const cost = `${Math.round(1e6 / alone)} µs a letter`;
    console.log(`  ${name.padEnd(26)}${String(Math.round(rate)).padStart(8)} letters/s  (${cost} for the signature)`);
  }
  return results;
}

/** A worker must be running, and have as many recipients as there are letters. */
function asContestant(ledger: Ledger, name = VESTNIK): Contestant {
  return {
    name,
    missing: undefined,
    async send() {
      const { seconds } = await sendMailing(ledger);
      await forgetMailings(ledger);
      return seconds;
    },
  };
}
