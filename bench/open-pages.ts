/** What open pages of running mailings cost those who send: in turn with none, and with a thousand. */
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';

import { TERMINAL } from '../src/audit/audit.js';
import { continueMailing, pauseMailing } from '../src/mailings/control-mailing.js';
import { startMailing } from '../src/mailings/start-mailing.js';
import { agesOf, openStreams, PAGES_OF_USER, type Look } from './event-streams.js';
import type { Result } from './turns.js';
import {
  addMailing,
  databaseSeconds,
  forgetMailings,
  keepRecipients,
  mailSettings,
  startWeb,
  startWorker,
  type Ledger,
  type WebProcess,
  type WorkerProcess,
} from './vestnik.js';
import { signIn, signUp, type Visitor } from './visitor.js';

const PAGES = 1000;
const LOOK_MS = 50;

interface Setting {
  ledger: Ledger;
  smtpPort: number;
  connections: number;
  /** In all. */
  letters: number;
  rounds: number;
  /** Pages and sending in one process, or in one each. */
  together: boolean;
}

interface Mailing {
  id: number;
  ledger: Ledger;
}

interface Crowd {
  /** What stands in the table. */
  name: string;
  mailings: number;
  pages: number;
}

const CROWDS: Crowd[] = [1, 100].flatMap((mailings) =>
  [0, PAGES].map((pages) => ({ name: `${mailings} mailing(s), ${pages} pages`, mailings, pages })),
);

interface Processes {
  web: WebProcess;
  /** Absent where the other one sends as well. */
  worker: WorkerProcess | undefined;
}

export interface OpenPagesResult extends Result {
  rounds: Round[];
}

/** What one mailing, or a hundred at once, came to. */
interface Round {
  rate: number;
  /** Microseconds of the processor for each letter: what others do on the machine changes these little. */
  webMicroseconds: number;
  workerMicroseconds: number;
  databaseMicroseconds: number;
  readersMicroseconds: number;
  webMegabytes: number;
  transactions: number;
  openingSeconds: number;
  /** A second, for each stream. */
  events: number;
  kilobytes: number;
  /** Milliseconds: of all numbers that were shown, the oldest, and that of 19 in 20. */
  oldest: number;
  p95: number;
}

export async function measureOpenPages(setting: Setting): Promise<OpenPagesResult[]> {
  const { ledger, smtpPort, connections, together, rounds } = setting;
  await using opened = new AsyncDisposableStack();
  const mail = mailSettings(smtpPort, connections);
  const web = opened.use(await startWeb(ledger, together ? { ...mail, ROLES: 'web,worker' } : {}));
  const worker = together ? undefined : opened.use(await startWorker(ledger, smtpPort, connections));
  const visitors: Visitor[] = [];
  for (let n = 0; n < PAGES / PAGES_OF_USER; n += 1)
    visitors.push(await signIn(web.url, await signUp(ledger, 'manager')));
  const results = CROWDS.map(({ name }): OpenPagesResult => ({ name, rates: [], missing: undefined, rounds: [] }));
  for (let round = 0; round < rounds; round += 1)
    for (const [index, crowd] of CROWDS.entries()) {
      const measured = await sendBefore(crowd, setting, { web, worker }, visitors);
      results[index]?.rates.push(measured.rate);
      results[index]?.rounds.push(measured);
      console.log(`  ${crowd.name.padEnd(26)}${describe(measured)}`);
    }
  return results;
}

/** The audience is listed and the pages are open before it begins: from «Continue» until all are finished. */
async function sendBefore(
  crowd: Crowd,
  { ledger, letters }: Setting,
  processes: Processes,
  visitors: Visitor[],
): Promise<Round> {
  const { db } = ledger;
  const mailings = await prepare(ledger, crowd.mailings, letters, visitors);
  const opening = performance.now();
  // Also where none stay open, so that as much time has gone by and as much was asked.
  const all = await openStreams(processes.web.url, mailings, visitors, PAGES);
  for (const stream of all.slice(crowd.pages)) stream.close();
  const streams = all.slice(0, crowd.pages);
  const openingSeconds = (performance.now() - opening) / 1000;
  const before = await readState(ledger, processes);
  for (const { id, ledger: own } of mailings) await continueMailing(db, TERMINAL, own.ownerId, id, new Date());
  const looks = await watchBooks(ledger);
  const seconds = (performance.now() - before.at) / 1000;
  const after = await readState(ledger, processes);
  for (const stream of streams) stream.close();
  await awaitSummaries(ledger);
  for (const { ledger: own } of mailings) await forgetMailings(own);
  const each = (sum: number) => (streams.length === 0 ? 0 : sum / streams.length / seconds);
  const sent = after.accepted - before.accepted;
  const perLetter = (from: number, to: number) => ((to - from) * 1e6) / sent;
  const ages = streams.flatMap((stream) => agesOf(stream, looks)).toSorted((a, b) => a - b);
  return {
    rate: sent / seconds,
    webMicroseconds: perLetter(before.web, after.web),
    workerMicroseconds: perLetter(before.worker, after.worker),
    databaseMicroseconds: perLetter(before.database, after.database),
    readersMicroseconds: perLetter(before.readers, after.readers),
    webMegabytes: processes.web.memoryNow() ?? NaN,
    transactions: (after.transactions - before.transactions) / seconds,
    openingSeconds,
    events: each(streams.reduce((sum, { events }) => sum + events, 0)),
    kilobytes: each(streams.reduce((sum, { bytes }) => sum + bytes, 0)) / 1024,
    oldest: ages.at(-1) ?? 0,
    p95: ages[Math.floor(ages.length * 0.95)] ?? 0,
  };
}

/** Started and paused at once, with all of their audience listed. A hundred mailings have ten owners. */
async function prepare(
  { db, ...rest }: Ledger,
  count: number,
  letters: number,
  visitors: Visitor[],
): Promise<Mailing[]> {
  const mailings: Mailing[] = [];
  const owners = count === 1 ? visitors.slice(0, 1) : visitors;
  for (const { userId } of owners) {
    const ledger: Ledger = { ...rest, db, ownerId: userId };
    await keepRecipients(ledger, letters / count);
    for (let n = 0; n < count / owners.length; n += 1) {
      const id = await addMailing(ledger);
      await startMailing(db, TERMINAL, userId, id, new Date());
      await pauseMailing(db, TERMINAL, userId, id, new Date());
      mailings.push({ id, ledger });
    }
  }
  const isListed = async () =>
    (
      await db
        .selectFrom('mailings')
        .select('id')
        .where('status', '=', 'running')
        .where('frozen_at', 'is', null)
        .execute()
    ).length === 0;
  while (!(await isListed())) await delay(LOOK_MS);
  await sql`checkpoint`.execute(db);
  return mailings;
}

async function watchBooks({ db }: Ledger): Promise<Look[]> {
  const looks: Look[] = [];
  for (;;) {
    const rows = await db
      .selectFrom('mailing_counters')
      .innerJoin('mailings', 'mailings.id', 'mailing_id')
      .select(['mailing_id as id', 'accepted', 'status'])
      .execute();
    looks.push({ at: performance.now(), accepted: new Map(rows.map(({ id, accepted }) => [id, accepted])) });
    if (rows.every(({ status }) => status === 'finished')) return looks;
    await delay(LOOK_MS);
  }
}

async function readState(ledger: Ledger, { web, worker }: Processes) {
  const { rows } = await sql<{ transactions: number; accepted: number }>`
    select xact_commit as transactions, (select coalesce(sum(accepted), 0)::int8 from mailing_counters) as accepted
    from pg_stat_database where datname = current_database()`.execute(ledger.db);
  const { user, system } = process.cpuUsage();
  const [books = { transactions: NaN, accepted: NaN }] = rows;
  return {
    at: performance.now(),
    ...books,
    web: web.processorSeconds() ?? NaN,
    worker: worker?.processorSeconds() ?? 0,
    database: databaseSeconds(ledger) ?? NaN,
    readers: (user + system) / 1e6,
  };
}

async function awaitSummaries({ db }: Ledger): Promise<void> {
  const count = async () => {
    const { rows } = await sql<{ left: number }>`
      select count(*)::int8 as left from mailings m where status = 'finished'
        and not exists (select from mailing_summaries s where s.mailing_id = m.id)`.execute(db);
    return rows[0]?.left ?? 0;
  };
  while ((await count()) > 0) await delay(LOOK_MS);
}

function describe(round: Round): string {
  const { rate, transactions, webMegabytes, openingSeconds, events, kilobytes, oldest, p95 } = round;
  const { webMicroseconds, workerMicroseconds, databaseMicroseconds, readersMicroseconds } = round;
  const letter = `a letter costs ${Math.round(workerMicroseconds)} µs of the worker, ${Math.round(databaseMicroseconds)} of PostgreSQL, ${Math.round(webMicroseconds)} of the web process`;
  const sent = `${Math.round(rate)} letters/s, ${Math.round(transactions)} transactions/s; ${letter} (${Math.round(webMegabytes)} MB)`;
  if (events === 0) return sent;
  const streams = `${events.toFixed(2)} events/s and ${kilobytes.toFixed(1)} KB/s each, readers ${Math.round(readersMicroseconds)} µs a letter`;
  return `${sent}; opened in ${openingSeconds.toFixed(1)} s, ${streams}, numbers up to ${Math.round(oldest)} ms old (p95 ${Math.round(p95)} ms)`;
}
