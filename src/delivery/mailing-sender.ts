/**
 * Sends the letters of one mailing from this process. A lease is worked through in windows: `beginWindow` commits that a window may
 * leave, then its letters go to the relay, and their outcomes are written in flushes. At most two windows of a lease are on the wire
 * or not yet written, so that is what a crash leaves in doubt. When the mailing is halted, the letters of those windows of which
 * nothing was written come back untried: what leaves afterwards is one letter a connection, within the second.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { isRefusedData, type Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import { compileMessage, RenderError } from '../messages/render-message.js';
import {
  beginWindow,
  claimBatch,
  endLease,
  readContent,
  recordEntries,
  type Entry,
  type Lease,
  type LeasedDelivery,
} from './ledger-store.js';
import type { LetterHead } from './letter.js';
import { prepareLetters, type WriteLetter } from './mailing-letters.js';
import { Pace } from './pace.js';
import { describeFault, type Relay } from './relay.js';
import { planDelivery } from './retry.js';
import { attemptOutcome, judge } from './verdict.js';

interface SenderDeps {
  db: Database;
  log: Log;
  relay: Relay;
  from: LetterHead['from'];
  /** Minutes from each try to the next. */
  retryMinutes: readonly number[];
  /** Told what the mail server said when it refused the message, or its sender, as a matter of policy. */
  onPolicy: (reply: string) => void;
  /** The name of this process in leases. */
  node: string;
  /** The leases of this process, kept alive by the worker. */
  leases: Set<number>;
  stopping: AbortSignal;
  /** Aborted when the mailing may no longer be sent. */
  halted: AbortSignal;
}

const FLUSH_AFTER_MS = 20;
const TRY_AGAIN_MS = 500;
const STOP_TRYING_AFTER_MS = 4_000;

/** `unsendable`: its frozen message is one that this program cannot fill in, now or later. */
export type SendMailingResult = { ok: true } | { ok: false; fault: 'unsendable' };

/** Until nothing of the mailing is due, or sending is no longer allowed. */
export async function sendMailing(deps: SenderDeps, mailingId: number): Promise<SendMailingResult> {
  const content = await readContent(deps.db, mailingId);
  const compiled = content && compileMessage(content);
  if (!compiled?.ok) return { ok: false, fault: 'unsendable' };
  // Two at a time: one is sent while the other is claimed. When one fails, the other's letters are still on the wire.
  const pace = new Pace(deps.relay.connections);
  const write = prepareLetters(deps.from, compiled.message);
  const both = [1, 2].map(() => sendLeases(deps, mailingId, write, pace));
  for (const result of await Promise.allSettled(both)) {
    if (result.status === 'rejected') throw result.reason;
  }
  return { ok: true };
}

async function sendLeases(deps: SenderDeps, mailingId: number, write: WriteLetter, pace: Pace): Promise<void> {
  while (!deps.stopping.aborted && !deps.halted.aborted && !deps.relay.isResting) {
    const lease = await claimBatch(deps.db, mailingId, deps.node, deps.relay.isFaulty ? 1 : pace.lease);
    if (!lease) return;
    deps.leases.add(lease.id);
    try {
      await sendLease(deps, lease, write, pace);
    } finally {
      deps.leases.delete(lease.id);
    }
  }
}

async function sendLease(deps: SenderDeps, lease: Lease, write: WriteLetter, pace: Pace): Promise<void> {
  const { db, relay, stopping, halted } = deps;
  const book = new LeaseBook(deps, lease.id);
  const left = [...lease.deliveries];
  let unwritten = Promise.resolve<unknown>(undefined);
  while (left.length > 0) {
    if (stopping.aborted || halted.aborted || relay.isResting || book.failure) break;
    const window = left.splice(0, pace.window);
    if (!(await passGate(deps, lease.id, lease.deliveries.length - left.length))) break;
    const written = sendWindow(deps, window, write, { book, pace });
    await unwritten;
    unwritten = written;
  }
  await unwritten;
  if (book.failure) throw book.failure;
  await insist(() => endLease(db, lease.id), stopping);
}

/** Resolves when all of its outcomes are written, or cannot be. */
async function sendWindow(
  deps: SenderDeps,
  window: LeasedDelivery[],
  write: WriteLetter,
  { book, pace }: { book: LeaseBook; pace: Pace },
): Promise<void> {
  const beganAt = performance.now();
  const sent = window.map((delivery) => sendOne(deps, write, delivery));
  const written = Promise.all(sent.map(async (entry) => book.add(await entry)));
  await Promise.all(sent);
  pace.learn(window.length, performance.now() - beganAt);
  await written;
}

/** An error holds the window back as a closed gate does: it may be committed, but it has not left, and the lease's end gives it back. */
async function passGate({ db, log }: SenderDeps, leaseId: number, count: number): Promise<boolean> {
  try {
    return await beginWindow(db, leaseId, count);
  } catch (error) {
    log.warn({ err: error }, 'letters could not be begun; they wait again');
    return false;
  }
}

/** Never throws: whatever goes wrong is this delivery's entry. */
async function sendOne(deps: SenderDeps, write: WriteLetter, delivery: LeasedDelivery): Promise<Entry> {
  const startedAt = new Date();
  const fail = (error: unknown, state: 'rejected' | 'in_doubt', stage: string): Entry => {
    if (!(error instanceof RenderError))
      deps.log.error({ err: error, deliveryId: delivery.id }, 'a letter could not be sent');
    return toFailedEntry(delivery, error, { startedAt, state, stage });
  };
  let data: string;
  try {
    data = write(delivery, startedAt);
  } catch (error) {
    // This recipient's own values break the limits of the message: a rejection of theirs, and of nobody else.
    return fail(error, 'rejected', 'compose');
  }
  try {
    const outcome = await deps.relay.send({ from: deps.from.address, to: delivery.address, data }, deps.halted);
    return toEntry(deps, delivery, outcome);
  } catch (error) {
    // A fault of this program: how far the letter got is not known.
    return fail(error, 'in_doubt', 'dot');
  }
}

function toFailedEntry(
  delivery: LeasedDelivery,
  error: unknown,
  { startedAt, state, stage }: { startedAt: Date; state: 'rejected' | 'in_doubt'; stage: string },
): Entry {
  const reply = error instanceof Error ? error.message : String(error);
  const facts = { startedAt, durationMs: 0, relay: '', stage, replyCode: null, enhancedCode: null, reply };
  return { deliveryId: delivery.id, state, retryInMs: 0, isDeferral: false, attempt: { outcome: state, ...facts } };
}

function toEntry(deps: SenderDeps, { id, deferralCount }: LeasedDelivery, outcome: SendOutcome): Entry {
  const { relay, retryMinutes } = deps;
  const verdict = judge(outcome);
  if (verdict.kind === 'policy') deps.onPolicy(describeFault(outcome));
  const plan = planDelivery(verdict, { retryMinutes, deferralCount, restMs: relay.restMs, random: Math.random() });
  if (verdict.kind === 'untried') return { deliveryId: id, ...plan, attempt: null };
  return {
    deliveryId: id,
    ...plan,
    attempt: {
      outcome: attemptOutcome(verdict),
      // Its first byte, not the moment when it was given to the relay: behind a slow server letters wait for their turn.
      startedAt: new Date(Date.now() - outcome.durationMs),
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
 * again. What the database will never take, or not before the process ends, is left to the end of the lease: in doubt.
 */
class LeaseBook {
  readonly #deps: SenderDeps;
  readonly #leaseId: number;
  #entries: Entry[] = [];
  /** The write that takes what is in `#entries`, and the one before it. */
  #next: Promise<void> | null = null;
  #last = Promise.resolve();
  #failure: Error | null = null;

  constructor(deps: SenderDeps, leaseId: number) {
    this.#deps = deps;
    this.#leaseId = leaseId;
  }

  /** Why an outcome could not be written; null while all is well. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Resolves when it is written, or cannot be. */
  add(entry: Entry): Promise<void> {
    this.#entries.push(entry);
    this.#next ??= this.#write();
    return this.#next;
  }

  async #write(): Promise<void> {
    // Lets the outcomes of one round trip come together.
    await Promise.all([delay(FLUSH_AFTER_MS), this.#last]);
    const entries = this.#entries.splice(0);
    this.#last = this.#record(entries);
    this.#next = null;
    await this.#last;
  }

  async #record(entries: Entry[]): Promise<void> {
    const { db, stopping } = this.#deps;
    try {
      await insist(() => recordEntries(db, this.#leaseId, entries), stopping);
    } catch (error) {
      this.#failure ??= new Error('outcomes could not be written; their letters will be in doubt', { cause: error });
    }
  }
}

/**
 * Tries again while the database is away, for some seconds only once the process is told to stop. Only for statements that change
 * nothing when an earlier try was committed and its answer lost.
 */
async function insist<T>(statement: () => Promise<T>, stopping: AbortSignal): Promise<T> {
  let giveUpAt = Infinity;
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (stopping.aborted) giveUpAt = Math.min(giveUpAt, performance.now() + STOP_TRYING_AFTER_MS);
      if (isRefusedData(error) || performance.now() > giveUpAt) throw error;
      await delay(TRY_AGAIN_MS);
    }
  }
}
