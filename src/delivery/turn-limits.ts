import type { Log } from '../lib/log.js';
import type { Rates } from './rates.js';
import type { Route } from './route.js';
import type { Turns } from './turns.js';

interface TurnLimitsDeps {
  rates: Rates;
  log: Log;
}

/** The limits of a mailing and of the relay that it has a turn on, together. */
export class TurnLimits {
  readonly #deps: TurnLimitsDeps;

  constructor(deps: TurnLimitsDeps) {
    this.#deps = deps;
  }

  /** How many of the letters may leave now. */
  async take(turns: Turns, route: Route, size: number): Promise<number> {
    const { rates } = this.#deps;
    const [own, pacing] = [turns.limit, route.pacing];
    let granted = size;
    if (own) {
      const grant = await rates.take(keyOf(turns), own, granted);
      turns.throttledUntil = performance.now() + grant.waitMs;
      granted = grant.granted;
    }
    if (pacing && granted > 0) {
      const grant = await rates.take(keyOfRoute(route), pacing, granted);
      route.fullUntil = performance.now() + grant.waitMs;
      if (own) await rates.giveBack(keyOf(turns), own, granted - grant.granted);
      granted = grant.granted;
    }
    return granted;
  }

  /** What was granted and did not leave. A limit that is a little too tight for a moment is no reason to lose a claim. */
  async giveBack(turns: Turns, route: Route, count: number): Promise<void> {
    const { rates, log } = this.#deps;
    try {
      if (turns.limit) await rates.giveBack(keyOf(turns), turns.limit, count);
      if (route.pacing) await rates.giveBack(keyOfRoute(route), route.pacing, count);
    } catch (error) {
      log.warn({ err: error }, 'a limit could not be given back what did not leave');
    }
  }
}

function keyOf({ id }: Turns): string {
  return `mailing:${id}`;
}

function keyOfRoute({ key }: Route): string {
  return `relay:${key}`;
}
