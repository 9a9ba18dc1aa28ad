/** Vestnik itself: the built program, each role in a process of its own, on a PostgreSQL that keeps its promises. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';

import { nodeOptions as optionsOf } from '../bin/node-options.mjs';
import { TERMINAL } from '../src/audit/audit.js';
import { closeDatabase, openDatabase, type Database, type DatabaseConnection } from '../src/lib/database.js';
import { startEmbeddedPostgres } from '../src/lib/embedded-postgres.js';
import { migrate } from '../src/lib/migrate.js';
import { projectRoot } from '../src/lib/project-root.js';
import { startMailing } from '../src/mailings/start-mailing.js';
import { addUser } from '../test/support/fixtures.js';
import { BODY, CITY, FROM, SUBJECT } from './letter.js';
import { end, findFreePort } from './processes.js';

/** A database with a user; several workers may be started on it. */
export interface Ledger extends AsyncDisposable {
  db: Database;
  /** The settings with which a process finds it. */
  settings: Record<string, string>;
  ownerId: number;
}

export interface WorkerProcess extends AsyncDisposable {
  /** Megabytes of resident memory of this process alone, the most since its start; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  /** The same at this moment. */
  memoryNow(): number | undefined;
  /** Seconds of the processor that it has used; undefined where the system does not tell. */
  processorSeconds(): number | undefined;
}

export interface WebProcess extends WorkerProcess {
  url: string;
}

const READY_WITHIN_MS = 60_000;
const WATCH_MS = 20;

/** On the embedded PostgreSQL, or on the database of `databaseUrl`, which must be empty. */
export async function openLedger(databaseUrl?: string): Promise<Ledger> {
  await using opened = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'vestnik-bench-'));
  opened.defer(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  const embedded = databaseUrl === undefined ? opened.use(await startEmbeddedPostgres({ dataDir })) : undefined;
  const connection: DatabaseConnection = embedded?.connection ?? { connectionString: databaseUrl };
  const db = openDatabase(connection, { applicationName: 'vestnik-bench' });
  opened.defer(() => closeDatabase(db));
  await migrate(db);
  const ownerId = await addUser(db);
  const settings = { DATA_DIR: dataDir, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) };
  const resources = opened.move();
  return { db, settings, ownerId, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** The owner's recipients become exactly this many. */
export async function keepRecipients({ db, ownerId }: Ledger, count: number): Promise<void> {
  await sql`delete from recipients where owner_id = ${ownerId}`.execute(db);
  await sql`
    insert into recipients (owner_id, email, name, attributes)
    select ${ownerId}, 'recipient' || n || '@example.com', 'Анна ' || n, jsonb_build_object('city', ${CITY}::text)
    from generate_series(1, ${count}::int) n`.execute(db);
  await sql`vacuum (analyze) recipients`.execute(db);
}

export async function startWorker(
  { settings }: Ledger,
  smtpPort: number,
  connections: number,
  profileFolder?: string,
): Promise<WorkerProcess> {
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const child = await startProcess(profile, { ROLES: 'worker', ...mailSettings(smtpPort, connections), ...settings });
  return observe(child);
}

export function mailSettings(smtpPort: number, connections: number) {
  const [SMTP_URL, MAIL_FROM] = [
    `smtp://127.0.0.1:${smtpPort}?connections=${connections}`,
    `${FROM.name} <${FROM.address}>`,
  ];
  return { SMTP_URL, MAIL_FROM };
}

/** The pages, in a process of their own unless `more` says otherwise. */
export async function startWeb({ settings }: Ledger, more: Record<string, string> = {}): Promise<WebProcess> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const child = await startProcess([], {
    ROLES: 'web',
    HOST: '127.0.0.1',
    PORT: String(port),
    BASE_URL: url,
    ...settings,
    ...more,
  });
  return { url, ...observe(child) };
}

function observe(child: ChildProcess): WorkerProcess {
  return {
    peakMemory: () => readMemory(child.pid, 'VmHWM'),
    memoryNow: () => readMemory(child.pid, 'VmRSS'),
    processorSeconds: () => readProcessorSeconds(child.pid),
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function startProcess(nodeOptions: string[], settings: Record<string, string>): Promise<ChildProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(
    process.execPath,
    [...optionsOf(settings['ROLES']), ...nodeOptions, join(projectRoot, 'dist', 'server', 'main.js')],
    {
      env: { PATH, HOME, LOG_LEVEL: 'warn', ...settings },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  await awaitReady(child);
  return child;
}

async function awaitReady(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!output.includes('Ctrl-C')) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`Vestnik does not start: ${output}`);
    await delay(WATCH_MS);
  }
}

function readMemory(pid: number | undefined, name: 'VmHWM' | 'VmRSS'): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

/** Of the embedded PostgreSQL: its processes, and those of them that have ended. */
export function databaseSeconds({ settings }: Ledger): number | undefined {
  try {
    const [pid] = readFileSync(join(settings['DATA_DIR'] ?? '', 'postgresql', 'postmaster.pid'), 'utf8').split('\n');
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const ended = readTicks(Number(pid));
    const alive = children.map((child) => readTicks(Number(child))?.own ?? 0).reduce((sum, ticks) => sum + ticks, 0);
    return ended && (alive + ended.own + ended.ofEnded) / TICKS;
  } catch {
    return undefined;
  }
}

/** The kernel counts in hundredths of a second, whatever the machine (USER_HZ). */
const TICKS = 100;

function readProcessorSeconds(pid: number | undefined): number | undefined {
  const ticks = readTicks(pid);
  return ticks && ticks.own / TICKS;
}

/** See proc(5); counted after the name, which may hold anything. */
function readTicks(pid: number | undefined): { own: number; ofEnded: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [user = NaN, system = NaN, endedUser = NaN, endedSystem = NaN] = fields.slice(11, 15).map(Number);
    return { own: user + system, ofEnded: endedUser + endedSystem };
  } catch {
    return undefined;
  }
}

export interface Sending {
  letters: number;
  /** From the moment when a worker took the mailing up (all of its audience is still to be listed then) until it was finished. */
  seconds: number;
  /** From the press to the first letter that was accepted, as the ledger has it. */
  firstLetterSeconds: number;
}

/** Presses «send now» on a mailing to everybody, and waits until it is finished and every attempt committed. */
export async function sendMailing(ledger: Ledger): Promise<Sending> {
  return pressAndWait(ledger, await addMailing(ledger));
}

export async function pressAndWait({ db, ownerId }: Ledger, mailingId: number): Promise<Sending> {
  const started = await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
  if (!started.ok) throw new Error('the mailing cannot be started');
  let takenUpAt = await readTakenUp(db, mailingId);
  while (takenUpAt === null) {
    await delay(WATCH_MS);
    takenUpAt = await readTakenUp(db, mailingId);
  }
  while (!(await isFinished(db, mailingId))) await delay(WATCH_MS);
  return readSending(db, mailingId, takenUpAt);
}

/**
 * When the transaction began that listed the first part of the audience: deliveries keep that moment until they are settled, so it has to be
 * read before all of that part are. The mailing's `frozen_at` is the moment of the last part, when letters have been leaving for long.
 */
async function readTakenUp(db: Database, mailingId: number): Promise<string | null> {
  const { rows } = await sql<{ at: string | null }>`
    select min(next_try_at)::text as at from deliveries where mailing_id = ${mailingId}`.execute(db);
  return rows[0]?.at ?? null;
}

export async function addMailing({ db, ownerId }: Ledger): Promise<number> {
  const message = await db
    .insertInto('messages')
    .values({ owner_id: ownerId, subject: SUBJECT, body: BODY })
    .returning('id')
    .executeTakeFirstOrThrow();
  const now = Date.now();
  const mailing = await db
    .insertInto('mailings')
    .values({
      owner_id: ownerId,
      message_id: message.id,
      audience: 'all',
      first_sending_at: new Date(now + 3_600_000),
      ends_at: new Date(now + 86_400_000),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return mailing.id;
}

/** With its report counted, which the worker does after the end: the next contestant is not to share the processor with that. */
async function isFinished(db: Database, mailingId: number): Promise<boolean> {
  const summary = await db
    .selectFrom('mailing_summaries')
    .select('mailing_id')
    .where('mailing_id', '=', mailingId)
    .executeTakeFirst();
  return summary !== undefined;
}

async function readSending(db: Database, mailingId: number, takenUpAt: string): Promise<Sending> {
  const { rows } = await sql<Sending>`
    select c.accepted as letters, extract(epoch from m.finished_at - ${takenUpAt}::timestamptz)::float8 as seconds,
      extract(epoch from a.first - m.started_at)::float8 as "firstLetterSeconds"
    from mailings m join mailing_counters c on c.mailing_id = m.id,
      (select min(started_at + make_interval(secs => duration_ms / 1000.0)) as first
       from (select * from attempts where mailing_id = ${mailingId} order by id limit 1000) early) a
    where m.id = ${mailingId} and c.audience = c.accepted and a.first > ${takenUpAt}::timestamptz`.execute(db);
  const [sending] = rows;
  if (!sending)
    throw new Error(
      'not every letter was accepted (or the first was before it was looked): the bench needs a server that takes them all',
    );
  return sending;
}

/** What earlier rounds left behind is cleared away, so that every round writes into the same tables. */
export async function forgetMailings({ db, ownerId }: Ledger): Promise<void> {
  await sql`truncate leases, queue, deliveries, delivery_marks, attempts`.execute(db);
  await sql`delete from mailings where owner_id = ${ownerId}`.execute(db);
}
