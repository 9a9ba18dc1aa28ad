import type { AttemptOutcome } from '../lib/schema.js';
// pure
import type { RefusedOutcome, SendOutcome } from '../lib/smtp/smtp-outcome.js';

/** What one outcome of the SMTP client means for the delivery and for the relay. */
export type Verdict =
  | { kind: 'settled'; state: 'accepted' | 'rejected' | 'in_doubt' }
  /** The recipient's own mail server asked for patience. */
  | { kind: 'later' }
  /** The relay or the login to it failed: no recipient is blamed, and the relay rests. */
  | { kind: 'relay_fault' }
  /** Nothing of this letter was begun: it is waiting as before, without an attempt. */
  | { kind: 'untried' };

/** A refusal before RCPT is never a recipient's fault (RFC 5321, sections 3.1 and 3.3). */
const ABOUT_THE_RELAY = new Set(['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail']);

export function judge(outcome: SendOutcome): Verdict {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'settled', state: 'accepted' };
    case 'lost':
      if (outcome.finalDotMayHaveLeft) return { kind: 'settled', state: 'in_doubt' };
      return outcome.begun ? { kind: 'relay_fault' } : { kind: 'untried' };
    case 'refused':
      if (isAboutTheSize(outcome)) return { kind: 'settled', state: 'rejected' };
      // RFC 5321, section 3.8: 421 closes the connection, whatever it answers.
      if (ABOUT_THE_RELAY.has(outcome.stage) || outcome.reply.code === 421) return { kind: 'relay_fault' };
      return outcome.reply.code < 500 ? { kind: 'later' } : { kind: 'settled', state: 'rejected' };
  }
}

/** RFC 1870, section 6.1: what MAIL is refused for with 552 is this letter. A relay that rested for it would hold up all others. */
function isAboutTheSize({ stage, reply }: RefusedOutcome): boolean {
  return stage === 'mail' && reply.code === 552;
}

/**
 * Whether the relay is to rest. One that breaks off after the final dot is at fault as well, though the letter is settled: asked again
 * at once, it could leave one after another in doubt.
 */
export function isRelayFault(outcome: SendOutcome): boolean {
  if (outcome.kind === 'lost') return outcome.begun && outcome.cause !== 'closed';
  return judge(outcome).kind === 'relay_fault';
}

export function attemptOutcome(verdict: Exclude<Verdict, { kind: 'untried' }>): AttemptOutcome {
  return verdict.kind === 'settled' ? verdict.state : 'deferred';
}

const MINUTE = 60_000;
const DELAYS = [1, 5, 15, 30, 60, 120, 240].map((minutes) => minutes * MINUTE);

/** Milliseconds until the next try after `attempts` tries, growing; `random` (0 to 1) moves it by ±20 %, so that a batch does not come back at once. */
export function retryDelay(attempts: number, random: number): number {
  const delay = DELAYS[Math.min(attempts, DELAYS.length) - 1] ?? MINUTE;
  return Math.round(delay * (0.8 + 0.4 * random));
}

/** Milliseconds for which a relay rests after `faults` faults in a row: 5 s, doubling up to 5 min. */
export function relayRest(faults: number): number {
  return Math.min(5000 * 2 ** Math.max(0, faults - 1), 5 * MINUTE);
}
