import type { LostOutcome, RefusedOutcome, SendOutcome } from '../lib/smtp/smtp-outcome.js';

/** Nothing of the letter was begun; `relay` is the one that it was for. */
export function toUntriedOutcome(relay: string): SendOutcome {
  return {
    kind: 'lost',
    stage: 'connect',
    cause: 'closed',
    error: 'The letter was not tried.',
    reply: null,
    begun: false,
    finalDotMayHaveLeft: false,
    durationMs: 0,
    relay,
    tls: null,
  };
}

/** RFC 5321, section 4.2.3: 421 closes the connection. 4.5.3 (RFC 3463) to MAIL, before a recipient is named, is about those before. */
export function isUsedUp(outcome: SendOutcome): boolean {
  if (outcome.kind === 'accepted' || outcome.finalDotMayHaveLeft) return false;
  if (outcome.kind === 'lost') return outcome.begun && outcome.cause === 'closing';
  const { code, enhancedCode } = outcome.reply;
  return code === 421 || (outcome.stage === 'mail' && code < 500 && enhancedCode === '4.5.3');
}

/** A connection that could not be made is the try of the letter that asked for it. */
export function asTried(outcome: RefusedOutcome | LostOutcome): SendOutcome {
  return outcome.kind === 'lost' ? { ...outcome, begun: true } : outcome;
}
