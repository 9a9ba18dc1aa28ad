import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { toRate, writeRate, type Rate } from '../lib/rate.js';
import { lockMailing, setMailingRate } from './mailing-store.js';
import { nameMailing } from './mailing.js';

/** How fast a mailing may be sent from now on; null: as fast as the mail server takes it. False where it is finished or gone. */
export async function changeRate(
  db: Database,
  actor: Actor,
  { ownerId, id }: { ownerId: number; id: number },
  rate: Rate | null,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const mailing = await lockMailing(trx, ownerId, id);
    if (!mailing || !(await setMailingRate(trx, ownerId, id, rate))) return false;
    const show = (one: Rate | null) => (one ? writeRate(one) : '–');
    const details = { from: show(toRate(mailing)), to: show(rate) };
    if (details.from !== details.to)
      await recordAudit(trx, actor, { action: 'mailing.rate_changed', ...nameMailing(mailing), details });
    return true;
  });
}
