/** `npm run bench`: how many letters a second who sends, on this machine and in this run. README.md says what is measured, and how. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import {
  runConnections,
  runDelayed,
  runDelayedChunks,
  runLarge,
  runPlain,
  runWorkers,
  type Course,
  type Results,
} from './courses.js';
import { startSink } from './smtp-sink.js';
import { ratioOf, VESTNIK } from './turns.js';
import { openLedger } from './vestnik.js';

const COURSES = {
  plain: runPlain,
  delayed: runDelayed,
  delayedChunks: runDelayedChunks,
  connections: runConnections,
  workers: runWorkers,
  large: runLarge,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '8' },
    profile: { type: 'string' },
  },
});
await bench();

async function bench(): Promise<void> {
  await using sink = await startSink();
  if (!sink) {
    console.log('smtp-sink is not installed (Debian: postfix): there is no server to send to.');
    process.exitCode = 1;
    return;
  }
  await using ledger = await openLedger();
  const { quick, profile } = values;
  const [rounds, connections] = [Number(values.rounds), Number(values.connections)];
  const course: Course = { ledger, sinkPort: sink.port, quick, rounds, connections, profile };
  const chosen = values.only?.split(',') ?? (quick ? ['plain', 'delayed', 'delayedChunks'] : Object.keys(COURSES));
  const results: Record<string, Results> = {};
  for (const [name, run] of Object.entries(COURSES)) {
    if (chosen.includes(name)) results[name] = await run(course);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summarize(results), null, 2)}\n`);
}

function summarize(results: Record<string, Results>) {
  const { plain = [], delayed = [], delayedChunks = [] } = results;
  const ratios = {
    smtpSource: ratioOf(plain, VESTNIK, 'smtp-source -d'),
    django: ratioOf(plain, VESTNIK, "Django's send_mail"),
    nodemailer: ratioOf(plain, VESTNIK, "nodemailer's pool"),
    nodemailerDelayed: ratioOf(delayed, VESTNIK, "nodemailer's pool"),
    nodemailerDelayedChunks: ratioOf(delayedChunks, VESTNIK, "nodemailer's pool"),
  };
  return { ratios, ...results };
}
