import { recordAudit } from '../audit/audit-store.js';
import type { Actor } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { toRate, writeRate, type Rate } from '../lib/rate.js';
import { deleteDomainLimit, findDomainLimit, saveDomainLimit } from './relay-store.js';

/** Sets the limit of a domain, or another one in its place. */
export async function limitDomain(db: Database, actor: Actor, domain: string, rate: Rate): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const before = await findDomainLimit(trx, domain);
    await saveDomainLimit(trx, domain, rate);
    const from = before && toRate(before);
    await recordAudit(trx, actor, {
      action: 'domain_limit.saved',
      subject: { type: 'domain', id: null, name: domain },
      details: { ...(from ? { from: writeRate(from) } : {}), to: writeRate(rate) },
    });
  });
}

/** False where there was none. */
export async function unlimitDomain(db: Database, actor: Actor, domain: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const isRemoved = await deleteDomainLimit(trx, domain);
    if (isRemoved)
      await recordAudit(trx, actor, {
        action: 'domain_limit.removed',
        subject: { type: 'domain', id: null, name: domain },
      });
    return isRemoved;
  });
}
