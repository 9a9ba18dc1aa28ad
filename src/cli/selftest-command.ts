/**
 * `npm run manage -- selftest [letters]`: proves on this installation's own database server that nothing is lost or doubled when worker
 * processes are killed. All of it happens in a database of its own, with a mail server of its own.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { TERMINAL } from '../audit/audit.js';
import { recountMailing } from '../delivery/recount-store.js';
import { findImbalances, type Recount } from '../delivery/recount.js';
import type { Database, DatabaseConnection } from '../lib/database.js';
import type { Translate } from '../lib/i18n.js';
import { startMailing } from '../mailings/start-mailing.js';
import { createSelftestDatabase, type SelftestDatabase } from './selftest-database.js';
import { addSelftestMailing, isFinished, readOutcomes, type SelftestMailing } from './selftest-ledger.js';
import { startSelftestSink, type SelftestSink } from './selftest-sink.js';
import { judgeSelftest, type SelftestFindings } from './selftest-verdict.js';
import type { SelftestWorkerSettings } from './selftest-worker.js';

interface SelftestCommand {
  foundation: { db: Database; connection: DatabaseConnection; config: { terminalLocale: string } };
  t: Translate;
  positionals: string[];
}

const LETTERS = { usual: 2_000, least: 1_000, most: 1_000_000 };
const PROCESSES = 2;
/** When a process is killed: shares of all letters. What it held never arrives; the last share is reached even so. */
const KILLS = [0.1, 0.25, 0.4];
const LOOK_MS = 250;
/** What a killed process held is taken back after 20 s. */
const STUCK_AFTER_MS = 120_000;
const BAR_WIDTH = 30;
const LABEL_WIDTH = 34;

/** Returns the exit code: 1 when something was lost or doubled. */
export async function selftestFromTerminal({ foundation, t, positionals }: SelftestCommand): Promise<number> {
  const numbers = new Intl.NumberFormat(foundation.config.terminalLocale);
  const format = (number: number) => numbers.format(number);
  const letters = readLetters(positionals[0]);
  if (letters === undefined)
    return complain(t('cli.selftest.howMany', { least: format(LETTERS.least), most: format(LETTERS.most) }));
  const created = await createSelftestDatabase(foundation.db, foundation.connection);
  if (!created.ok) return complain(t('cli.selftest.mayNotCreate', { user: created.user }));
  await using database = created.database;
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
  const figures = { letters: format(letters), processes: PROCESSES, kills: KILLS.length };
  console.log(t('cli.selftest.begun', { ...figures, database: database.name }));
  const findings = await send(database, letters, interrupted.signal, (line) =>
    show(t('cli.selftest.progress', { ...line })),
  );
  if (process.stdout.isTTY) process.stdout.write('\n');
  if (findings === 'interrupted') return conclude(t('cli.selftest.interrupted'), 130);
  return report(t, format, findings);
}

function readLetters(typed: string | undefined): number | undefined {
  if (typed === undefined) return LETTERS.usual;
  const number = Number(typed);
  return Number.isInteger(number) && number >= LETTERS.least && number <= LETTERS.most ? number : undefined;
}

interface Progress {
  bar: string;
  percent: number;
  killed: number;
}

async function send(
  { db, connection }: SelftestDatabase,
  letters: number,
  interrupted: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<SelftestFindings | 'interrupted'> {
  const mailing = await addSelftestMailing(db, letters);
  // Named before it is there: letters come only later.
  const crew: { current?: Crew } = {};
  await using sink = await startSelftestSink(() => crew.current?.onLetter());
  await using workers = new Crew(
    { connection, smtpUrl: sink.url },
    KILLS.map((share) => Math.ceil(share * letters)),
  );
  crew.current = workers;
  const begunAt = performance.now();
  await startMailing(db, TERMINAL, mailing.ownerId, mailing.id, new Date());
  for (let index = 0; index < PROCESSES; index += 1) workers.start();
  if (!(await awaitEnd(db, mailing, { sink, workers, letters, interrupted, onProgress }))) return 'interrupted';
  const seconds = (performance.now() - begunAt) / 1000;
  const recount = await recountMailing(db, mailing.id);
  return { ...(await compare(db, mailing, { sink, recount })), letters, killed: workers.killed, seconds };
}

interface Watched {
  sink: SelftestSink;
  workers: Crew;
  letters: number;
  interrupted: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** False when it was interrupted. What does not come to its end is found waiting afterwards. */
async function awaitEnd(
  db: Database,
  mailing: SelftestMailing,
  { sink, workers, letters, interrupted, onProgress }: Watched,
): Promise<boolean> {
  let [arrived, changedAt] = [0, performance.now()];
  while (!interrupted.aborted) {
    if (sink.arrived !== arrived) [arrived, changedAt] = [sink.arrived, performance.now()];
    const share = Math.min(1, arrived / letters);
    const full = Math.floor(share * BAR_WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
    onProgress({ bar, percent: Math.floor(share * 100), killed: workers.killed });
    if ((await isFinished(db, mailing)) || performance.now() - changedAt > STUCK_AFTER_MS) return true;
    await delay(LOOK_MS, undefined, { signal: interrupted }).catch(() => {});
  }
  return false;
}

/** Worker processes; each that is killed is followed by another one. */
class Crew implements AsyncDisposable {
  killed = 0;
  readonly #settings: SelftestWorkerSettings;
  readonly #kills: number[];
  #letters = 0;
  #processes: ChildProcess[] = [];

  constructor(settings: SelftestWorkerSettings, kills: number[]) {
    this.#settings = settings;
    this.#kills = [...kills];
  }

  start(): void {
    const child = fork(join(import.meta.dirname, 'selftest-worker.js'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.send(this.#settings);
    this.#processes.push(child);
  }

  /** The signal is sent before the letter's sender is told that it was taken. */
  onLetter(): void {
    this.#letters += 1;
    if (this.#letters < (this.#kills[0] ?? Infinity)) return;
    this.#kills.shift();
    this.#processes.shift()?.kill('SIGKILL');
    this.killed += 1;
    this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = this.#processes.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    });
    await Promise.all(ends);
  }
}

/** The ledger beside what has arrived. */
async function compare(
  db: Database,
  mailing: SelftestMailing,
  { sink, recount }: { sink: SelftestSink; recount: Recount | undefined },
) {
  const outcomes = await readOutcomes(db, mailing);
  const list = (state: string) => outcomes.filter((outcome) => outcome.state === state).map(({ address }) => address);
  const [accepted, inDoubt] = [list('accepted'), list('in_doubt')];
  return {
    accepted: accepted.length,
    inDoubt: inDoubt.length,
    inDoubtArrived: inDoubt.filter((address) => sink.counts.has(address)).length,
    unsettled: outcomes.length - accepted.length - inDoubt.length,
    acceptedAbsent: accepted.filter((address) => !sink.counts.has(address)).length,
    listed: outcomes.length,
    doubled: [...sink.counts.values()].filter((count) => count > 1).length,
    imbalances: recount ? findImbalances(recount).length : 1,
    sendingSeconds: sink.seconds,
    arrived: sink.arrived,
  };
}

function report(t: Translate, format: (number: number) => string, findings: SelftestFindings): number {
  const { letters, accepted, inDoubt, inDoubtArrived, doubled, imbalances, killed, seconds } = findings;
  const { lost, rate, faults } = judgeSelftest(findings);
  const lines: [label: string, value: string][] = [
    [t('cli.selftest.letters'), format(letters)],
    [t('cli.selftest.accepted'), format(accepted)],
    [
      t('cli.selftest.inDoubt'),
      t('cli.selftest.inDoubtOf', {
        count: format(inDoubt),
        arrived: format(inDoubtArrived),
        absent: format(inDoubt - inDoubtArrived),
      }),
    ],
    [t('cli.selftest.lost'), format(lost)],
    [t('cli.selftest.doubled'), format(doubled)],
    [t('cli.selftest.books'), t(imbalances === 0 ? 'cli.selftest.balanced' : 'cli.selftest.unbalanced')],
    [t('cli.selftest.killed'), format(killed)],
    [t('cli.selftest.took'), t('cli.selftest.seconds', { seconds: format(Math.round(seconds)) })],
    [t('cli.selftest.rate'), format(Math.round(rate))],
  ];
  for (const [label, value] of lines) console.log(`${label.padEnd(LABEL_WIDTH)}${value}`);
  if (faults.length === 0) return conclude(`✓ ${t('cli.selftest.fine')}`, 0);
  for (const fault of faults) console.log(`✗ ${t(`cli.selftest.faults.${fault}`)}`);
  return 1;
}

let shown = '';

/** One line that is written over on a terminal, and nothing elsewhere. */
function show(line: string): void {
  if (line === shown || !process.stdout.isTTY) return;
  shown = line;
  process.stdout.write(`\r\u001B[2K${line}`);
}

function conclude(line: string, code: number): number {
  console.log(line);
  return code;
}

function complain(text: string): number {
  console.error(text);
  return 1;
}
