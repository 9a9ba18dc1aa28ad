import { listCountable, recountMailing } from '../delivery/recount-store.js';
import { BOOKED_STATES, findImbalances, type Imbalance, type Recount } from '../delivery/recount.js';
import { readBatches } from '../lib/batches.js';
import type { Database } from '../lib/database.js';
import type { Translate } from '../lib/i18n.js';
import { parseId } from '../lib/ids.js';

interface AuditCommand {
  foundation: { db: Database; config: { terminalLocale: string } };
  t: Translate;
  positionals: string[];
}

interface Terminal {
  t: Translate;
  format: (number: number) => string;
}

const BATCH = 500;

/** Counts the ledger of one mailing anew, or of all that have started, and tells what does not balance. Returns the exit code. */
export async function auditFromTerminal({ foundation, t, positionals }: AuditCommand): Promise<number> {
  const { db, config } = foundation;
  const numbers = new Intl.NumberFormat(config.terminalLocale);
  const terminal = { t, format: (number: number) => numbers.format(number) };
  const [typed] = positionals;
  if (typed === undefined) return auditAll(db, terminal);
  const id = parseId(typed);
  const recount = id === undefined ? undefined : await recountMailing(db, id);
  if (recount) return report(terminal, recount) ? 0 : 1;
  console.error(t('cli.audit.gone', { id: typed }));
  return 1;
}

async function auditAll(db: Database, terminal: Terminal): Promise<number> {
  const { t, format } = terminal;
  const totals = { mailings: 0, wrong: 0, deliveries: 0, attempts: 0 };
  for await (const ids of readBatches<number>(BATCH, (last) => listCountable(db, last ?? 0, BATCH))) {
    for (const id of ids) {
      const recount = await recountMailing(db, id);
      // Deleted meanwhile.
      if (!recount) continue;
      totals.mailings += 1;
      totals.deliveries += recount.counted.audience;
      totals.attempts += countAttempts(recount);
      if (!report(terminal, recount)) totals.wrong += 1;
    }
  }
  const { mailings, wrong, deliveries, attempts } = totals;
  const recounted = { mailings: format(mailings), deliveries: format(deliveries), attempts: format(attempts) };
  console.log(`\n${t('cli.audit.recounted', recounted)}`);
  console.log(wrong === 0 ? t('cli.audit.balanced') : t('cli.audit.wrong', { count: wrong, number: format(wrong) }));
  return wrong === 0 ? 0 : 1;
}

/** Whether it balances. */
function report(terminal: Terminal, recount: Recount): boolean {
  const { t, format } = terminal;
  const { mailingId, subject, status, isFrozen, counted } = recount;
  const imbalances = findImbalances(recount);
  const parts = BOOKED_STATES.filter((state) => counted.states[state] > 0).map(
    (state) => `${t(`mailings.deliveryStates.${state}`)} ${format(counted.states[state])}`,
  );
  const sum = `${format(counted.audience)} = ${parts.join(' + ') || '0'}`;
  const sign = imbalances.length === 0 ? '✓' : '✗';
  const found = isFrozen ? t('cli.audit.sum', { sum, attempts: format(countAttempts(recount)) }) : t('cli.audit.empty');
  const heading = t('cli.audit.mailing', { id: mailingId, subject, status: t(`mailings.states.${status}`) });
  console.log(`${sign} ${heading}: ${found}`);
  if (isFrozen && !recount.hasAllAttempts) console.log(`    ${t('cli.audit.removed')}`);
  for (const imbalance of imbalances) console.log(`    ${describe(terminal, imbalance)}`);
  return imbalances.length === 0;
}

/** The totals have those that are not kept any more, too. */
function countAttempts({ hasAllAttempts, counted, totals }: Recount): number {
  const attempts = hasAllAttempts ? counted.attempts : totals;
  return attempts.accepted + attempts.deferred + attempts.rejected + attempts.in_doubt;
}

function describe({ t, format }: Terminal, imbalance: Imbalance): string {
  if ('count' in imbalance) {
    const { kind, count } = imbalance;
    return t(`cli.audit.faults.${kind}`, { count, number: format(count) });
  }
  if (!('booked' in imbalance)) return t(`cli.audit.faults.${imbalance.kind}`);
  const figures = { booked: format(imbalance.booked), counted: format(imbalance.counted) };
  if (imbalance.kind === 'state') {
    const state = t(`mailings.deliveryStates.${imbalance.state}`);
    return t('cli.audit.faults.state', { state, ...figures });
  }
  if ('outcome' in imbalance) {
    const outcome = t(`mailings.outcomes.${imbalance.outcome}`);
    return t(`cli.audit.faults.${imbalance.kind}`, { outcome, ...figures });
  }
  return t(`cli.audit.faults.${imbalance.kind}`, figures);
}
