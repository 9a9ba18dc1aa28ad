// pure
/** When a delivery is tried again, and when it is given up. */
import type { Entry } from './lease-store.js';
import type { Verdict } from './verdict.js';

/**
 * Minutes from each try to the next. Together four days: RFC 5321, section 4.5.4.1, asks for patience of that order. The mailing's end
 * comes sooner as a rule.
 */
export const DEFAULT_RETRY_MINUTES: readonly number[] = [1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 1440, 1440];

const MINUTE_MS = 60_000;
/** How long at least a domain is left alone that asked everybody for patience. */
const SLOWLY_MS = 15 * MINUTE_MS;
/** The longest that a setting may ask for: 30 days. */
export const MOST_RETRY_MINUTES = 43_200;
export const MOST_RETRIES = 100;

interface Circumstances {
  retryMinutes: readonly number[];
  /** How often the recipient's side has put this delivery off before. */
  deferralCount: number;
  /** How often the mail server has hung up at it before. */
  hangUpCount: number;
  /** For how long the relay rests. */
  restMs: number;
  /** 0 to 1: moves a delay by ±20 %, so that a batch does not come back at once. */
  random: number;
}

/** What becomes of a delivery after a verdict. One that was put off more often than the schedule has delays is rejected. */
export function planDelivery(
  verdict: Verdict,
  { retryMinutes, deferralCount, hangUpCount, restMs, random }: Circumstances,
): Pick<Entry, 'state' | 'retryInMs' | 'isDeferral' | 'isHangUp'> {
  if (verdict.kind === 'settled') return { state: verdict.state, retryInMs: 0, isDeferral: false };
  // A fault of the relay uses up nobody's patience: it may last longer than the schedule.
  if (verdict.kind === 'relay_fault' || verdict.kind === 'untried')
    return { state: 'waiting', retryInMs: restMs, isDeferral: false };
  const jitter = 0.8 + 0.4 * random;
  if (verdict.kind === 'hung_up') {
    // The first time it was as likely the relay; from the second one others are tried before this letter. It is never given up for that, nor
    // does it use up the recipient's patience: a single 450 after a bad hour of the relay's would be its rejection.
    const minutes = hangUpCount === 0 ? 0 : (retryMinutes[hangUpCount - 1] ?? retryMinutes.at(-1) ?? 0);
    return {
      state: 'waiting',
      retryInMs: Math.max(restMs, Math.round(minutes * MINUTE_MS * jitter)),
      isDeferral: false,
      isHangUp: true,
    };
  }
  const minutes = retryMinutes[deferralCount];
  if (minutes === undefined) return { state: 'rejected', retryInMs: 0, isDeferral: true };
  const isSlow = verdict.kind === 'policy' || verdict.slowly;
  const delay = isSlow ? Math.max(minutes * MINUTE_MS, SLOWLY_MS) : minutes * MINUTE_MS;
  return { state: 'waiting', retryInMs: Math.round(delay * jitter), isDeferral: true };
}
