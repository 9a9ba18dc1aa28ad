import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { TERMINAL } from '../../src/audit/audit.js';
import { stopMailing } from '../../src/mailings/control-mailing.js';
import { eventually } from '../support/eventually.js';
import type { SmtpServerOptions, SmtpServerStage } from '../support/smtp-server.js';
import type { VestnikProcess } from '../support/vestnik-process.js';
import { Lane, MOST_IN_DOUBT, type LaneMailing } from './worker-lane.js';

interface Scene {
  lane: Lane;
  mailing: LaneMailing;
  worker: VestnikProcess;
}

interface Point {
  at: string;
  recipients?: number;
  domain?: string;
  body?: string;
  isHeld?: boolean;
  /** Brings the process to the point, and kills it there. */
  kill: (scene: Scene) => Promise<void>;
  /** `held`: what stood in its leases at its death. By then the mailing is finished by another process. */
  expect?: (scene: Scene, held: number) => Promise<void>;
}

const RECIPIENTS = 40;
const LONG_BODY = `Dear {{ name }}! ${'It is long. '.repeat(12_000)}`;
const LIMITED = 'limited.example';
const PART = 5_000;
const FREEZE_LOCK = 1_447_383_884;
const CLAIM = 'picked as materialized';
const RECORD = 'given as materialized';

/** Killed before the mail server says its next word, at this stage of the letter that is the tenth from now. */
function atStage(stage: SmtpServerStage, letters = 10): Point['kill'] {
  return async ({ lane, mailing, worker }) => {
    const from = lane.sink.letters;
    const died = Promise.withResolvers<void>();
    let isKilled = false;
    lane.onEvent = (event) => {
      if (isKilled || event.stage !== stage || lane.sink.letters < from + letters) return;
      isKilled = true;
      worker.end('SIGKILL').then(() => died.resolve(), died.reject);
    };
    await lane.go(mailing);
    await died.promise;
  };
}

/** Killed while one of its statements waits for a table; then the statement is undone with its session, or goes on without it. */
function atStatement(
  lock: string | ((mailing: LaneMailing) => string),
  part: string,
  then: 'undone' | 'committed',
): Point['kill'] {
  return async ({ lane, mailing, worker }) => {
    const held = await lane.lock(typeof lock === 'string' ? lock : lock(mailing));
    await lane.go(mailing);
    await lane.waiting(part);
    await worker.end('SIGKILL');
    if (then === 'undone') await lane.endSessions();
    await held.release();
  };
}

const nothingLeft: Point['expect'] = async ({ lane, mailing }, held) => {
  expect(held).toBe(0);
  expect(await lane.count(mailing, 'accepted')).toBe(RECIPIENTS);
};

/** Claimed letters of which not a byte was sent: nobody can know, so they are in doubt. */
const claimedOnly: Point['expect'] = async ({ lane, mailing }, held) => {
  expect(held).toBeGreaterThan(0);
  expect(mailing.addresses.filter((address) => lane.sink.countOf(address) === 0)).toHaveLength(held);
};

const someArrived: Point['expect'] = async ({ lane, mailing }, held) => {
  const arrived = mailing.addresses.filter((address) => lane.sink.countOf(address) === 1).length;
  expect(arrived).toBeGreaterThan(RECIPIENTS - held);
};

const OPENING: Point[] = [
  { at: 'the greeting', kill: atStage('connect', 0) },
  { at: 'MAIL', kill: atStage('mail') },
  { at: 'RCPT', kill: atStage('rcpt') },
];

/** Of a process that has no connection yet: one that has sent before may need no other. */
const GREETED: Point[] = [{ at: 'the answer to EHLO', kill: atStage('ehlo', 0) }];

const CONTENT: Point[] = [
  { at: 'DATA', kill: atStage('data') },
  { at: 'the middle of the content', body: LONG_BODY, kill: atStage('content') },
  { at: 'the final dot, before its reply', kill: atStage('dot'), expect: someArrived },
  { at: 'the reply', kill: atStage('dot-reply'), expect: someArrived },
];

const CHUNKED: Point[] = [
  { at: 'BDAT', kill: atStage('bdat') },
  { at: 'the last octet, before its reply', kill: atStage('dot'), expect: someArrived },
  { at: 'the replies to several letters', kill: atStage('dot-reply', 20), expect: someArrived },
];

const CLAIMS: Point[] = [
  {
    at: 'the claim, which is undone',
    isHeld: true,
    kill: atStatement('lock table queue in exclusive mode', CLAIM, 'undone'),
    expect: nothingLeft,
  },
  {
    at: 'the claim, which is committed without it',
    isHeld: true,
    kill: atStatement('lock table queue in exclusive mode', CLAIM, 'committed'),
    expect: claimedOnly,
  },
  {
    at: 'the moment after the claim, before the first byte',
    domain: LIMITED,
    kill: atStatement('lock table rates in exclusive mode', 'insert into rates', 'undone'),
    expect: claimedOnly,
  },
  {
    at: 'the freeze, between two parts',
    recipients: PART + 500,
    kill: killBetweenParts,
  },
];

const RECORDS: Point[] = [
  {
    at: 'the record, which is undone',
    isHeld: true,
    kill: atStatement(lockBooks, RECORD, 'undone'),
    expect: someArrived,
  },
  {
    at: 'the record, which is committed without it',
    isHeld: true,
    kill: atStatement(lockBooks, RECORD, 'committed'),
    expect: someRecorded,
  },
  { at: 'the moment after a record', kill: killAfterRecord },
  {
    at: 'the closing of what waits, which is undone',
    isHeld: true,
    kill: (scene) => killWhileClosing(scene, 'undone'),
    expect: allCancelled,
  },
  {
    at: 'the closing of what waits, which is committed without it',
    isHeld: true,
    kill: (scene) => killWhileClosing(scene, 'committed'),
    expect: allCancelled,
  },
];

/** A row that only a record writes, once everybody is listed. A table that is locked would hold up the look for dead workers as well. */
function lockBooks({ id }: LaneMailing): string {
  return `select from mailing_counters where mailing_id = ${id} for update`;
}

/** What was written, was written: it is not in doubt. */
async function someRecorded({ lane, mailing }: Scene, held: number): Promise<void> {
  const arrived = mailing.addresses.filter((address) => lane.sink.countOf(address) === 1).length;
  expect(arrived).toBeGreaterThan(0);
  expect(held).toBeLessThan(RECIPIENTS);
}

/** Whoever asks for the owner's lock gets it in turn: the first part, then this test, then the second part. */
async function killBetweenParts({ lane, mailing, worker }: Scene): Promise<void> {
  const take = `select pg_advisory_xact_lock(${FREEZE_LOCK}, ${mailing.ownerId})`;
  const before = await lane.lock(take);
  await lane.go(mailing);
  await lane.waiting('pg_advisory_xact_lock');
  const between = lane.lock(take);
  await eventually('the test waits for its turn', async () => {
    const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`.execute(lane.db);
    return rows.length === 2;
  });
  await before.release();
  const lock = await between;
  await lane.waiting('pg_advisory_xact_lock');
  await worker.end('SIGKILL');
  await lane.endSessions();
  const listed = await lane.db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('mailing_id', '=', mailing.id)
    .executeTakeFirstOrThrow();
  expect(listed.count).toBe(PART);
  await lock.release();
}

async function killAfterRecord({ lane, mailing, worker }: Scene): Promise<void> {
  await lane.go(mailing);
  await eventually('something is recorded', async () => (await lane.count(mailing, 'accepted')) > 0);
  await worker.end('SIGKILL');
}

async function killWhileClosing({ lane, mailing, worker }: Scene, then: 'undone' | 'committed'): Promise<void> {
  const held = await lane.lock(lockBooks(mailing));
  await stopMailing(lane.db, TERMINAL, mailing.ownerId, mailing.id, new Date());
  await lane.waiting('delete from queue');
  await worker.end('SIGKILL');
  if (then === 'undone') await lane.endSessions();
  await held.release();
}

async function allCancelled({ lane, mailing }: Scene, held: number): Promise<void> {
  expect(held).toBe(0);
  expect(await lane.count(mailing, 'cancelled')).toBe(RECIPIENTS);
}

const LANES: { what: string; points: Point[]; options: SmtpServerOptions }[] = [
  { what: 'at the beginning of a conversation', points: OPENING, options: {} },
  { what: 'when it has greeted', points: GREETED, options: {} },
  { what: 'around the content of a letter', points: CONTENT, options: {} },
  { what: 'in a conversation with BDAT', points: CHUNKED, options: { chunking: true } },
  { what: 'around a claim', points: CLAIMS, options: {} },
  { what: 'around a record', points: RECORDS, options: { slowMs: 5 } },
];

describe.concurrent('a worker process is killed', () => {
  test.each(LANES)(
    '$what: the next one goes on, nobody is lost, nobody gets two, and in doubt is what it held',
    async ({ points, options }) => {
      await using lane = await Lane.open({ ...options, query: '?connections=2' });
      await sql`insert into domain_limits (domain, letters_limit, limit_seconds) values (${LIMITED}, 100000, 1)`.execute(
        lane.db,
      );
      let worker = await lane.startWorker();
      try {
        for (const point of points) {
          const { recipients = RECIPIENTS, ...rest } = point;
          const mailing = await lane.addMailing({ recipients, ...rest });
          const scene = { lane, mailing, worker };
          await point.kill(scene);
          const held = await lane.bury(worker);
          expect(held, point.at).toBeLessThanOrEqual(MOST_IN_DOUBT);
          worker = await lane.startWorker();
          await lane.finished(mailing);
          expect(await lane.findFaults(mailing), point.at).toEqual([]);
          expect(await lane.count(mailing, 'in_doubt'), point.at).toBe(held);
          await point.expect?.(scene, held);
        }
        expect(await worker.end('SIGTERM')).toBe(0);
      } finally {
        await worker[Symbol.asyncDispose]();
      }
    },
    180_000,
  );
});
