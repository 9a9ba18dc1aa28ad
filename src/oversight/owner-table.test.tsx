import { expect, test } from 'vitest';

import { translate } from '../lib/i18n.js';
import { chooseRange } from '../statistics/range.js';
import type { View } from '../ui/view.js';
import { OwnerTable } from './owner-table.js';

const view = { t: translate('en'), locale: 'en', timeZone: 'UTC' } as View;
const { range } = chooseRange({}, new Date('2026-05-08T12:00Z'), 'UTC');
const owner = { id: 1, name: 'Anna', email: 'anna@example.com' };

test.each([
  [1, 99_999, '&lt;0.1% of attempts'],
  [99_999, 1, '&gt;99.9% of attempts'],
])('tells the share of %d unsuccessful attempts beside %d accepted ones', (unsuccessful, accepted, share) => {
  const figures = { recipients: 1, started: 1, accepted, unsuccessful, acceptedBefore: 0, lastStartedAt: null };
  const table = <OwnerTable view={view} owners={[{ owner, ...figures }]} range={range} sort="accepted" />;
  expect((table as { toString: () => string }).toString()).toContain(`<small class="row-note">${share}</small>`);
});
