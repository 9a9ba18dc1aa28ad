// pure

/** What a relay or a recipients' domain was slowed to when it asked for patience. */
export interface Slowing {
  lettersPerMinute: number;
  since: Date;
}

const MINUTE_MS = 60_000;
/** From one quiet minute to the next. */
const GROWTH = 1.5;
/** Beyond this it is no slowing any more. */
const FULL_SPEED = 6000;

/** Letters a minute now: half as many more after every minute without a complaint; null where it is not slowed any more. */
export function effectiveRate({ lettersPerMinute, since }: Slowing, now: Date): number | null {
  const quietMinutes = Math.max(0, Math.floor((now.getTime() - since.getTime()) / MINUTE_MS));
  const rate = lettersPerMinute * GROWTH ** quietMinutes;
  return rate > FULL_SPEED ? null : rate;
}
