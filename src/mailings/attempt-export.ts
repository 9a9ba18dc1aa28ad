import { findOwnerNames } from '../accounts/user-store.js';
import { readAttempts } from '../delivery/attempt-export-store.js';
import type { AttemptFilter, AttemptScope, JournalAttempt } from '../delivery/attempt-journal.js';
import { CSV_BOM, toCsvLine } from '../lib/csv.js';
import type { Database } from '../lib/database.js';
import { writeXlsx, XLSX_ROWS, type XlsxCell } from '../lib/xlsx.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { findSubjects } from './oversight-mailing-store.js';

export type ExportFormat = 'csv' | 'xlsx';

interface AttemptExport {
  view: View;
  scope: AttemptScope;
  filter: AttemptFilter;
  withOwner: boolean;
}

const COLUMNS = [
  'time',
  'address',
  'mailing',
  'owner',
  'outcome',
  'code',
  'enhanced',
  'reply',
  'relay',
  'tls',
  'ms',
] as const;

export function nameExport({ now }: View, format: ExportFormat) {
  const contentType =
    format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
  return { name: `vestnik-attempts-${now.toISOString().slice(0, 10)}.${format}`, contentType };
}

/** The chunks of the file. Times are UTC (ISO 8601) in a CSV file, and dates of the visitor's time zone in a workbook. */
export async function* writeAttempts(
  db: Database,
  order: AttemptExport,
  format: ExportFormat,
): AsyncGenerator<string | Uint8Array, void> {
  const { view } = order;
  const headings = COLUMNS.filter((name) => name !== 'owner' || order.withOwner).map((name) =>
    name === 'time'
      ? view.t('journal.columns.time', { timeZone: format === 'csv' ? 'UTC' : view.timeZone })
      : view.t(`journal.columns.${name}`),
  );
  if (format === 'xlsx') {
    const tooMany = view.t('journal.tooMany', { number: formatNumber(view, XLSX_ROWS - 2) });
    yield* writeXlsx(
      { name: view.t('journal.title'), headings, timeZone: view.timeZone, tooMany },
      readCells(db, order),
    );
    return;
  }
  yield CSV_BOM + toCsvLine(headings);
  for await (const rows of readCells(db, order)) {
    if (rows.length > 0)
      yield rows
        .map((cells) => toCsvLine(cells.map((cell) => (cell instanceof Date ? cell.toISOString() : cell))))
        .join('');
  }
}

async function* readCells(
  db: Database,
  { view, scope, filter, withOwner }: AttemptExport,
): AsyncGenerator<XlsxCell[][], void> {
  const outcomes = {
    accepted: view.t('mailings.outcomes.accepted'),
    deferred: view.t('mailings.outcomes.deferred'),
    rejected: view.t('mailings.outcomes.rejected'),
    in_doubt: view.t('mailings.outcomes.in_doubt'),
  };
  for await (const attempts of readAttempts(db, scope, filter)) {
    const names = await nameThings(db, attempts, withOwner);
    yield attempts.map((attempt) => {
      const { startedAt, address, mailingId, ownerId, outcome, replyCode, enhancedCode, reply, relay, tls } = attempt;
      const whose = withOwner ? [names.owners.get(ownerId)?.email ?? ''] : [];
      const said = [outcomes[outcome], replyCode, enhancedCode, reply, relay, tls, attempt.durationMs];
      const tried: XlsxCell[] = [startedAt, address, names.subjects.get(mailingId) ?? ''];
      return tried.concat(whose, said);
    });
  }
}

async function nameThings(db: Database, attempts: JournalAttempt[], withOwner: boolean) {
  const mailings = [...new Set(attempts.map(({ mailingId }) => mailingId))];
  const owners = withOwner ? [...new Set(attempts.map(({ ownerId }) => ownerId))] : [];
  return { subjects: await findSubjects(db, mailings), owners: await findOwnerNames(db, owners) };
}
