import { CSV_BOM, toCsvLine } from '../lib/csv.js';
import type { Database } from '../lib/database.js';
import type { View } from '../ui/view.js';
import { readAuditEntries } from './audit-list-store.js';
import type { AuditFilter, WrittenEntry } from './audit.js';

const HEADINGS = ['at', 'action', 'actor', 'subject', 'reason', 'details', 'address', 'userAgent'] as const;

/** What matches, as the chunks of a CSV file. Times are UTC (ISO 8601). */
export async function* writeAuditCsv(db: Database, view: View, filter: AuditFilter): AsyncGenerator<string, void> {
  yield CSV_BOM + toCsvLine(HEADINGS.map((key) => view.t(`audit.columns.${key}`)));
  for await (const entries of readAuditEntries(db, filter)) {
    yield entries.map((entry) => toLine(view, entry)).join('');
  }
}

function toLine(view: View, entry: WrittenEntry): string {
  const { at, actor, subject, reason, address, userAgent } = entry;
  const action = view.t(`audit.actions.${entry.action}`);
  const details = Object.entries(entry.details).map(([name, value]) => `${name}: ${value}`);
  return toCsvLine([at.toISOString(), action, actor, subject, reason, details.join('; '), address, userAgent]);
}
