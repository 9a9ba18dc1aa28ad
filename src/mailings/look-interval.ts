// pure
/** How often a running mailing is looked at for its live pages: often, as long as that costs those who send next to nothing. */

/** What a page shows was read within this time, with the time that the reading takes. */
const LONGEST_MS = 1800;
/** A mailing that takes long to read is read for a tenth of the time. */
const SHARE = 10;
/** So that of many mailings no more than some sixty are read a second. */
const MS_FOR_EACH = 16;

interface Looking {
  /** The least. */
  tickMs: number;
  /** The latest look at this mailing. */
  tookMs: number;
  /** How many mailings are being watched. */
  watched: number;
}

/** Milliseconds from the beginning of one look to that of the next. Where even half of the time would not do, numbers get older. */
export function chooseInterval({ tickMs, tookMs, watched }: Looking): number {
  const sparing = Math.max(tookMs * SHARE, watched * MS_FOR_EACH);
  const longest = Math.max(LONGEST_MS - tookMs, 2 * tookMs);
  return Math.max(tickMs, Math.min(sparing, longest));
}
