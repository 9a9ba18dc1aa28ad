import { Hono } from 'hono';

import type { Database } from '../lib/database.js';
import { readForm } from '../lib/form.js';
import { parseListQuery } from '../lib/list.js';
import { download } from '../ui/download.js';
import { fromLocalInput } from '../ui/format.js';
import { FOUND_LIMIT } from '../ui/list.js';
import type { View, WebEnv } from '../ui/view.js';
import { actorOf } from './actor.js';
import { writeAuditCsv } from './audit-csv.js';
import { countAuditEntries, listAuditEntries } from './audit-list-store.js';
import { AuditPage } from './audit-page.js';
import { recordAudit } from './audit-store.js';
import { AUDIT_ACTIONS, AUDIT_SORTS, type AuditFilter } from './audit.js';

interface AuditDeps {
  db: Database;
}

/** Mounted behind the permission to see the log. There is no route that changes it. */
export function auditRoutes({ db }: AuditDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const list = parseListQuery(view.query, AUDIT_SORTS, '-at');
    const filter = readFilter(view, view.query);
    const [page, found] = await Promise.all([
      listAuditEntries(db, list, filter),
      countAuditEntries(db, filter, FOUND_LIMIT),
    ]);
    return c.html(<AuditPage view={view} list={list} page={page} found={found} />);
  });

  routes.post('/export', async (c) => {
    const view = c.get('view');
    const filter = readFilter(view, await readForm(c));
    await recordAudit(db, actorOf(c), { action: 'audit.exported' });
    const name = `vestnik-log-${view.now.toISOString().slice(0, 10)}.csv`;
    return download(c, { name, contentType: 'text/csv; charset=utf-8' }, writeAuditCsv(db, view, filter));
  });
  return routes;
}

/** Days count in the visitor's time zone, the last one whole; what is not understood counts as not given. */
function readFilter(view: View, fields: Record<string, string>): AuditFilter {
  const { search } = parseListQuery(fields, AUDIT_SORTS, '-at');
  const dayStart = (text: string | undefined, daysLater: number) => {
    const day = parseDay(text)?.add({ days: daysLater });
    return (day && fromLocalInput(view.timeZone, `${day.toString()}T00:00`)) ?? null;
  };
  return {
    search,
    action: AUDIT_ACTIONS.find((action) => action === fields['action']) ?? null,
    from: dayStart(fields['from'], 0),
    until: dayStart(fields['until'], 1),
  };
}

function parseDay(text = ''): Temporal.PlainDate | undefined {
  // The years that PostgreSQL and every calendar agree on.
  if (!/^(?:19|20|21)\d\d-\d\d-\d\d$/.test(text)) return undefined;
  try {
    return Temporal.PlainDate.from(text);
  } catch {
    return undefined;
  }
}
