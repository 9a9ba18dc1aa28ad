/** How long pages take while a mailing runs: one visitor who is signed in, a page at a time. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Result } from './turns.js';
import { addMailing, forgetMailings, keepRecipients, pressAndWait, startWeb, type Ledger } from './vestnik.js';
import { signIn, signUp } from './visitor.js';

/** Between an answer and the next request. */
const PAUSE_MS = 50;
const WARM_UP = 10;

const PAGES: { name: string; path: (mailingId: number) => string }[] = [
  { name: "the mailing's page", path: (id) => `/mailings/${id}` },
  { name: 'its list of deliveries', path: (id) => `/mailings/${id}/deliveries` },
  { name: 'the list of mailings', path: () => '/mailings' },
];

/** A worker must be running. */
export async function measurePages(ledger: Ledger, letters: number): Promise<Result[]> {
  await using web = await startWeb(ledger);
  const { userId, get } = await signIn(web.url, await signUp(ledger));
  const own = { ...ledger, ownerId: userId };
  await keepRecipients(own, letters);
  const mailingId = await addMailing(own);
  for (let n = 0; n < WARM_UP; n += 1) for (const { path } of PAGES) await get(path(mailingId));
  let isRunning = true;
  const sending = pressAndWait(own, mailingId).finally(() => (isRunning = false));
  const visiting = visit(mailingId, get, () => isRunning);
  const [{ seconds }, times] = await Promise.all([sending, visiting]);
  await forgetMailings(own);
  const mailing: Result = { name: 'Vestnik meanwhile', rates: [letters / seconds], missing: undefined };
  return [mailing, ...PAGES.map(({ name }, index) => summarize(name, times[index] ?? []))];
}

/** Milliseconds of each answer, page by page. */
async function visit(
  mailingId: number,
  get: (path: string) => Promise<unknown>,
  isRunning: () => boolean,
): Promise<number[][]> {
  const times = PAGES.map((): number[] => []);
  while (isRunning()) {
    for (const [index, { path }] of PAGES.entries()) {
      const began = performance.now();
      await get(path(mailingId));
      const took = performance.now() - began;
      if (isRunning()) times[index]?.push(took);
      await delay(PAUSE_MS);
    }
  }
  return times;
}

export function summarize(name: string, times: number[]): Result {
  const result: Result = { name, rates: [], missing: undefined, requests: times.length };
  const sorted = times.toSorted((a, b) => a - b);
  const [p50, p95] = [0.5, 0.95].map((part) => sorted[Math.ceil(part * sorted.length) - 1]);
  return p50 === undefined || p95 === undefined ? result : { ...result, p50Milliseconds: p50, p95Milliseconds: p95 };
}

export function showPages(results: Result[]): string {
  const pages = results.filter(({ requests }) => requests !== undefined);
  const lines = pages.map(({ name, requests, p50Milliseconds: p50, p95Milliseconds: p95 }) => {
    const figures =
      p50 === undefined || p95 === undefined
        ? 'no answer in time'
        : `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`;
    return `  ${name.padEnd(34)}${figures} (${requests} requests)`;
  });
  return lines.join('\n');
}
