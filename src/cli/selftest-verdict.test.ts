import { expect, test } from 'vitest';

import { judgeSelftest, type SelftestFault, type SelftestFindings } from './selftest-verdict.js';

const FINE: SelftestFindings = {
  letters: 1000,
  listed: 1000,
  accepted: 900,
  inDoubt: 100,
  inDoubtArrived: 40,
  unsettled: 0,
  acceptedAbsent: 0,
  doubled: 0,
  imbalances: 0,
  killed: 3,
  arrived: 940,
  sendingSeconds: 2,
  seconds: 30,
};

test('what is accepted or in doubt is not lost', () => {
  expect(judgeSelftest(FINE)).toEqual({ lost: 0, rate: 470, faults: [] });
});

test.each<[what: string, findings: Partial<SelftestFindings>, lost: number, fault: SelftestFault]>([
  ['who was never listed', { listed: 999 }, 1, 'lost'],
  ['what waits at the end', { accepted: 898, unsettled: 2 }, 2, 'lost'],
  ['what is called accepted, and never came', { acceptedAbsent: 3 }, 3, 'lost'],
  ['who got two', { doubled: 1 }, 0, 'doubled'],
  ['more in doubt than three processes have under way', { accepted: 231, inDoubt: 769 }, 0, 'tooManyInDoubt'],
  ['books that do not balance', { imbalances: 1 }, 0, 'unbalanced'],
])('finds %s', (_what, findings, lost, fault) => {
  expect(judgeSelftest({ ...FINE, ...findings })).toMatchObject({ lost, faults: [fault] });
});
