import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { runMany } from './run-many.js';
import type { RunResult } from './run.js';
import { chooseSchedule, describeSchedule } from './schedule.js';

const RUNS = 200;
const FIRST_SEED = 1;
/** Most of a run is waiting. */
const AT_A_TIME = 6;

const databases: TestDatabase[] = [];

beforeAll(async () => {
  for (let index = 0; index < AT_A_TIME; index += 1) databases.push(await createTestDatabase());
});
afterAll(async () => {
  for (const database of databases) await database.close();
});

test(`${RUNS} runs under blows that their seeds choose: nobody is lost, nobody gets two, the books are true, and all settles`, async () => {
  const failures: string[] = [];
  const totals = await runMany({
    places: databases.map(({ connection }) => connection),
    seeds: { from: FIRST_SEED, count: RUNS },
    onResult: (result) => void (result.violations.length > 0 && failures.push(explain(result))),
  });
  expect(failures).toEqual([]);
  expect(totals).toMatchObject({ runs: RUNS, failed: 0 });
  // Else it proves nothing.
  expect(totals.accepted).toBeGreaterThan(RUNS * 15);
}, 300_000);

describe('the schedule of a run', () => {
  test('depends on its seed alone', () => {
    expect(chooseSchedule(7)).toEqual(chooseSchedule(7));
    expect(chooseSchedule(7)).not.toEqual(chooseSchedule(8));
  });

  test('every kind of blow falls in the runs of this file', () => {
    const seeds = Array.from({ length: RUNS }, (_, index) => FIRST_SEED + index);
    const kinds = new Set(seeds.flatMap((seed) => chooseSchedule(seed).blows.map(({ kind }) => kind)));
    expect([...kinds].toSorted()).toEqual([
      'block',
      'cut',
      'decide',
      'delete',
      'expire',
      'freeze',
      'kill',
      'loseClaim',
      'loseRecord',
      'pause',
      'restart',
      'stop',
      'vanish',
    ]);
  });
});

function explain({ schedule, violations }: RunResult): string {
  return [...violations, describeSchedule(schedule)].join('\n');
}
