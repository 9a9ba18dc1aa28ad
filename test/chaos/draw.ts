import { createHash } from 'node:crypto';

/** Choices that depend on the seed and the question alone: not on the order in which they are asked, nor on time. */
export class Draw {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** From 0 on. */
  below(limit: number, question: string): number {
    return createHash('sha256').update(`${this.#seed} ${question}`).digest().readUInt32BE() % limit;
  }

  between(least: number, most: number, question: string): number {
    return least + this.below(most - least + 1, question);
  }

  chance(percent: number, question: string): boolean {
    return this.below(100, question) < percent;
  }

  pick<T>(items: readonly [T, ...T[]], question: string): T {
    return items[this.below(items.length, question)] ?? items[0];
  }
}
