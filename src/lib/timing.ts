import { AsyncLocalStorage } from 'node:async_hooks';

import type { KyselyPlugin, QueryId } from 'kysely';

import type { Database } from './database.js';

/* Where the time of an answer went, for Server-Timing. Only what runs inside `measure` is measured; workers have another handle of the database. */

export type CacheOutcome = 'hit' | 'miss' | 'shared' | 'off';

interface Timing {
  /** Begin and end of every query, in ms. */
  queries: [number, number][];
  cache: CacheOutcome[];
  renderMs: number;
}

const current = new AsyncLocalStorage<Timing>();

/** Runs `answer`, and tells where its time went, as the header Server-Timing has it. */
export async function measure(answer: () => Promise<void>): Promise<string> {
  const begun = performance.now();
  const timing: Timing = { queries: [], cache: [], renderMs: 0 };
  await current.run(timing, answer);
  return describe(timing, performance.now() - begun);
}

export function noteCache(outcome: CacheOutcome): void {
  current.getStore()?.cache.push(outcome);
}

export async function timeRendering<T>(render: () => T | Promise<T>): Promise<T> {
  const begun = performance.now();
  const rendered = await render();
  const timing = current.getStore();
  if (timing) timing.renderMs += performance.now() - begun;
  return rendered;
}

/** The same database, whose queries are measured, with their wait for a connection. */
export function timeQueries(db: Database): Database {
  const begun = new WeakMap<QueryId, number>();
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      if (current.getStore()) begun.set(queryId, performance.now());
      return node;
    },
    async transformResult({ result, queryId }) {
      const from = begun.get(queryId);
      if (from !== undefined) current.getStore()?.queries.push([from, performance.now()]);
      return result;
    },
  };
  return db.withPlugin(plugin);
}

/** `db` is the time with at least one query under way. */
function describe({ queries, cache, renderMs }: Timing, totalMs: number): string {
  const outcomes = [...new Set(cache)];
  return [
    `db;dur=${coveredBy(queries).toFixed(1)}`,
    ...(outcomes.length > 0 ? [`cache;desc="${outcomes.join(', ')}"`] : []),
    `render;dur=${renderMs.toFixed(1)}`,
    `total;dur=${totalMs.toFixed(1)}`,
  ].join(', ');
}

function coveredBy(spans: [number, number][]): number {
  let covered = 0;
  let upTo = -Infinity;
  for (const [from, to] of spans.toSorted(([a], [b]) => a - b)) {
    covered += Math.max(0, to - Math.max(from, upTo));
    upTo = Math.max(upTo, to);
  }
  return covered;
}
