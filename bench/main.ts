/** `npm run bench`: how many letters a second who sends, on this machine and in this run. README.md says what is measured, and how. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { findDjango, findNodemailer, findSmtpSource, type Contestant } from './contestants.js';
import { findFreePort, serve } from './processes.js';
import { startSink } from './smtp-sink.js';
import { ratioOf, showResults, takeTurns, type Result } from './turns.js';
import { forgetMailings, keepRecipients, openLedger, sendMailing, startWorker, type Ledger } from './vestnik.js';

interface Options {
  quick: boolean;
  rounds: number;
  connections: number;
  profile: string | undefined;
}

const VESTNIK = 'Vestnik';
const DELAY_MS = 50;
const DELAYED_CONNECTIONS = 20;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string', default: 'plain,delayed' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '8' },
    profile: { type: 'string' },
  },
});
const { quick, profile } = values;
await bench({ quick, profile, rounds: Number(values.rounds), connections: Number(values.connections) });

async function bench(options: Options): Promise<void> {
  await using sink = await startSink();
  if (!sink) {
    console.log('smtp-sink is not installed (Debian: postfix); without a server to send to nothing can be measured.');
    process.exitCode = 1;
    return;
  }
  const courses = values.only.split(',');
  await using ledger = await openLedger();
  const plain = courses.includes('plain') ? await runPlain(ledger, sink.port, options) : [];
  const delayed = courses.includes('delayed') ? await runDelayed(ledger, sink.port, options) : [];
  const ratios = {
    smtpSource: ratioOf(plain, VESTNIK, 'smtp-source -d'),
    django: ratioOf(plain, VESTNIK, "Django's send_mail"),
    nodemailer: ratioOf(plain, VESTNIK, "nodemailer's pool"),
    nodemailerDelayed: ratioOf(delayed, VESTNIK, "nodemailer's pool"),
  };
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ ratios, plain, delayed }, null, 2)}\n`);
}

async function runPlain(ledger: Ledger, port: number, options: Options): Promise<Result[]> {
  const { quick, rounds, connections } = options;
  const scale = quick ? 1 : 4;
  await keepRecipients(ledger, 6000 * scale);
  await using _worker = await startWorker(ledger, port, connections, options.profile);
  const starters = [
    { contestant: asContestant(ledger), letters: 6000 * scale },
    { contestant: findSmtpSource(), letters: 15_000 * scale },
    { contestant: findNodemailer(), letters: 2000 * scale },
    { contestant: await findDjango(), letters: 1000 * scale },
  ];
  const results = await takeTurns(starters, { rounds, port, connections });
  console.log(showResults(`Into one smtp-sink, ${connections} connections, every attempt committed`, results, VESTNIK));
  return results;
}

async function runDelayed(ledger: Ledger, sinkPort: number, { quick, rounds, profile }: Options): Promise<Result[]> {
  const scale = quick ? 1 : 4;
  const port = await findFreePort();
  const hooks = join(import.meta.dirname, '../test/support/typescript-imports.mjs');
  const proxy = join(import.meta.dirname, 'delay-proxy.ts');
  const args = ['--import', hooks, proxy, String(port), String(sinkPort), String(DELAY_MS)];
  await using _proxy = await serve(port, process.execPath, args);
  await keepRecipients(ledger, 1200 * scale);
  await using _worker = await startWorker(ledger, port, DELAYED_CONNECTIONS, profile);
  const starters = [
    { contestant: asContestant(ledger), letters: 1200 * scale },
    { contestant: findNodemailer(), letters: 300 * scale },
  ];
  const results = await takeTurns(starters, { rounds, port, connections: DELAYED_CONNECTIONS });
  console.log(showResults(`With ${DELAY_MS} ms in the way, ${DELAYED_CONNECTIONS} connections`, results, VESTNIK));
  return results;
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
