import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { RATE_PROMISES, takeInTurns } from '../../test/support/rates.js';
import { closeDatabase, openDatabase } from '../lib/database.js';
import { keepRatesInDatabase } from './rates.js';

test.each(RATE_PROMISES)('a limit in the database %s', async (_what, expectKept) => {
  await using database = await createTestDatabase();
  await expectKept(keepRatesInDatabase(database.db));
});

test.each([
  [{ letters: 50, seconds: 1 }, 1],
  [{ letters: 50, seconds: 1 }, 64],
  [{ letters: 6000, seconds: 60 }, 7],
])('takers in several processes together never get more than %o, asking for %i', async (pacing, wanted) => {
  await using database = await createTestDatabase();
  const pools = [1, 2, 3].map(() => openDatabase(database.connection, { maxConnections: 3 }));
  const takers = [...pools, ...pools, ...pools].map(keepRatesInDatabase);
  const { count, most } = await takeInTurns(takers, pacing, { ms: 2000, wanted });
  await Promise.all(pools.map(closeDatabase));
  expect(count).toBeLessThanOrEqual(most);
  // Nor is the limit kept by giving next to nothing.
  expect(count).toBeGreaterThan(most / 3);
});
