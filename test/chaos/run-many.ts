import type { DatabaseConnection } from '../../src/lib/database.js';
import { runChaos, type RunResult } from './run.js';

export interface Totals {
  runs: number;
  failed: number;
  blows: number;
  accepted: number;
}

interface Many {
  /** Databases with the schema; each serves one run at a time. */
  places: DatabaseConnection[];
  seeds: { from: number; count: number };
  onResult: (result: RunResult, totals: Totals) => void;
}

/** As many at a time as there are databases. */
export async function runMany({ places, seeds, onResult }: Many): Promise<Totals> {
  const totals: Totals = { runs: 0, failed: 0, blows: 0, accepted: 0 };
  let next = seeds.from;
  const runInTurn = async (place: DatabaseConnection) => {
    while (next < seeds.from + seeds.count) {
      const result = await runChaos(place, next++);
      totals.runs += 1;
      totals.blows += result.blows;
      totals.accepted += result.accepted;
      if (result.violations.length > 0) totals.failed += 1;
      onResult(result, totals);
    }
  };
  await Promise.all(places.map(runInTurn));
  return totals;
}
