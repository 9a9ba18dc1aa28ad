/**
 * Sends the letters of one mailing from this process. A lease is worked through in windows: `beginWindow` commits that a window may
 * leave, then its letters go to the relay, and their outcomes are written in flushes. At most two windows of a lease are on the wire
 * or not yet written, so that is what a crash leaves in doubt.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import { compileMessage, RenderError, renderMessage, type CompiledMessage } from '../messages/render-message.js';
import { composeLetter, type LetterHead } from './letter.js';
import {
  beginWindow,
  claimBatch,
  endLease,
  LEASE_SECONDS,
  readContent,
  recordEntries,
  type Entry,
  type Lease,
  type LeasedDelivery,
} from './ledger-store.js';
import { describeFault, type Relay } from './relay.js';
import { attemptOutcome, judge, retryDelay } from './verdict.js';

interface SenderDeps {
  db: Database;
  log: Log;
  relay: Relay;
  from: LetterHead['from'];
  /** The name of this process in leases. */
  node: string;
  /** The leases of this process, kept alive by the worker. */
  leases: Set<number>;
  stopping: AbortSignal;
}

const BATCH = 256;
const WINDOW = 32;
const FLUSH_AFTER_MS = 10;

/** Until nothing of the mailing is due, or sending is no longer allowed. */
export async function sendMailing(deps: SenderDeps, mailingId: number): Promise<void> {
  const content = await readContent(deps.db, mailingId);
  if (!content) throw new Error(`mailing ${mailingId} is running without its content`);
  const compiled = compileMessage(content);
  if (!compiled.ok) throw new Error(`mailing ${mailingId} was started with a message that cannot be filled in`);
  // Two at a time: one is sent while the other is claimed.
  await Promise.all([sendLeases(deps, mailingId, compiled.message), sendLeases(deps, mailingId, compiled.message)]);
}

async function sendLeases(deps: SenderDeps, mailingId: number, message: CompiledMessage): Promise<void> {
  while (!deps.stopping.aborted && !deps.relay.isResting) {
    const lease = await claimBatch(deps.db, mailingId, deps.node, deps.relay.isFaulty ? 1 : BATCH);
    if (!lease) return;
    deps.leases.add(lease.id);
    try {
      await sendLease(deps, lease, message);
    } finally {
      deps.leases.delete(lease.id);
    }
  }
}

async function sendLease(deps: SenderDeps, lease: Lease, message: CompiledMessage): Promise<void> {
  const { db, relay } = deps;
  const book = new LeaseBook(db, lease.id);
  let unwritten = Promise.resolve<unknown>(undefined);
  for (let begun = 0; begun < lease.deliveries.length; begun += WINDOW) {
    if (deps.stopping.aborted || relay.isResting) break;
    if (!(await beginWindow(db, lease.id, Math.min(begun + WINDOW, lease.deliveries.length)))) break;
    const window = lease.deliveries.slice(begun, begun + WINDOW);
    const written = Promise.all(window.map(async (delivery) => book.add(await sendOne(deps, message, delivery))));
    // Its failure is met below; without this it would count as unhandled until then.
    written.catch(() => {});
    await unwritten;
    unwritten = written;
  }
  await unwritten;
  await endLease(db, lease.id);
}

/** Never throws: whatever goes wrong is this delivery's entry. */
async function sendOne(deps: SenderDeps, message: CompiledMessage, delivery: LeasedDelivery): Promise<Entry> {
  const startedAt = new Date();
  try {
    const data = writeLetter(deps.from, message, delivery, startedAt);
    const outcome = await deps.relay.send({ from: deps.from.address, to: delivery.address, data });
    return toEntry(deps.relay, delivery, outcome, startedAt);
  } catch (error) {
    if (!(error instanceof RenderError)) deps.log.error({ err: error, deliveryId: delivery.id }, 'a letter could not be written');
    return refuseUnwritable(delivery, error, startedAt);
  }
}

function writeLetter(from: LetterHead['from'], message: CompiledMessage, delivery: LeasedDelivery, date: Date): string {
  const { id, address, name, attributes } = delivery;
  const rendered = renderMessage(message, { email: address, name, attributes });
  return composeLetter({ from, date, id: `delivery-${id}` }, { to: { name, address }, ...rendered });
}

/** This recipient's own values break the limits of the message: a rejection of theirs, and of nobody else. */
function refuseUnwritable(delivery: LeasedDelivery, error: unknown, startedAt: Date): Entry {
  const reply = error instanceof Error ? error.message : 'The letter could not be written.';
  const facts = { startedAt, durationMs: 0, relay: '', stage: 'compose', replyCode: null, enhancedCode: null, reply };
  return { deliveryId: delivery.id, state: 'rejected', nextTryAt: startedAt, attempt: { outcome: 'rejected', ...facts } };
}

function toEntry(relay: Relay, delivery: LeasedDelivery, outcome: SendOutcome, startedAt: Date): Entry {
  const verdict = judge(outcome);
  if (verdict.kind === 'untried') return { deliveryId: delivery.id, state: 'waiting', nextTryAt: relay.restUntil, attempt: null };
  return {
    deliveryId: delivery.id,
    state: verdict.kind === 'settled' ? verdict.state : 'waiting',
    nextTryAt: verdict.kind === 'later' ? new Date(Date.now() + retryDelay(delivery.attemptCount + 1, Math.random())) : relay.restUntil,
    attempt: {
      outcome: attemptOutcome(verdict),
      startedAt,
      durationMs: Math.round(outcome.durationMs),
      relay: outcome.relay,
      stage: outcome.stage,
      replyCode: outcome.reply?.code ?? null,
      enhancedCode: outcome.reply?.enhancedCode ?? null,
      reply: outcome.reply?.text ?? describeFault(outcome),
    },
  };
}

/**
 * Collects the outcomes of one lease and writes together what came in while the last write ran. While the database is away it tries
 * again for as long as the lease can live; after that they are in doubt, as for a process that died.
 */
class LeaseBook {
  readonly #db: Database;
  readonly #leaseId: number;
  #entries: Entry[] = [];
  /** The write that takes what is in `#entries`, and the one before it. */
  #next: Promise<void> | null = null;
  #last = Promise.resolve();

  constructor(db: Database, leaseId: number) {
    this.#db = db;
    this.#leaseId = leaseId;
  }

  /** Resolves when it is written. */
  add(entry: Entry): Promise<void> {
    this.#entries.push(entry);
    this.#next ??= this.#write();
    return this.#next;
  }

  async #write(): Promise<void> {
    // Lets the outcomes of one round trip come together.
    await Promise.all([delay(FLUSH_AFTER_MS), this.#last]);
    const entries = this.#entries.splice(0);
    this.#last = this.#record(entries, Date.now() + LEASE_SECONDS * 1000);
    this.#next = null;
    await this.#last;
  }

  async #record(entries: Entry[], deadline: number): Promise<void> {
    for (;;) {
      try {
        return await recordEntries(this.#db, this.#leaseId, entries);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(500);
      }
    }
  }
}
