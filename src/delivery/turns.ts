import type { WriteLetter } from './mailing-letters.js';
import type { Pacing } from './pacing.js';
import type { Route } from './route.js';

/** A mailing that may be sent now. */
export interface Sendable {
  id: number;
  limit: Pacing | null;
  /** Something of it is due. */
  isDue: boolean;
}

/** What one process knows of a mailing that it sends. */
export class Turns implements Sendable {
  readonly id: number;
  limit: Pacing | null;
  isDue: boolean;
  claims = 0;
  // On the clock that is never set.
  throttledUntil = 0;
  haltedAt = -Infinity;
  /** The number of its latest turn. */
  lastTurn = 0;
  letters: Promise<WriteLetter | undefined> | undefined;
  readonly leases = new Map<string, AbortController>();
  readonly #underWay = new Map<Route, number>();

  constructor({ id, limit, isDue }: Sendable) {
    this.id = id;
    this.limit = limit;
    this.isDue = isDue;
  }

  /** Letters of it that are claimed, or being claimed, and not recorded. */
  get underWay(): number {
    return this.#underWay.values().reduce((sum, letters) => sum + letters, 0);
  }

  underWayOn(route: Route): number {
    return this.#underWay.get(route) ?? 0;
  }

  /** So many more of them, or fewer. */
  move(route: Route, letters: number): void {
    const count = this.underWayOn(route) + letters;
    if (count > 0) this.#underWay.set(route, count);
    else this.#underWay.delete(route);
  }
}
