/**
 * `npm run chaos -- --runs 10000 --seed 1`: so many runs, with the seeds from 1 on. A run's choices depend on its seed alone, its timing never
 * does: a failure is replayed with `--seed S --runs 1`, if need be several times.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { sql } from 'kysely';

import { closeDatabase, openDatabase, type DatabaseConnection } from '../../src/lib/database.js';
import { startEmbeddedPostgres } from '../../src/lib/embedded-postgres.js';
import { migrate } from '../../src/lib/migrate.js';
import { runMany, type Totals } from './run-many.js';
import type { RunResult } from './run.js';
import { describeSchedule } from './schedule.js';

/** Most of a run is waiting. */
const AT_A_TIME = 6;
const SHOWN_EVERY_MS = 500;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    'at-a-time': { type: 'string', default: String(AT_A_TIME) },
  },
});
process.exitCode = await chaos(readNumber('runs'), readNumber('seed'), readNumber('at-a-time'));

function readNumber(name: keyof typeof values): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} must be a whole number from 1 on`);
  return number;
}

async function chaos(runs: number, seed: number, atATime: number): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vestnik-chaos-'));
  try {
    await using postgres = await startEmbeddedPostgres({ dataDir, durable: false });
    const places = await prepareDatabases(postgres.connection, Math.min(runs, atATime));
    const begunAt = performance.now();
    let shownAt = 0;
    const totals = await runMany({
      places,
      seeds: { from: seed, count: runs },
      onResult(result, current) {
        if (result.violations.length > 0) showFailure(result);
        if (!process.stdout.isTTY || (performance.now() - shownAt < SHOWN_EVERY_MS && current.runs < runs)) return;
        shownAt = performance.now();
        process.stdout.write(`\r\u001B[2K${current.runs} of ${runs} runs, ${current.failed} failed`);
      },
    });
    showTotals(totals, (performance.now() - begunAt) / 1000);
    return totals.failed === 0 ? 0 : 1;
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One for each run that goes on at the same time. */
async function prepareDatabases(
  connection: DatabaseConnection & { database: string },
  count: number,
): Promise<DatabaseConnection[]> {
  const template = openDatabase(connection);
  await migrate(template);
  await closeDatabase(template);
  const admin = openDatabase({ ...connection, database: 'postgres' });
  const places = Array.from({ length: count }, (_, index) => ({ ...connection, database: `chaos_${index}` }));
  for (const { database } of places)
    await sql`create database ${sql.ref(database)} template ${sql.ref(connection.database)}`.execute(admin);
  await closeDatabase(admin);
  return places;
}

function showFailure({ schedule, violations }: RunResult): void {
  const lines = [
    `${process.stdout.isTTY ? '\r\u001B[2K' : ''}✗ seed ${schedule.seed}`,
    ...violations.map((violation) => `    ${violation}`),
    describeSchedule(schedule).replaceAll(/^/gm, '    '),
    `    Again: npm run chaos -- --seed ${schedule.seed} --runs 1   (its choices are the same, its timing is not)`,
  ];
  console.log(lines.join('\n'));
}

function showTotals({ runs, failed, blows, accepted }: Totals, seconds: number): void {
  const perMinute = Math.round((runs / seconds) * 60);
  console.log(
    `${process.stdout.isTTY ? '\n' : ''}${failed === 0 ? '✓' : '✗'} ${runs} runs in ${Math.round(seconds)} s (${perMinute} a minute), ${failed} failed; ${blows} blows, ${accepted} letters accepted.`,
  );
}
