/**
 * Every process says every five seconds that it is alive and what it does. One that stops in order takes its row away; one that was
 * killed is gone 20 s after its last beat. While the database is away nothing is said, and nothing else suffers from it.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { repeat } from '../lib/repeat.js';
import type { NodeRole } from '../lib/schema.js';
import { readVersion } from '../lib/version.js';
import type { Activity } from './activity.js';
import type { NodeActivity } from './node.js';
import { findOtherSecret, removeNode, saveBeat } from './nodes-store.js';

interface HeartbeatOptions {
  /** See `nameNode`. */
  name: string;
  roles: readonly NodeRole[];
  /** The installation's secret; its processes must agree on it. */
  secret: string;
  activity: Activity;
  log: Log;
  everyMs?: number;
}

export interface Heartbeat {
  /** Takes the row away, unless the database does not answer soon. */
  stop(): Promise<void>;
}

/** `other_secret`: the process `node` is alive and has another secret. */
export type HeartbeatStart =
  | { ok: true; heartbeat: Heartbeat }
  | { ok: false; fault: { code: 'other_secret'; node: string } };

const BEAT_MS = 5_000;
const STOP_WITHIN_MS = 2_000;

/** No other process has the same name: numbers of processes repeat, in containers always. */
export function nameNode(): string {
  return `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Has said the first word when it resolves. Throws when the database is away then. */
export async function startHeartbeat(db: Database, options: HeartbeatOptions): Promise<HeartbeatStart> {
  const { name } = options;
  const beat = prepareBeat(db, options);
  await beat();
  const other = await findOtherSecret(db, name);
  if (other !== undefined) {
    await removeNode(db, name);
    return { ok: false, fault: { code: 'other_secret', node: other } };
  }
  const stopping = new AbortController();
  const beating = goOn(beat, options, stopping.signal);
  const leave = async () => {
    await beating;
    await removeNode(db, name).catch((error: unknown) =>
      options.log.warn({ err: error }, 'this process could not sign off; it will be shown as gone'),
    );
  };
  return {
    ok: true,
    heartbeat: {
      async stop() {
        stopping.abort();
        await Promise.race([leave(), delay(STOP_WITHIN_MS, undefined, { ref: false })]);
      },
    },
  };
}

function prepareBeat(db: Database, { name, roles, secret, activity }: HeartbeatOptions): () => Promise<void> {
  const begunAt = performance.now();
  const version = readVersion();
  const secretDigest = digestSecret(secret);
  return () => {
    const uptimeMs = performance.now() - begunAt;
    return saveBeat(db, { name, roles, version, secretDigest, uptimeMs, activity: describe(roles, activity) });
  };
}

async function goOn(
  beat: () => Promise<void>,
  { log, everyMs = BEAT_MS }: HeartbeatOptions,
  stopping: AbortSignal,
): Promise<void> {
  const onFailure = (error: unknown, isFirst: boolean) => {
    if (isFirst) log.warn({ err: error }, 'this process could not say that it is alive; it tries again');
  };
  await delay(everyMs, undefined, { signal: stopping }).catch(() => {});
  await repeat({ everyMs, stopping, onFailure }, beat);
}

function describe(roles: readonly NodeRole[], activity: Activity): NodeActivity {
  const memoryBytes = process.memoryUsage.rss();
  return roles.includes('worker') ? { memoryBytes, sending: activity.read() } : { memoryBytes };
}

/** Tells equal secrets from different ones, and nothing else. */
function digestSecret(secret: string): string {
  return createHmac('sha256', secret).update('the processes of an installation').digest('base64url');
}
