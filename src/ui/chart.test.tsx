import fc from 'fast-check';
import { expect, test } from 'vitest';

import { translate } from '../lib/i18n.js';
import { chooseLabels, roundScale, stackBar } from './chart-scale.js';
import { BarChart, ShareBar } from './chart.js';
import type { View } from './view.js';

const view = { t: translate('en'), locale: 'en' } as View;
const SERIES = [
  { name: 'Accepted', kind: 'accepted' as const },
  { name: 'Rejected', kind: 'rejected' as const },
];
const POINTS = [
  { label: '1 May 2026', short: '1 May', values: [1200, 0] },
  { label: '2 May 2026', short: '2 May', values: [3400, 7] },
  { label: '3 May 2026', short: '3 May', values: [0, 0] },
];

const render = (points = POINTS) => toText(<BarChart view={view} title="Attempts" series={SERIES} points={points} />);

/** Elements of Hono become HTML as text. */
function toText(element: unknown): string {
  return (element as { toString: () => string }).toString();
}

test.each([
  [[], [0, 1]],
  [
    [0, 0],
    [0, 1],
  ],
  [[1], [0, 1]],
  [[3], [0, 1, 2, 3]],
  [[7], [0, 2, 4, 6, 8]],
  [[3407], [0, 1000, 2000, 3000, 4000]],
  [[1_000_000], [0, 500_000, 1_000_000]],
  [[0.3], [0, 0.1, 0.2, 0.3]],
])('gives %j the axis %j', (values, scale) => {
  expect(roundScale(values)).toEqual(scale);
});

test('gives every axis two to six figures, from 0 to no less than the largest value', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50_000_000 }), { minLength: 1 }), (values) => {
      const scale = roundScale(values);
      expect(scale[0]).toBe(0);
      expect(scale.at(-1)).toBeGreaterThanOrEqual(Math.max(...values));
      expect(scale.length).toBeGreaterThanOrEqual(2);
      expect(scale.length).toBeLessThanOrEqual(6);
      expect(scale.every(Number.isInteger)).toBe(true);
    }),
  );
});

test('keeps every bar in its plot, without gaps, and everything that is not 0 in sight', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1_000_000 }), { minLength: 1, maxLength: 4 }), (values) => {
      const slices = stackBar(values, roundScale([values.reduce((a, b) => a + b, 0)]).at(-1) ?? 1, 180);
      expect(slices.map(({ index }) => index)).toEqual(values.flatMap((value, index) => (value > 0 ? [index] : [])));
      let bottom = 180;
      for (const { top, height } of slices) {
        expect(height).toBeGreaterThan(1.9);
        expect(top + height).toBeCloseTo(bottom, 1);
        bottom = top;
      }
      expect(bottom).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('leaves room between labels, on a phone too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 20 }), (count, length) => {
      const { wide, narrow } = chooseLabels(Array.from({ length: count }, () => 'x'.repeat(length)));
      expect(narrow % wide).toBe(0);
      const room = (plot: number, step: number) => (count <= step ? Infinity : (plot / count) * step);
      expect(room(600, wide)).toBeGreaterThan(length * 6.6);
      expect(room(260, narrow)).toBeGreaterThan(length * 6.6);
    }),
  );
});

test('is one picture with a sentence for its name', () => {
  expect(/role="img" aria-label="([^"]*)"/.exec(render())?.[1]).toBe(
    'Attempts, from 1 May 2026 to 3 May 2026. Accepted: 4,600, Rejected: 7. Most at 2 May 2026: 3,407.',
  );
});

test('draws a slice for each series that has something, told apart by texture', () => {
  const svg = /<svg class="chart-plot".*?<\/svg>/s.exec(render())?.[0] ?? '';
  const fills = [...svg.matchAll(/class="chart-slice" fill="url\(#([^)]*)\)/g)].map(([, id]) => id ?? '');
  expect(fills.map((id) => id.split('-').at(-1))).toEqual(['accepted', 'accepted', 'rejected']);
  for (const id of fills) expect(svg).toContain(`<pattern id="${id}"`);
  expect(svg).toContain('<title>2 May 2026\nAccepted: 3,400\nRejected: 7</title>');
});

test('says the same in a table, and the sums in its legend', () => {
  const text = render()
    .replaceAll(/<[^>]+>/g, '|')
    .replaceAll(/\|+/g, '|');
  expect(text).toContain('|Time|Accepted|Rejected|1 May 2026|1,200|0|2 May 2026|3,400|7|3 May 2026|0|0|');
  expect(text).toContain('Accepted|4,600|');
});

test('says so where there is nothing', () => {
  const empty = render(POINTS.map(({ label, short }) => ({ label, short, values: [0, 0] })));
  expect(empty).toContain('Nothing in this time.');
  expect(empty).toContain('aria-label="Attempts: nothing in this time."');
  expect(empty).not.toContain('chart-slice');
});

test('has no styles that the policy of contents would refuse, and escapes what it is given', () => {
  const html = render([{ label: '<b>', short: '"', values: [1, 1] }]);
  expect(html).not.toMatch(/style=|<style|<b>/);
});

test('shows the shares of a table, the smallest too', () => {
  expect(toText(<ShareBar value={50} largest={200} />)).toContain('width="25%" height="6"');
  expect(toText(<ShareBar value={1} largest={1_000_000} />)).toContain('width="1%"');
  expect(toText(<ShareBar value={0} largest={0} />)).not.toContain('share-bar-part');
});
