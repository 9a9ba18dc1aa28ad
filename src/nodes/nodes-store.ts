import { sql } from 'kysely';
import { z } from 'zod';

import type { Database } from '../lib/database.js';
import type { NodeRole } from '../lib/schema.js';
import { GONE_AFTER_SECONDS, type Node, type NodeActivity } from './node.js';

/* Times are those of the database: the clocks of machines differ. */

/** What a process says of itself. */
export interface Beat {
  name: string;
  roles: readonly NodeRole[];
  version: string;
  secretDigest: string;
  /** For how long it has been running. */
  uptimeMs: number;
  activity: NodeActivity;
}

const IS_ALIVE = sql<boolean>`seen_at > now() - make_interval(secs => ${GONE_AFTER_SECONDS})`;

/** Says that a process is alive, and forgets those that have been gone for a day. */
export async function saveBeat(db: Database, beat: Beat): Promise<void> {
  const { name, roles, version, secretDigest, uptimeMs, activity } = beat;
  await sql`
    insert into nodes (name, roles, version, secret_digest, started_at, activity)
    values (${name}, ${roles}, ${version}, ${secretDigest}, now() - make_interval(secs => ${uptimeMs / 1000}), ${JSON.stringify(activity)})
    on conflict (name) do update set seen_at = now(), activity = excluded.activity`.execute(db);
  await sql`delete from nodes where seen_at < now() - interval '1 day'`.execute(db);
}

export async function removeNode(db: Database, name: string): Promise<void> {
  await db.deleteFrom('nodes').where('name', '=', name).execute();
}

/** Those that are alive first, then by their start; those that are gone from the one seen last. */
export async function listNodes(db: Database): Promise<Node[]> {
  const rows = await db
    .selectFrom('nodes')
    .select(['name', 'roles', 'version', 'started_at', 'seen_at', 'activity', IS_ALIVE.as('is_alive')])
    .orderBy('is_alive', 'desc')
    .orderBy(sql`case when ${IS_ALIVE} then started_at end`)
    .orderBy('seen_at', 'desc')
    .orderBy('name')
    .execute();
  return rows.map((row) => ({
    name: row.name,
    roles: row.roles,
    version: row.version,
    startedAt: row.started_at,
    seenAt: row.seen_at,
    isAlive: row.is_alive,
    activity: activityShape.safeParse(row.activity).data,
  }));
}

/** 0 when this process is none of them or could not say so lately, as after an absence of the database. */
export async function countLiveWorkers(db: Database): Promise<number> {
  const row = await db
    .selectFrom('nodes')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(IS_ALIVE)
    .where(sql<boolean>`'worker' = any(roles)`)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** A living process that works with another secret. Of two that start at once, the later to commit its row sees the other. */
export async function findOtherSecret(db: Database, name: string): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`
    select other.name from nodes other, nodes own
    where own.name = ${name} and other.secret_digest <> own.secret_digest
      and other.seen_at > now() - make_interval(secs => ${GONE_AFTER_SECONDS})
    order by other.started_at, other.name limit 1`.execute(db);
  return rows[0]?.name;
}

const count = z.number().nonnegative();

const activityShape = z.object({
  memoryBytes: count,
  sending: z
    .object({
      lettersPerSecond: count,
      outcomes: z.object({ accepted: count, deferred: count, rejected: count, inDoubt: count }),
      onTheWire: count,
      connections: count,
      mailings: z.array(z.int()),
    })
    .optional(),
});
