import { setTimeout as delay } from 'node:timers/promises';

interface Repetition {
  everyMs: number;
  stopping: AbortSignal;
  /** `isFirst`: the time before all went well. */
  onFailure: (error: unknown, isFirst: boolean) => void;
}

/** Does something again and again, a while after its end; what fails is tried again. Resolves when the last one has ended after the stop. */
export async function repeat(
  { everyMs, stopping, onFailure }: Repetition,
  action: () => Promise<unknown>,
): Promise<void> {
  let isFailing = false;
  while (!stopping.aborted) {
    try {
      await action();
      isFailing = false;
    } catch (error) {
      onFailure(error, !isFailing);
      isFailing = true;
    }
    await delay(everyMs, undefined, { signal: stopping }).catch(() => {});
  }
}
