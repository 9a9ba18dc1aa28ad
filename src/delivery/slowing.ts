// pure
import { intervalOf, type Pacing } from './pacing.js';

/** What a relay or a recipients' domain was slowed to when it asked for patience. */
export interface Slowing {
  lettersPerMinute: number;
  since: Date;
}

const MINUTE_MS = 60_000;
/** From one quiet minute to the next. */
const GROWTH = 1.5;
/** Letters a minute; beyond this it is no slowing any more. */
export const FULL_SPEED = 6000;

/** Letters a minute now: half as many more after every minute without a complaint; null where it is not slowed any more. */
export function effectiveRate({ lettersPerMinute, since }: Slowing, now: Date): number | null {
  const quietMinutes = Math.max(0, Math.floor((now.getTime() - since.getTime()) / MINUTE_MS));
  const rate = lettersPerMinute * GROWTH ** quietMinutes;
  return rate > FULL_SPEED ? null : rate;
}

/** Of a limit that was set and one by slowing (letters a minute), the one that lets fewer leave. */
export function tighter(limit: Pacing | null, lettersPerMinute: number | null): Pacing | null {
  if (lettersPerMinute === null) return limit;
  const slowed = { letters: lettersPerMinute, seconds: 60 };
  return limit && intervalOf(limit) > intervalOf(slowed) ? limit : slowed;
}

const FIRST_SLOWING = 60;
const SLOWEST = 6;

/** Letters a minute after a complaint: half of what went before, where that is known. */
export function slowDown(before: number | null): number {
  return before === null ? FIRST_SLOWING : Math.max(SLOWEST, before / 2);
}
