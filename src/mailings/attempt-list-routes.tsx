import { Hono, type Context } from 'hono';

import { chooseOwner } from '../accounts/choose-owner.js';
import { findOtherOwner } from '../accounts/find-other-owner.js';
import { readRetention } from '../accounts/installation-store.js';
import { findOwnerNames } from '../accounts/user-store.js';
import { actorOf } from '../audit/actor.js';
import { recordAudit } from '../audit/audit-store.js';
import { countAttempts, listAttempts } from '../delivery/attempt-journal-store.js';
import { ATTEMPT_SORTS, NO_FILTER, type AttemptScope } from '../delivery/attempt-journal.js';
import type { Database } from '../lib/database.js';
import { readForm } from '../lib/form.js';
import { parseListQuery } from '../lib/list.js';
import { download } from '../ui/download.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { nameExport, writeAttempts, type ExportFormat } from './attempt-export.js';
import { AttemptListPage, type JournalPlace } from './attempt-list-page.js';
import { hasFaults, readAttemptSearch, type AttemptSearch } from './attempt-search.js';
import { findVisible } from './mailing-path.js';
import { findSubjects } from './oversight-mailing-store.js';

interface AttemptListDeps {
  db: Database;
}

type Fields = Record<string, string>;

/** Attempts at all of one's own mailings. Mounted behind `requireUser`. */
export function ownAttemptRoutes({ db }: AttemptListDeps): Hono<WebEnv> {
  return journalRoutes(db, '/', () => Promise.resolve({ kind: 'own' }));
}

/** All attempts at everybody's mailings. Mounted behind the permission to see them. */
export function attemptListRoutes({ db }: AttemptListDeps): Hono<WebEnv> {
  return journalRoutes(db, '/', async (c, fields) => {
    const choice = await chooseOwner(db, { ...c.get('view'), query: fields });
    return { kind: 'oversight', choice };
  });
}

/** Those at one mailing. */
export function mailingAttemptRoutes({ db }: AttemptListDeps): Hono<WebEnv> {
  return journalRoutes(db, '/:id/attempts', async (c) => {
    const mailing = await findVisible(db, c);
    return { kind: 'mailing', mailing, owner: await findOtherOwner(db, c.get('view'), mailing.ownerId) };
  });
}

/** `find` tells whose attempts are asked for, and refuses who may not see them. */
function journalRoutes(
  db: Database,
  path: string,
  find: (c: Context<WebEnv>, fields: Fields) => Promise<JournalPlace>,
): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get(path, async (c) => {
    const view = c.get('view');
    const place = await find(c, view.query);
    const search = readAttemptSearch(view.timeZone, view.query);
    return c.html(await show(db, view, place, search), hasFaults(search) ? 422 : 200);
  });

  routes.post(path === '/' ? '/export' : `${path}/export`, async (c) => {
    const view = c.get('view');
    const fields = await readForm(c);
    const place = await find(c, fields);
    const search = readAttemptSearch(view.timeZone, fields);
    const page = { ...view, path: view.path.replace(/\/export$/, ''), query: search.form.typed };
    if (hasFaults(search)) return c.html(await show(db, page, place, search), 422);
    const format: ExportFormat = fields['format'] === 'xlsx' ? 'xlsx' : 'csv';
    const scope = scopeOf(view, place);
    await recordAudit(db, actorOf(c), { action: 'attempts.exported', ...subjectOf(place) });
    const kind = nameExport(view, format);
    return download(
      c,
      kind,
      writeAttempts(db, { view, scope, filter: search.filter, withOwner: place.kind === 'oversight' }, format),
    );
  });

  return routes;
}

async function show(db: Database, view: View, place: JournalPlace, search: AttemptSearch) {
  const scope = scopeOf(view, place);
  const list = parseListQuery(view.query, ATTEMPT_SORTS, '-time');
  const [journal, count, atMost, retention] = await Promise.all([
    hasFaults(search) ? NOTHING : listAttempts(db, scope, search.filter, list),
    hasFaults(search) ? null : countAttempts(db, scope, search.filter),
    countAttempts(db, scope, NO_FILTER),
    readRetention(db),
  ]);
  const { rows } = journal.page;
  const [subjects, owners] = await Promise.all([
    place.kind === 'mailing'
      ? new Map<number, string>()
      : findSubjects(
          db,
          rows.map(({ mailingId }) => mailingId),
        ),
    place.kind === 'oversight'
      ? findOwnerNames(
          db,
          rows.map(({ ownerId }) => ownerId),
        )
      : new Map<number, never>(),
  ]);
  const props = { view, place, search, list, journal, subjects, owners, count, atMost: atMost ?? 0 };
  return <AttemptListPage {...props} keptFrom={isTouched(place, retention.keptFrom) ? retention.keptFrom : null} />;
}

const NOTHING = { page: { rows: [], before: null, after: null }, brokenOffAt: null };

function scopeOf(view: View, place: JournalPlace): AttemptScope {
  switch (place.kind) {
    case 'own':
      return { owners: signedIn(view).id, mailingId: null };
    case 'oversight':
      return { owners: place.choice.owners, mailingId: null };
    case 'mailing':
      return { owners: place.mailing.ownerId, mailingId: place.mailing.id };
  }
}

/** Of a mailing that started later nothing was removed. */
function isTouched(place: JournalPlace, keptFrom: Date | null): boolean {
  if (place.kind !== 'mailing' || keptFrom === null) return keptFrom !== null;
  return place.mailing.startedAt !== null && place.mailing.startedAt < keptFrom;
}

function subjectOf(place: JournalPlace) {
  if (place.kind !== 'mailing') return {};
  const { id, ownerId, subject } = place.mailing;
  return { ownerId, subject: { type: 'mailing' as const, id, name: subject } };
}
