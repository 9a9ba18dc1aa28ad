/**
 * Sends what one lease holds over one route. Every delivery gets its entry: what the mail server said, or that it was not tried. When the
 * lease is called back, letters of which nothing was written come back untried: what leaves afterwards is one letter a connection, within
 * the second.
 */
import type { Log } from '../lib/log.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import { RenderError } from '../messages/render-message.js';
import type { DomainLimits } from './domain-limits.js';
import type { LeaseBook } from './lease-book.js';
import type { Entry, LeasedDelivery } from './lease-store.js';
import type { WriteLetter } from './mailing-letters.js';
import { describeFault } from './relay.js';
import { planDelivery } from './retry.js';
import type { Route } from './route.js';
import { attemptOutcome, judge } from './verdict.js';

const TRY_AGAIN_MS = 1_000;
/** Rests are rounded up to this, for the same reason as `chooseDelay`. */
const STEP_MS = 1_000;

export interface SendingRules {
  log: Log;
  domains: DomainLimits;
  /** The envelope's sender. */
  sender: string;
  /** Minutes from each try to the next. */
  retryMinutes: readonly number[];
  /** Milliseconds until some relay takes letters again. */
  restMs: () => number;
  /** Told what the mail server said when it refused the message, or its sender, as a matter of policy. */
  onPolicy: (reply: string) => void;
}

export interface Flight {
  route: Route;
  write: WriteLetter;
  deliveries: LeasedDelivery[];
  book: LeaseBook;
  /** Aborted when the mailing may no longer be sent, or the lease is lost. */
  recall: AbortSignal;
}

/** How many were not tried. Rejects when outcomes cannot be written. */
export async function sendLease(rules: SendingRules, flight: Flight): Promise<number> {
  const { go, putOff } = await splitByDomain(rules, flight.deliveries);
  const { book, route } = flight;
  for (const { delivery, inMs } of putOff) book.add(toUntried(delivery, inMs));
  const beganAt = performance.now();
  let untried = putOff.length;
  await Promise.all(
    go.map(async (delivery) => {
      const entry = await sendOne(rules, flight, delivery);
      if (entry.attempt === null) untried += 1;
      book.add(entry);
    }),
  );
  if (untried < flight.deliveries.length) route.pace.learn(route.underWay, performance.now() - beganAt);
  await book.close();
  return untried;
}

/** A limit that cannot be asked lets nobody through: all are put off for a moment. */
async function splitByDomain({ domains, log }: SendingRules, deliveries: LeasedDelivery[]) {
  try {
    return await domains.split(deliveries);
  } catch (error) {
    log.warn({ err: error }, 'the limits of domains could not be asked; letters wait a moment');
    return { go: [], putOff: deliveries.map((delivery) => ({ delivery, inMs: TRY_AGAIN_MS })) };
  }
}

function toUntried(delivery: LeasedDelivery, retryInMs: number): Entry {
  return { deliveryId: delivery.id, state: 'waiting', retryInMs, isDeferral: false, attempt: null };
}

/** Never throws: whatever goes wrong is this delivery's entry. */
async function sendOne(
  rules: SendingRules,
  { route, write, recall }: Flight,
  delivery: LeasedDelivery,
): Promise<Entry> {
  const startedAt = new Date();
  const fail = (error: unknown, state: 'rejected' | 'in_doubt', stage: string): Entry => {
    if (!(error instanceof RenderError))
      rules.log.error({ err: error, deliveryId: delivery.id }, 'a letter could not be sent');
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
    const outcome = await route.relay.send({ from: rules.sender, to: delivery.address, data }, recall);
    return toEntry(rules, delivery, outcome);
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
  const facts = { startedAt, durationMs: 0, relay: '', tls: null, stage, replyCode: null, enhancedCode: null, reply };
  return { deliveryId: delivery.id, state, retryInMs: 0, isDeferral: false, attempt: { outcome: state, ...facts } };
}

/** One of six: letters that are put off together then stand together in the queue, and yet do not all come back at once. */
function chooseDelay(): number {
  return Math.floor(Math.random() * 6) / 5;
}

function toEntry(rules: SendingRules, delivery: LeasedDelivery, outcome: SendOutcome): Entry {
  const { retryMinutes } = rules;
  const { id, deferralCount, hangUpCount, address } = delivery;
  const verdict = judge(outcome);
  if (verdict.kind === 'policy') rules.onPolicy(describeFault(outcome));
  if (verdict.kind === 'later' && verdict.slowly) rules.domains.complain(address);
  const plan = planDelivery(verdict, {
    retryMinutes,
    deferralCount,
    hangUpCount,
    restMs: Math.ceil(rules.restMs() / STEP_MS) * STEP_MS,
    random: chooseDelay(),
  });
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
      tls: outcome.tls,
      stage: outcome.stage,
      replyCode: outcome.reply?.code ?? null,
      enhancedCode: outcome.reply?.enhancedCode ?? null,
      reply: outcome.reply?.text ?? describeFault(outcome),
    },
  };
}
