import { setTimeout as wait } from 'node:timers/promises';

/** Longer than the work takes for a known address. */
const SHORTEST_ANSWER_MS = 150;

/** Settles no sooner than a known address takes, so that the time tells nothing about an unknown one. */
export async function takeEvenTime<T>(work: Promise<T>): Promise<T> {
  const [result] = await Promise.all([work, wait(SHORTEST_ANSWER_MS)]);
  return result;
}
