// pure

/** So many letters in so many seconds. */
export interface Pacing {
  letters: number;
  seconds: number;
}

/** Milliseconds from one letter to the next. */
export function intervalOf({ letters, seconds }: Pacing): number {
  return (seconds * 1000) / letters;
}

/** How many may leave at once: a quarter of a second's worth, so that no second sees many more than the limit says. */
export function burstOf({ letters, seconds }: Pacing): number {
  return Math.max(1, Math.round(letters / seconds / 4));
}
