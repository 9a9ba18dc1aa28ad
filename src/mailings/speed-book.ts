import type { Counters } from '../delivery/delivery.js';
import { addSample, measureSpeed, takeSample, type Sample, type Speed } from './live-pace.js';

const MOST_MAILINGS = 1000;

/** What the books of mailings were at the latest looks at them: whoever looks again knows how fast they move. No timers. */
export class SpeedBook {
  readonly #samples = new Map<number, Sample[]>();

  /** Notes one more look; null while there are too few. */
  note(mailingId: number, counters: Counters, now: Date): Speed | null {
    const samples = addSample(this.#samples.get(mailingId) ?? [], takeSample(counters, now));
    // The one looked at last stands last.
    this.#samples.delete(mailingId);
    this.#samples.set(mailingId, samples);
    const [longestAgo] = this.#samples.keys();
    if (this.#samples.size > MOST_MAILINGS && longestAgo !== undefined) this.#samples.delete(longestAgo);
    return measureSpeed(samples);
  }
}
