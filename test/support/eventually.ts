import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is neither undefined nor false, and gives it back; fails with `what` after the limit. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`did not come about within ${withinMs} ms: ${what}`);
    await delay(20);
  }
}
