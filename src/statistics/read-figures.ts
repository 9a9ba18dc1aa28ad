import { sumAttemptsByTime } from '../delivery/attempt-totals-store.js';
import type { Database } from '../lib/database.js';
import type { Owners } from '../lib/owners.js';
import { listNeedingAttention, sumMailings } from '../mailings/mailing-overview-store.js';
import { countAddedRecipients } from '../recipients/added-recipients-store.js';
import { countRecipients } from '../recipients/recipient-store.js';
import { addSums, type Attention, type Figures } from './figures.js';
import { splitRange, type Range } from './range.js';

/** By the days of the time zone that the range was chosen in. */
export async function readFigures(db: Database, owners: Owners, range: Range, timeZone: string): Promise<Figures> {
  const { before } = range;
  const [attempts, mailings, recipients, added, addedBefore] = await Promise.all([
    sumAttemptsByTime(db, owners, splitRange(range, timeZone), before),
    sumMailings(db, owners, [range, before]),
    countRecipients(db, owners),
    countAddedRecipients(db, owners, range),
    countAddedRecipients(db, owners, before),
  ]);
  const [started = 0, startedBefore = 0] = mailings.started;
  return {
    series: attempts.series,
    attempts: { now: addSums(attempts.series), before: attempts.before },
    started: { now: started, before: startedBefore },
    added: { now: added, before: addedBefore },
    recipients,
    mailings: mailings.statuses,
  };
}

/** A page shows the gravest few of them, and the others on demand. */
const MOST = 50;

export async function readAttention(db: Database, owners: Owners): Promise<Attention> {
  const rows = await listNeedingAttention(db, owners, MOST + 1);
  const mailings = rows.slice(0, MOST).map((row) => Object.assign(row, { endsAt: row.endsAt.toISOString() }));
  return { mailings, hasMore: rows.length > MOST };
}
