import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseId, parseIds, parseIntegerId, parseVersion } from './ids.js';

test('reads every id that the database can give', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (id) => {
      expect(parseId(String(id))).toBe(id);
    }),
  );
});

test.each([
  undefined,
  '',
  '0',
  '-1',
  '+1',
  '01',
  '1.0',
  '1e3',
  '0x10',
  ' 1',
  '1 ',
  '1\n',
  '١',
  'x',
  '9007199254740992',
  '99999999999999999999',
])('takes %j for no id', (text) => {
  expect(parseId(text)).toBeUndefined();
});

test('passes over what is no id', () => {
  expect(parseIds(['3', 'x', '', '1', '-2', '3'])).toEqual([3, 1, 3]);
});

test.each([
  ['1', 1],
  ['2147483646', 2_147_483_646],
  // The next version would be too large for the database.
  ['2147483647', 0],
  ['9007199254740991', 0],
  ['x', 0],
  [undefined, 0],
])('reads the version %j as %j', (text, version) => {
  expect(parseVersion(text)).toBe(version);
});

test.each([
  ['1', 1],
  ['2147483647', 2_147_483_647],
  ['2147483648', undefined],
  ['9007199254740991', undefined],
  ['x', undefined],
])('reads %j, for a table with small ids, as %j', (text, id) => {
  expect(parseIntegerId(text)).toBe(id);
});
