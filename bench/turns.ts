import type { Contestant } from './contestants.js';

export const VESTNIK = 'Vestnik';

/** What one contestant did in the rounds of one course. */
export interface Result {
  name: string;
  /** Letters a second, one figure a round; empty when it could not take part, or when something else is measured. */
  rates: number[];
  missing: string | undefined;
  /** What one should know of it beside its name. */
  about?: string;
  firstLetterSeconds?: number;
  /** Resident memory of the process. */
  peakMegabytes?: number;
  endMegabytes?: number;
  /** Of the answers to `requests` requests. */
  p50Milliseconds?: number;
  p95Milliseconds?: number;
  requests?: number;
}

interface Starter {
  contestant: Contestant;
  letters: number;
}

/** All in turn, round by round: what else the machine does then falls on each of them alike. */
export async function takeTurns(
  starters: Starter[],
  { rounds, port, connections }: { rounds: number; port: number; connections: number },
): Promise<Result[]> {
  const results = starters.map(({ contestant: { name, missing } }): Result => ({ name, missing, rates: [] }));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, { contestant, letters }] of starters.entries()) {
      if (contestant.missing !== undefined) continue;
      const seconds = await contestant.send(letters, port, connections);
      results[index]?.rates.push(letters / seconds);
    }
    process.stderr.write(`round ${round} of ${rounds}\r`);
  }
  return results;
}

export function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** How many times as fast as the other the first one is; of medians. Null when either is missing. */
export function ratioOf(results: Result[], name: string, other: string): number | null {
  const find = (wanted: string) => median(results.find((result) => result.name === wanted)?.rates ?? []);
  const [mine, theirs] = [find(name), find(other)];
  return mine === undefined || theirs === undefined ? null : Number((mine / theirs).toFixed(3));
}

export function showResults(title: string, results: Result[]): string {
  const lines = results.map((result) => {
    const name = result.name.padEnd(26);
    const middle = median(result.rates);
    if (middle === undefined) return `  ${name} skipped: ${result.missing}`;
    const range = `${Math.round(Math.min(...result.rates))}–${Math.round(Math.max(...result.rates))}`;
    const ratio = ratioOf(results, VESTNIK, result.name);
    const compared = ratio === null || result.name === VESTNIK ? '' : `${VESTNIK} is ${ratio.toFixed(2)} × as fast`;
    const about = result.about === undefined ? '' : `  (${result.about})`;
    return `  ${name}${String(Math.round(middle)).padStart(8)} letters/s  ${range.padEnd(14)} ${compared}${about}`.trimEnd();
  });
  return [title, ...lines].join('\n');
}
