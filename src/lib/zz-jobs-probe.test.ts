import { it } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { closeJobs, openJobs } from './jobs.js';
import { openLog } from './log.js';
import { prepareSystemLetters } from './system-mail.js';
it('measures', async () => {
  await using database = await createTestDatabase();
  for (const works of [true, true, false]) {
    const t0 = performance.now();
    const jobs = await openJobs(database.connection, { log: openLog('debug'), works });
    const t1 = performance.now();
    await prepareSystemLetters(jobs);
    const t2 = performance.now();
    await closeJobs(jobs);
    console.log({ works, open: t1 - t0, queue: t2 - t1, close: performance.now() - t2 });
  }
});
