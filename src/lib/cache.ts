import { hash } from 'node:crypto';

import { BentoCache, bentostore, errors } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import type { Redis } from 'ioredis';

import { readDataVersion, type DataVersion } from './data-version-store.js';
import type { Database } from './database.js';
import { joinReads } from './join-reads.js';
import type { Log } from './log.js';
import type { Owners } from './owners.js';
import { logAbsence, openRedis } from './redis.js';
import { sharedLevel } from './shared-level.js';
import { noteCache } from './timing.js';
import { readBuild, readVersion } from './version.js';

/*
 * What was counted for a page, kept in memory and, with Redis, for the other processes. Nothing is ever called back: the key has the
 * version of the data, which the commit that changes them raises, and one indexed read finds it. While a mailing runs the key also has
 * the second, as what it counts raises no version. Whatever goes wrong with Redis, the value is computed; errors of that are not kept.
 */

/** Of something that belongs to owners. What depends on anything else than their mailings with their subjects, recipients' number and accounts must not go by this. */
export interface CacheEntry {
  name: string;
  /** Who sees it, and how: see `visitorOf`. */
  visitor: Visitor;
  owners: Owners;
  /** All that the value depends on beside the data. */
  params: Record<string, string | number | null>;
}

export interface Visitor {
  role: string;
  locale: string;
  timeZone: string;
}

/** Of something that follows from its input alone, whoever's it is and whatever is in the database. */
export interface PureEntry {
  name: string;
  input: unknown;
}

export interface Cache {
  /** The value is what JSON leaves of it: no Date, Map or Set. */
  read<T>(entry: CacheEntry, compute: () => Promise<T>): Promise<T>;
  derive<T>(entry: PureEntry, compute: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface CacheParts {
  db: Database;
  /** What all processes of one installation know and no other one does: two may share a Redis. */
  secret: string;
  /** The most memory of this process; with 0 nothing is kept, nowhere. */
  megabytes?: number;
}

export interface CacheOptions extends CacheParts {
  log: Log;
  /** Absent: this process's memory alone. */
  redisUrl?: string | undefined;
}

const KEEP_MS = 5 * 60_000;
/** One of a running mailing is never asked for after its second. */
const KEEP_RUNNING_MS = 5000;
const MEGABYTES = 64;
const MEMORY = { maxEntrySize: '2mb', maxItems: 10_000 };

/** Settles when Redis answers, or it is clear that it does not: that is no reason not to start. */
export async function openCache({ log, redisUrl, ...parts }: CacheOptions): Promise<Cache> {
  if (parts.megabytes === 0) return cacheNothing();
  if (redisUrl === undefined) return cacheInMemory(parts);
  const instead = 'what pages show is kept by each process for itself';
  return cacheIn(parts, await openRedis(redisUrl, (redis) => logAbsence(redis, log, instead)));
}

export function cacheInMemory(parts: CacheParts): Cache {
  return cacheIn(parts, undefined);
}

/** Computes each time: what a page shows without a cache, for comparison. */
export function cacheNothing(): Cache {
  const compute = async <T>(_entry: unknown, task: () => Promise<T>) => {
    noteCache('off');
    return toJson(await task()) as T;
  };
  return { read: compute, derive: compute, close: async () => {} };
}

function cacheIn({ db, secret, megabytes = MEGABYTES }: CacheParts, redis: Redis | undefined): Cache {
  const memory = bentostore().useL1Layer(memoryDriver({ ...MEMORY, maxSize: megabytes * 1024 * 1024 }));
  const store = redis === undefined ? memory : memory.useL2Layer(sharedLevel(redis, secret));
  const levels = new BentoCache({
    default: 'pages',
    prefix: `vestnik:cache:${digest(['installation', secret])}`,
    l2CircuitBreakerDuration: 1000,
    stores: { pages: store },
  });
  const keep = oneAtATime(async (key: string, ttl: number, compute: () => Promise<unknown>) => {
    let computed: { value: unknown } | undefined;
    const factory = async () => {
      computed = { value: toJson(await compute()) };
      return computed.value;
    };
    try {
      return await levels.getOrSet({ key, ttl, factory });
    } catch (error) {
      if (error instanceof errors.E_FACTORY_ERROR) throw error.cause;
      // Of the levels: the value is there all the same, or is computed now.
      return computed ? computed.value : toJson(await compute());
    }
  });
  const version = `${readVersion()} ${readBuild()}`;
  const readVersionOf = joinReads((owners: Owners) => readDataVersion(db, owners));
  return {
    async read<T>(entry: CacheEntry, compute: () => Promise<T>) {
      const data = await readVersionOf(entry.owners);
      return keep(dataKey(entry, data, version), data.isRunning ? KEEP_RUNNING_MS : KEEP_MS, compute) as Promise<T>;
    },
    derive: <T>({ name, input }: PureEntry, compute: () => Promise<T>) =>
      keep(digest([version, 'pure', name, input]), KEEP_MS, compute) as Promise<T>,
    close: async () => redis?.disconnect(),
  };
}

/** Another program's shapes, another visitor's words, another owner's numbers and what was true before are all under other keys. */
function dataKey({ name, visitor, owners, params }: CacheEntry, data: DataVersion, program: string): string {
  const { role, locale, timeZone } = visitor;
  const given = Object.entries(params).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const now = data.isRunning ? data.second : null;
  return digest([program, 'data', name, owners, role, locale, timeZone, data.version, now, given]);
}

function digest(parts: unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}

/** A value looks the same whether it was just computed or kept, so that a Date in it fails the first test and not the second page. */
function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

type Keep = (key: string, ttl: number, compute: () => Promise<unknown>) => Promise<unknown>;

/** However many ask for one key, one computation runs, and all get its value or its error; the library makes them try in turn. */
function oneAtATime(keep: Keep): Keep {
  const running = new Map<string, Promise<unknown>>();
  return async (key, ttl, compute) => {
    const other = running.get(key);
    if (other) {
      noteCache('shared');
      return other;
    }
    let outcome: 'hit' | 'miss' = 'hit';
    const own = keep(key, ttl, () => {
      outcome = 'miss';
      return compute();
    }).finally(() => running.delete(key));
    running.set(key, own);
    try {
      return await own;
    } finally {
      noteCache(outcome);
    }
  };
}
