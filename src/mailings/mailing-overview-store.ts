import { sql } from 'kysely';

import type { Database } from '../lib/database.js';
import { belongsTo, type Owners } from '../lib/owners.js';
import type { MailingStatus } from '../lib/schema.js';

/* What overviews tell of mailings. */

export interface AttentionRow {
  id: number;
  ownerId: number;
  ownerName: string;
  subject: string;
  /** What it needs its owner for. */
  kind: 'disabled' | 'refused' | 'start_fault' | 'in_doubt' | 'paused';
  /** Letters in doubt that nobody has decided about. */
  inDoubt: number;
  /** Why it was disabled, or what the mail server said. */
  reason: string | null;
  startFault: 'no_recipients' | 'window_over' | null;
  endsAt: Date;
}

/** Mailings that need somebody, once for each reason: the gravest first, then the newest. */
export async function listNeedingAttention(db: Database, owners: Owners, limit: number): Promise<AttentionRow[]> {
  const { rows } = await sql<AttentionRow>`
    select m.id, m.owner_id as "ownerId", coalesce(nullif(u.name, ''), u.email) as "ownerName",
      coalesce(content.subject, message.subject, '') as subject, needs.kind, coalesce(c.in_doubt - c.in_doubt_left, 0) as "inDoubt",
      case needs.kind when 'disabled' then m.disabled_reason when 'refused' then m.pause_reason end as reason,
      m.start_fault as "startFault", m.ends_at as "endsAt"
    from mailings m
    join users u on u.id = m.owner_id
    left join mailing_counters c on c.mailing_id = m.id
    left join mailing_contents content on content.mailing_id = m.id
    left join messages message on message.id = m.message_id
    cross join lateral (values
      (1, 'disabled', m.status <> 'finished' and m.stopped_at is null and m.disabled_at is not null),
      (2, 'refused', m.status = 'running' and m.stopped_at is null and m.paused_at is not null and m.pause_reason is not null),
      (3, 'start_fault', m.status = 'created' and m.start_fault is not null),
      (4, 'in_doubt', c.in_doubt > c.in_doubt_left),
      (5, 'paused', m.status = 'running' and m.stopped_at is null and m.paused_at is not null and m.pause_reason is null)
    ) as needs (gravity, kind, applies)
    where needs.applies and ${belongsTo(owners, 'm.owner_id')}
    order by needs.gravity, m.first_sending_at desc, m.id desc
    limit ${limit}`.execute(db);
  return rows;
}

interface Span {
  from: Date;
  until: Date;
}

export interface MailingSums {
  statuses: Record<MailingStatus, number>;
  /** How many started in each of the spans. */
  started: number[];
}

/** By status as they are now. */
export async function sumMailings(db: Database, owners: Owners, spans: Span[]): Promise<MailingSums> {
  const { rows } = await sql<{ status: MailingStatus; count: number; started: number[] }>`
    select status, count(*) as count, ${countIn(spans, 'started_at')} as started
    from mailings where ${belongsTo(owners)}
    group by status`.execute(db);
  const statuses = { created: 0, running: 0, finished: 0 };
  for (const { status, count } of rows) statuses[status] = count;
  return {
    statuses,
    started: spans.map((_, index) => rows.reduce((sum, row) => sum + (row.started[index] ?? 0), 0)),
  };
}

function countIn(spans: Span[], column: string) {
  const counts = spans.map(
    ({ from, until }) =>
      sql`(count(*) filter (where ${sql.ref(column)} >= ${from} and ${sql.ref(column)} < ${until}))::integer`,
  );
  return sql`array[${sql.join(counts)}]`;
}

export interface OwnerMailings {
  ownerId: number;
  /** In the span. */
  started: number;
  /** Of any time; null where none has started. */
  lastStartedAt: Date | null;
}

/** Of everybody who has mailings. */
export async function sumMailingsByOwner(db: Database, span: Span): Promise<OwnerMailings[]> {
  const { rows } = await sql<OwnerMailings>`
    select owner_id as "ownerId", (${countIn([span], 'started_at')})[1] as started, max(started_at) as "lastStartedAt"
    from mailings
    group by owner_id`.execute(db);
  return rows;
}
