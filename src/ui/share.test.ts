import { expect, test } from 'vitest';

import { formatDuration } from './duration.js';
import { formatShare } from './share.js';

const [ru, en] = [{ locale: 'ru' }, { locale: 'en' }] as const;
/** With spaces that one can type. */
const plain = (text: string | undefined) => text?.replaceAll(/[\u00a0\u202f]/g, ' ');

test.each([
  [984, 1000, '98,4 %', '98.4%'],
  [1000, 1000, '100 %', '100%'],
  [0, 7, '0 %', '0%'],
  [1, 3, '33,3 %', '33.3%'],
  [999_999, 1_000_000, '>99,9 %', '>99.9%'],
  [1, 1_000_000, '<0,1 %', '<0.1%'],
])('%d of %d is a share of %s', (part, whole, russian, english) => {
  expect(plain(formatShare(ru, part, whole))).toBe(russian);
  expect(plain(formatShare(en, part, whole))).toBe(english);
});

test('of nothing there is no share', () => {
  expect(formatShare(en, 0, 0)).toBeUndefined();
});

test.each([
  [0, '0,1 с', '0.1 sec'],
  [0.44, '0,4 с', '0.4 sec'],
  [1, '1 с', '1 sec'],
  [59.7, '1 мин', '1 min'],
  [184, '3 мин 4 с', '3 min, 4 sec'],
  [3599.6, '1 ч', '1 hr'],
  [4980, '1 ч 23 мин', '1 hr, 23 min'],
  [86_400, '1 дн.', '1 day'],
  [273_600, '3 дн. 4 ч', '3 days, 4 hr'],
])('%d seconds last %s', (seconds, russian, english) => {
  expect(plain(formatDuration(ru, seconds))).toBe(russian);
  expect(plain(formatDuration(en, seconds))).toBe(english);
});
