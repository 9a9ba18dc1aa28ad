// pure
/** How fast a mailing goes, and what that means for its end. */
import type { Counters, RelayFault } from '../delivery/delivery.js';
import type { NextTries } from '../delivery/next-tries.js';
import { toRate } from '../lib/rate.js';
import { describeMailing, type Mailing } from './mailing.js';

/** The books at one moment, in milliseconds. */
export interface Sample {
  at: number;
  accepted: number;
  /** No longer waiting, whatever came of it. */
  settled: number;
}

/** A second. */
export interface Speed {
  accepted: number;
  settled: number;
}

/** Speed is that of so many milliseconds; of two samples nearer than the second, nothing can be said. */
const SPAN_MS = 10_000;
const SHORTEST_MS = 1500;

export function takeSample({ accepted, audience, waiting }: Counters, now: Date): Sample {
  return { at: now.getTime(), accepted, settled: audience - waiting };
}

/** Oldest first; keeps what the span needs. What lies long before it belongs to another look. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples.filter(({ at }) => at >= sample.at - SPAN_MS && at < sample.at), sample];
}

export function measureSpeed(samples: readonly Sample[]): Speed | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < SHORTEST_MS) return null;
  const perSecond = (from: number, to: number) => Math.max(0, ((to - from) * 1000) / (last.at - first.at));
  return { accepted: perSecond(first.accepted, last.accepted), settled: perSecond(first.settled, last.settled) };
}

/** What is to be expected. Seconds are those until the last letter has been tried that is not put off for hours. */
export type Outlook =
  /** Nothing leaves, and nothing is going to by itself. */
  | { kind: 'halted' }
  | { kind: 'measuring' }
  /** No mail server takes letters at present. */
  | { kind: 'resting' }
  /** Letters are due, and none moves: limits of a domain or of a mail server, or no process that sends. */
  | { kind: 'standing' }
  /** All that is left was put off. */
  | { kind: 'put_off' }
  | { kind: 'in_time'; seconds: number }
  | { kind: 'late'; unsent: number };

interface Circumstances {
  mailing: Mailing;
  counters: Counters | undefined;
  speed: Speed | null;
  nextTries: NextTries;
  relayFault: RelayFault | undefined;
  now: Date;
}

export function foresee({ mailing, counters, speed, nextTries, relayFault, now }: Circumstances): Outlook {
  const state = describeMailing(mailing);
  if (state !== 'running' && state !== 'preparing') return { kind: 'halted' };
  if (relayFault) return { kind: 'resting' };
  if (!counters || state === 'preparing') return { kind: 'measuring' };
  if (nextTries.letters >= counters.waiting) return { kind: 'put_off' };
  const left = counters.waiting - countLater(nextTries);
  const perSecond = expectSpeed(mailing, speed);
  if (perSecond === null) return { kind: 'measuring' };
  if (perSecond === 0) return { kind: 'standing' };
  const seconds = left / perSecond;
  const secondsLeft = Math.max(0, (mailing.endsAt.getTime() - now.getTime()) / 1000);
  if (seconds <= secondsLeft) return { kind: 'in_time', seconds };
  return { kind: 'late', unsent: Math.max(1, Math.round(left - perSecond * secondsLeft)) };
}

const SOON_SECONDS = 3600;

/** What a slow domain puts off for minutes is on its way; what comes back after hours, after everything else, is told apart. */
function countLater({ classes }: NextTries): number {
  const later = classes.filter(({ within }) => within === null || within > SOON_SECONDS);
  return later.reduce((sum, { letters }) => sum + letters, 0);
}

/** So few letters within the span that what was counted says little: the mailing's own limit says more. */
const FEW = 5;

function expectSpeed(mailing: Mailing, speed: Speed | null): number | null {
  const rate = toRate(mailing);
  const limit = rate ? rate.letters / rate.seconds : Infinity;
  if (limit < FEW / (SPAN_MS / 1000)) return limit;
  return speed ? Math.min(speed.settled, limit) : null;
}
