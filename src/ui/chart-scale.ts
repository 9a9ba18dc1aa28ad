// pure

/* The arithmetic of charts: an axis with round numbers, bars that lie on one another, labels that do not. */

/** From 0 up to no less than the largest value, in two to five equal steps of 1, 2 or 5 times a power of ten. */
export function roundScale(values: number[]): number[] {
  const largest = Math.max(0, ...values);
  if (largest === 0) return [0, 1];
  const step = roundStep(largest / 4, values.every(Number.isInteger));
  const steps = Math.ceil(largest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Things are counted in whole numbers. */
function roundStep(atLeast: number, isWhole: boolean): number {
  if (isWhole && atLeast <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5, 10].find((one) => one * power >= atLeast - 1e-9) ?? 10;
  return factor * power;
}

export interface Slice {
  /** Which series. */
  index: number;
  top: number;
  height: number;
}

/** Of a million one refusal still shows: no slice is lower than this. */
const LOWEST = 2;

/** One bar, from the bottom up, in a plot of this height; what is 0 has no slice. */
export function stackBar(values: number[], largest: number, height: number): Slice[] {
  const full = values.map((value) => (value > 0 ? Math.max((value / largest) * height, LOWEST) : 0));
  const total = full.reduce((sum, one) => sum + one, 0);
  // What the lowest were given is taken from all, where the bar would grow out of its plot.
  const shrink = total > height ? height / total : 1;
  let top = height;
  return full.flatMap((one, index) => {
    top -= one * shrink;
    return one > 0 ? [{ index, top: round(top), height: round(one * shrink) }] : [];
  });
}

/** Pixels of the plot: where there is room, and on a phone; and of a letter of its labels, and between two of them. */
const WIDE = 600;
const NARROW = 260;
const LETTER = 6.6;
const GAP = 14;

const STEPS = [1, 2, 3, 4, 6, 7, 8, 12, 14, 21, 24, 28, 42, 48, 56, 84, 96];

/** Every how many points there is room for a label: the second is a multiple of the first, so that a narrow plot only leaves some out. */
export function chooseLabels(labels: string[]): { wide: number; narrow: number } {
  const width = Math.max(1, ...labels.map(({ length }) => length)) * LETTER + GAP;
  const atLeast = (plot: number) => labels.length / Math.max(1, Math.floor(plot / width));
  const wide = STEPS.find((step) => step >= atLeast(WIDE)) ?? Math.ceil(atLeast(WIDE));
  return { wide, narrow: wide * Math.ceil(atLeast(NARROW) / wide) };
}

/** Which part of its place a bar fills: few ones would be slabs. */
export function chooseFilling(count: number): number {
  if (count <= 8) return 0.45;
  return count <= 16 ? 0.6 : 0.76;
}

function round(number: number): number {
  return Number(number.toFixed(2));
}
