import { setImmediate as turn } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { joinReads } from './join-reads.js';

/** A thing that changes, whose reads end when they are told to. */
function openThing() {
  const ends: (() => void)[] = [];
  let value = 0;
  const read = joinReads(async (key: string) => {
    const seen = `${key}${value}`;
    await new Promise<void>((resolve) => ends.push(resolve));
    if (seen === 'broken0') throw new Error(seen);
    return seen;
  });
  return { read, ends, change: () => (value += 1) };
}

it('reads once for all who come in one go', async () => {
  const { read, ends } = openThing();
  const reads = [read('a'), read('a'), read('a')];
  await turn();
  for (const end of ends) end();
  expect([await Promise.all(reads), ends.length]).toEqual([['a0', 'a0', 'a0'], 1]);
});

it('reads once more for any number who come meanwhile, and gives each what was true when they came', async () => {
  const { read, ends, change } = openThing();
  const first = read('a');
  await turn();
  change();
  const others = Array.from({ length: 100 }, () => read('a'));
  ends[0]?.();
  expect(await first).toBe('a0');
  await turn();
  ends[1]?.();
  expect(new Set(await Promise.all(others))).toEqual(new Set(['a1']));
  expect(ends.length).toBe(2);
});

it('reads different things apart, and begins anew when nothing runs', async () => {
  const { read, ends, change } = openThing();
  const [a, b] = [read('a'), read('b')];
  await turn();
  expect(ends.length).toBe(2);
  for (const end of ends) end();
  expect([await a, await b]).toEqual(['a0', 'b0']);
  change();
  const again = read('a');
  await turn();
  ends[2]?.();
  expect(await again).toBe('a1');
});

it('gives an error to whom it belongs, and reads on for the others', async () => {
  const { read, ends, change } = openThing();
  const failing = read('broken');
  await turn();
  change();
  const next = read('broken');
  ends[0]?.();
  await expect(failing).rejects.toThrow('broken0');
  await turn();
  ends[1]?.();
  expect(await next).toBe('broken1');
});
