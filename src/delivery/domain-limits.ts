/**
 * How fast letters may go to a recipients' domain: what administrators set, and what a domain that asked for patience was slowed down to.
 * Letters that are too many are put off to instants of their own, one after another, so that those to other domains come first and none is
 * claimed again before its turn.
 */
import { domainToASCII } from 'node:url';

import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { listDomainLimits } from '../relays/relay-store.js';
import type { LeasedDelivery } from './lease-store.js';
import { intervalOf, type Pacing } from './pacing.js';
import type { Rates } from './rates.js';
import { readSlowings } from './relay-store.js';
import { saveSlowing } from './slowing-store.js';
import { effectiveRate, slowDown, tighter } from './slowing.js';

interface DomainLimitsDeps {
  db: Database;
  log: Log;
  rates: Rates;
}

export interface PutOff {
  delivery: LeasedDelivery;
  inMs: number;
}

const KEY = 'domain:';
/** Instants are rounded up to this, so that letters stand together in the queue. */
const STEP_MS = 1000;
/** What is put off comes back within this time, and is put off again if need be: the limit may have been loosened, or the slowing be over. */
const MOST_AHEAD_MS = 600_000;
/** For very slow limits: so many letters' time. */
const MOST_AHEAD = 20;
/** Letters that were under way at a complaint are told the same. */
const COMPLAINT_MS = 30_000;

export class DomainLimits {
  readonly #deps: DomainLimitsDeps;
  #set = new Map<string, Pacing>();
  #slowed = new Map<string, number>();
  /** Until when, on the clock that is never set, letters to a domain are put off already. */
  readonly #horizons = new Map<string, number>();

  /** When each complained last. */
  readonly #complaints = new Map<string, number>();

  constructor(deps: DomainLimitsDeps) {
    this.#deps = deps;
  }

  async refresh(now: Date): Promise<void> {
    const { db } = this.#deps;
    const [limits, slowings] = await Promise.all([listDomainLimits(db), readSlowings(db)]);
    this.#set = new Map(
      limits.flatMap(({ domain, lettersLimit: letters, limitSeconds: seconds }) =>
        seconds === null ? [] : [[domain, { letters, seconds }]],
      ),
    );
    this.#slowed = new Map(
      [...slowings].flatMap(([key, slowing]) => {
        const rate = effectiveRate(slowing, now);
        return key.startsWith(KEY) && rate !== null ? [[key.slice(KEY.length), rate]] : [];
      }),
    );
    for (const domain of this.#horizons.keys()) if (!this.#pacing(domain)) this.#horizons.delete(domain);
  }

  /** Which of the letters may go now, and when the others may. */
  async split(deliveries: LeasedDelivery[]): Promise<{ go: LeasedDelivery[]; putOff: PutOff[] }> {
    if (this.#set.size === 0 && this.#slowed.size === 0) return { go: deliveries, putOff: [] };
    const go: LeasedDelivery[] = [];
    const putOff: PutOff[] = [];
    for (const [domain, letters] of Map.groupBy(deliveries, ({ address }) => domainOf(address))) {
      const pacing = this.#pacing(domain);
      const { granted, waitMs } = pacing
        ? await this.#deps.rates.take(KEY + domain, pacing, letters.length)
        : { granted: letters.length, waitMs: 0 };
      go.push(...letters.slice(0, granted));
      // Behind those that go now the next one waits as long as any.
      if (pacing) putOff.push(...this.#putOff(domain, pacing, letters.slice(granted), waitMs || intervalOf(pacing)));
    }
    return { go, putOff };
  }

  /** The domain of this address asks for patience. Many letters may be told so at once; it is slowed down once. */
  complain(address: string): void {
    const domain = domainOf(address);
    if (performance.now() - (this.#complaints.get(domain) ?? -Infinity) < COMPLAINT_MS) return;
    this.#complaints.set(domain, performance.now());
    const { db, log } = this.#deps;
    const lettersPerMinute = slowDown(this.#slowed.get(domain) ?? null);
    this.#slowed.set(domain, lettersPerMinute);
    log.info({ domain, lettersPerMinute }, 'a domain asks for patience; letters to it go more slowly');
    saveSlowing(db, KEY + domain, lettersPerMinute).catch((error: unknown) =>
      log.error({ err: error }, 'the slowing of a domain could not be saved'),
    );
  }

  #pacing(domain: string): Pacing | null {
    return tighter(this.#set.get(domain) ?? null, this.#slowed.get(domain) ?? null);
  }

  #putOff(domain: string, pacing: Pacing, letters: LeasedDelivery[], waitMs: number): PutOff[] {
    if (letters.length === 0) return [];
    const now = performance.now();
    const from = Math.max(this.#horizons.get(domain) ?? 0, now + waitMs);
    const interval = intervalOf(pacing);
    this.#horizons.set(domain, from + letters.length * interval);
    const ahead = Math.max(MOST_AHEAD_MS, interval * MOST_AHEAD);
    return letters.map((delivery, index) => {
      const behind = (from + index * interval - now - waitMs) % ahead;
      return { delivery, inMs: Math.ceil((waitMs + behind) / STEP_MS) * STEP_MS };
    });
  }
}

/** As ASCII in small letters, as limits have it. */
export function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return (isPlain(domain) ? '' : domainToASCII(domain)) || domain.toLowerCase();
}

function isPlain(domain: string): boolean {
  return /^[\w.-]*$/.test(domain);
}
