/**
 * A moment on both clocks. The one that is never set stands still while the whole machine sleeps; the other goes on, and may be set. Of the
 * times that they say have passed, the longer counts.
 */
export interface Moment {
  steady: number;
  wall: number;
}

export function takeMoment(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/** Milliseconds. */
export function since({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Date.now() - wall);
}
