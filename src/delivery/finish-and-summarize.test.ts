import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { eventually } from '../../test/support/eventually.js';
import { addMailing } from '../../test/support/fixtures.js';
import { openSending } from '../../test/support/sending.js';
import { TERMINAL } from '../audit/audit.js';
import { startMailing } from '../mailings/start-mailing.js';

test('a worker that finishes a mailing counts its report', async () => {
  await using sending = await openSending(70);
  await sending.start();
  await sending.finished();
  const { db, mailingId } = sending;
  const summary = await eventually('the mailing is summarised', async () =>
    db.selectFrom('mailing_summaries').selectAll().where('mailing_id', '=', mailingId).executeTakeFirst(),
  );
  expect(summary.accepted.reduce((sum, count) => sum + count, 0)).toBe(70);
  const domains = await db.selectFrom('mailing_domains').selectAll().where('mailing_id', '=', mailingId).execute();
  expect(domains).toMatchObject([{ domain: 'example.com', audience: 70, accepted: 70 }]);
});

test('a report that cannot be counted stops neither the mailing nor the next one', async () => {
  await using sending = await openSending(
    5,
    {},
    { prepare: (db) => sql`drop table mailing_summaries cascade`.execute(db) },
  );
  await sending.start();
  expect(await sending.finished()).toMatchObject({ accepted: 5 });
  const { db, ownerId } = sending;
  const next = await addMailing(db, ownerId);
  await startMailing(db, TERMINAL, ownerId, next, new Date());
  await eventually('the next mailing is finished', async () => {
    const { status } = await db
      .selectFrom('mailings')
      .select('status')
      .where('id', '=', next)
      .executeTakeFirstOrThrow();
    return status === 'finished';
  });
});
