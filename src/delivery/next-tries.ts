// pure

/** How soon letters that were put off come back, in seconds from now: each class holds what no smaller one does. */
export const TRY_CLASSES = [60, 300, 1800, 3600, 21_600, 86_400] as const;
type TryClass = (typeof TRY_CLASSES)[number];

/** What waits for a time to come; what is due already is not among it. */
export interface NextTries {
  letters: number;
  /** Null where nothing does. */
  nextAt: Date | null;
  /** Those with letters, soonest first; null: later than a day. */
  classes: { within: TryClass | null; letters: number }[];
  /** Those whose time comes only after the end of the mailing. */
  beyond: number;
}

export const NO_TRIES: NextTries = { letters: 0, nextAt: null, classes: [], beyond: 0 };
