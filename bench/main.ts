/** `npm run bench`: how many letters a second who sends, on this machine and in this run. README.md says what is measured, and how. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import {
  runConnections,
  runDelayed,
  runDelayedChunks,
  runLarge,
  runOpenPages,
  runPages,
  runPlain,
  runSigning,
  runStatistics,
  runWorkers,
  type Course,
  type Results,
} from './courses.js';
import { startSink } from './smtp-sink.js';
import { nameReaders } from './statistics.js';
import { ratioOf, VESTNIK } from './turns.js';
import { openLedger } from './vestnik.js';

const COURSES = {
  plain: runPlain,
  delayed: runDelayed,
  delayedChunks: runDelayedChunks,
  connections: runConnections,
  workers: runWorkers,
  pages: runPages,
  openPages: runOpenPages,
  signing: runSigning,
  large: runLarge,
  statistics: runStatistics,
};

/** What `--quick` has time for. */
const QUICK = ['plain', 'delayed', 'delayedChunks', 'pages'];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
    database: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '8' },
    profile: { type: 'string' },
  },
});
await bench();

async function bench(): Promise<void> {
  const { quick, profile, database: databaseUrl } = values;
  const chosen = values.only?.split(',') ?? (quick ? QUICK : Object.keys(COURSES));
  const unknown = chosen.filter((name) => !Object.hasOwn(COURSES, name));
  if (unknown.length > 0) {
    console.error(`There is no course ${unknown.join(', ')}; there are ${Object.keys(COURSES).join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  await using sink = await startSink();
  if (sink.name !== 'smtp-sink')
    console.log(
      'smtp-sink is not installed (Debian: postfix): letters go to a sink of our own, and all figures are lower.',
    );
  await using ledger = await openLedger();
  const [rounds, connections] = [Number(values.rounds), Number(values.connections)];
  const course: Course = { ledger, sink, databaseUrl, quick, rounds, connections, profile };
  const results: Record<string, Results> = {};
  for (const [name, run] of Object.entries(COURSES)) {
    if (chosen.includes(name)) results[name] = await run(course);
  }
  const left = Object.keys(COURSES).filter((name) => !chosen.includes(name));
  if (left.length > 0) console.log(`Left out: ${left.join(', ')}.`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summarize(results), null, 2)}\n`);
}

function summarize(results: Record<string, Results>) {
  const { plain = [], delayed = [], delayedChunks = [], workers = [], large = [], statistics = [] } = results;
  const ratios = {
    smtpSource: ratioOf(plain, VESTNIK, 'smtp-source -d'),
    django: ratioOf(plain, VESTNIK, "Django's send_mail"),
    nodemailer: ratioOf(plain, VESTNIK, "nodemailer's pool"),
    nodemailerDelayed: ratioOf(delayed, VESTNIK, "nodemailer's pool"),
    nodemailerDelayedChunks: ratioOf(delayedChunks, VESTNIK, "nodemailer's pool"),
    twoWorkers: ratioOf(workers, '2 worker(s)', '1 worker(s)'),
    fourWorkers: ratioOf(workers, '4 worker(s)', '1 worker(s)'),
    cacheEffect: ratioOf(statistics, nameReaders('cache'), nameReaders('no cache')),
    memoryOfMillion: compareMemory(large, '1000000 recipients', '100000 recipients'),
  };
  return { ratios, ...results };
}

/** Peak against peak; null where either is missing. */
function compareMemory(results: Results, name: string, other: string): number | null {
  const find = (wanted: string) => results.find((result) => result.name === wanted)?.peakMegabytes;
  const [mine, theirs] = [find(name), find(other)];
  return mine === undefined || theirs === undefined ? null : Number((mine / theirs).toFixed(3));
}
