/** One run: a small mailing, or two, under the blows and faults that a seed chooses, to its end. */
import { setTimeout as delay } from 'node:timers/promises';

import { sql } from 'kysely';

import { TERMINAL } from '../../src/audit/audit.js';
import type { DatabaseConnection } from '../../src/lib/database.js';
import { continueMailing } from '../../src/mailings/control-mailing.js';
import type { SmtpServerEvent } from '../support/smtp-server.js';
import { expireLeases, strike, Tally } from './blows.js';
import { countAccepted, findViolations } from './invariants.js';
import { Scene } from './scene.js';
import { chooseSchedule, type Blow, type Schedule } from './schedule.js';

export interface RunResult {
  schedule: Schedule;
  /** What did not hold; empty where all is well. */
  violations: string[];
  /** Letters accepted by mail servers. */
  accepted: number;
  blows: number;
}

const LOOK_MS = 60;
/** While nothing is begun for so long, the next blow falls all the same. */
const IDLE_MS = 500;
const SETTLES_WITHIN_MS = 60_000;

/** The database has the schema; nothing else uses it. */
export async function runChaos(connection: DatabaseConnection, seed: number): Promise<RunResult> {
  const schedule = chooseSchedule(seed);
  const scene = await Scene.open(connection, schedule);
  const tally = new Tally();
  let violations: string[];
  try {
    const unsettled = await new Run(scene, tally).settle();
    await Promise.all(scene.workers.splice(0).map((worker) => worker.stop()));
    violations = [...unsettled, ...(await findViolations(scene, tally))];
  } finally {
    await scene.close();
  }
  const accepted = countAccepted(scene)
    .values()
    .reduce((sum, count) => sum + count, 0);
  return { schedule, violations, accepted, blows: schedule.blows.length };
}

class Run {
  readonly #scene: Scene;
  readonly #tally: Tally;
  readonly #blows: Blow[];
  readonly #falling = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  #lastEventAt = performance.now();
  #isReplacing = false;

  constructor(scene: Scene, tally: Tally) {
    this.#scene = scene;
    this.#tally = tally;
    this.#blows = [...scene.schedule.blows];
    scene.onEvent = (event) => this.#watch(event);
  }

  /** Until every mailing is finished, and no blow is left. What is not, after its time. */
  async settle(): Promise<string[]> {
    const deadline = performance.now() + SETTLES_WITHIN_MS;
    for (;;) {
      const state = await this.#read();
      if (state.running === 0 && this.#blows.length === 0 && this.#falling.size === 0) return this.#failures;
      if (performance.now() > deadline) return [...this.#failures, await this.#describeStuck()];
      const isIdle = performance.now() - this.#lastEventAt > IDLE_MS;
      if (this.#falling.size === 0 && (isIdle || state.running === 0)) this.#strikeNext();
      await this.#letTimePass(state);
      await delay(LOOK_MS);
    }
  }

  #watch({ stage }: SmtpServerEvent): void {
    this.#lastEventAt = performance.now();
    const [next] = this.#blows;
    if (next && next.stage === stage && this.#scene.begun >= next.at) this.#strikeNext();
  }

  #strikeNext(): void {
    const next = this.#blows.shift();
    if (!next) return;
    this.#lastEventAt = performance.now();
    const falling = strike(this.#scene, this.#tally, next)
      .catch((error: unknown) => void this.#failures.push(`the blow "${next.kind}" failed: ${String(error)}`))
      .finally(() => this.#falling.delete(falling));
    this.#falling.add(falling);
  }

  async #read() {
    const { rows } = await sql<{ running: number; isResting: boolean; hasExpired: boolean }>`
      select (select count(*)::int from mailings where id = any(${this.#mailingIds}::bigint[]) and status <> 'finished') as running,
        exists (select from relay_states where paused_until > now()) as "isResting",
        exists (select from leases where expires_at < now()) as "hasExpired"`.execute(this.#scene.db);
    return rows[0] ?? { running: 0, isResting: false, hasExpired: false };
  }

  get #mailingIds(): number[] {
    return this.#scene.owners.map(({ mailingId }) => mailingId);
  }

  /** Minutes go by: what was put off is due, dead workers' leases expire, and owners continue what is paused. */
  async #letTimePass({ isResting, hasExpired }: { isResting: boolean; hasExpired: boolean }): Promise<void> {
    const { db, dead, schedule } = this.#scene;
    await sql`with due as (update queue set due_at = now() where due_at > now()) delete from slowings`.execute(db);
    if (dead.size > 0) this.#tally.lose(await expireLeases(this.#scene, [...dead]));
    if (this.#falling.size === 0) await this.#continuePaused();
    if (!schedule.isPatient && (isResting || hasExpired)) await this.#replaceWorkers();
  }

  /** A refusal may have paused a mailing; or it finished while it was paused, and runs again since a doubt was decided. */
  async #continuePaused(): Promise<void> {
    const { db, owners } = this.#scene;
    const paused = await db
      .selectFrom('mailings')
      .select('id')
      .where('id', 'in', this.#mailingIds)
      .where('paused_at', 'is not', null)
      .execute();
    for (const { id, mailingId } of owners) {
      if (paused.some((mailing) => mailing.id === mailingId))
        await continueMailing(db, TERMINAL, id, mailingId, new Date());
    }
  }

  /** After a fault of a mail server, or of the database, a worker waits for seconds; others know nothing of it. */
  async #replaceWorkers(): Promise<void> {
    const isIdle = performance.now() - this.#lastEventAt > IDLE_MS;
    if (this.#isReplacing || !isIdle || this.#falling.size > 0) return;
    this.#isReplacing = true;
    for (const worker of this.#scene.workers) {
      await this.#scene.stopWorker(worker);
      this.#scene.addWorker();
    }
    await sql`update relay_states set paused_until = null`.execute(this.#scene.db);
    this.#lastEventAt = performance.now();
    this.#isReplacing = false;
  }

  async #describeStuck(): Promise<string> {
    const { rows } = await sql`
      select m.id, m.status, m.paused_at, m.pause_reason, m.stopped_at, m.frozen_at, to_jsonb(c) as books,
        (select jsonb_agg(to_jsonb(q)) from queue q where q.mailing_id = m.id) as queue,
        (select jsonb_agg(to_jsonb(l)) from leases l where l.mailing_id = m.id) as leases,
        (select jsonb_agg(to_jsonb(s)) from relay_states s) as relays
      from mailings m left join mailing_counters c on c.mailing_id = m.id where m.id = any(${this.#mailingIds}::bigint[])`.execute(
      this.#scene.db,
    );
    return `not settled after ${SETTLES_WITHIN_MS / 1000} s, ${this.#blows.length} blows left: ${JSON.stringify(rows)}`;
  }
}
